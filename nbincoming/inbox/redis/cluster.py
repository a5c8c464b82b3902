"""A cluster of Redis or Valkey servers, by redis-py's own client for it.

The client knows which server has a key's slot, and follows when it moves. Its pipeline is not
used, because it retries after a lost connection: a claim without a key that is sent twice is kept
twice. Instead, each server gets its commands in a pipeline of its own, and a command is sent again
only if the server did not run it: the script was missing, or the slot had moved.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis.cluster import ClusterNode
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ConnectionError,
    MovedError,
    NoScriptError,
    RedisClusterException,
    TimeoutError,
    TryAgainError,
)

from nbincoming.inbox.redis.store import (
    FAULTS,
    SERVER_TIMEOUT_S,
    Call,
    Evaluation,
    NotACluster,
    RedisCommand,
    RedisStore,
    Script,
    evaluation,
    no_retries,
    options,
    send,
    unavailable,
)
from nbincoming.inbox.redis.url import RedisURL

#: Errors of a command that was not run; it succeeds later, or on another server.
_UNDONE: Final = (NoScriptError, AskError, TryAgainError)

#: Errors after which the slots of the servers are read again. RedisClusterException: no server
#: has the slot.
_CHANGED: Final = (
    ConnectionError,
    TimeoutError,
    ClusterDownError,
    MovedError,
    RedisClusterException,
)

#: Most servers to which commands are sent at the same time.
_THREADS: Final = 16


class RedisCluster(RedisStore):
    """Several servers; see :class:`~nbincoming.inbox.redis.store.RedisStore`.

    Parameters
    ----------
    url
        The URL, with some of the servers.
    timeout_s
        Time for each to connect, and for each answer.
    """

    def __init__(self, url: RedisURL, *, timeout_s: float = SERVER_TIMEOUT_S) -> None:
        # A client of the first server, which never connects, raises now if the URL is wrong.
        super().__init__(url, timeout_s=timeout_s)
        if self._client.connection_pool.connection_kwargs.get("db"):
            raise url.error()  # a cluster has only database 0
        self._url = url
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._found: redis.RedisCluster | None = None
        self._pool = ThreadPoolExecutor(_THREADS, "nbincoming-servers")

    def client(self) -> Any:
        """Return redis-py's client; the first call asks the servers for their slots."""
        with self._lock:
            if self._found is None:
                self._found = self._find()
            return self._found

    @contextmanager
    def reached(self) -> Iterator[Any]:
        """Provide redis-py's client; turn its errors into InboxUnavailable."""
        client = None
        try:
            client = self.client()
            yield client
        except FAULTS as error:
            if client is not None and isinstance(error, RedisClusterException):
                self._discard_client(client)
            raise unavailable(error) from error

    def run(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Run a script for each call: those of one integration in order.

        Returns
        -------
        list
            The answers; for a failed call, its error. A server that is down fails only the
            calls of its own integrations.
        """
        replicas = self._replicas if script.is_replicated else 0
        replies: list[Any] = [None] * len(calls)
        undone = list(range(len(calls)))
        for is_whole in (False, True):  # the whole script for servers that lack it
            evaluations = [evaluation(script, calls[n], is_whole=is_whole) for n in undone]
            keys = [calls[n].keys[0] for n in undone]
            for n, reply in zip(undone, self._exchange(evaluations, keys, replicas), strict=True):
                replies[n] = reply
            undone = [n for n in undone if isinstance(replies[n], _UNDONE)]
            if not undone:
                return replies
        blocked: set[str] = set()
        for n in undone if not replicas else ():  # _follow does not wait for replicas
            place = calls[n].keys[0].partition("}")[0]
            if place not in blocked:
                call = calls[n]
                text = [script.text, len(call.keys), *call.keys, *call.arguments]
                replies[n] = self._follow("eval", *text)
                if isinstance(replies[n], Exception):
                    blocked.add(place)  # the next ones would fail after the same wait
        return replies

    def read_together(self, commands: Sequence[RedisCommand]) -> list[Any]:
        """Read many keys, but not at one moment: each server is asked by itself."""
        replies = self.read(commands)
        for reply in replies:
            if isinstance(reply, Exception):
                raise unavailable(reply) from reply
        return replies

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            client, self._found = self._found, None
        if client is not None:
            client.close()
        super().close()
        self._pool.shutdown()

    def _find(self) -> redis.RedisCluster:
        """Connect to the servers of the URL, and ask them for their slots."""
        try:
            return redis.RedisCluster.from_url(
                self._url.of(self._url.hosts[0]),
                startup_nodes=[_node(host) for host in self._url.hosts[1:]],
                require_full_coverage=False,  # the other servers are used while one is down
                retry=no_retries(),
                **options(self._timeout_s),
            )
        except RedisClusterException as error:  # its cause is the error of the last server
            if isinstance(error.__cause__, RedisClusterException):
                raise NotACluster from error
            raise ConnectionError("None of the servers can be asked.") from error
        except IndexError:  # raised by redis-py if no server has slots yet
            raise ClusterDownError("None of the servers has a slot.") from None

    def _read(self, commands: Sequence[RedisCommand]) -> list[Any]:
        replies = self._exchange(commands, [command.key for command in commands])
        for number, reply in enumerate(replies):
            if isinstance(reply, _UNDONE):
                name, key, arguments = commands[number]
                replies[number] = self._follow(name, key, *arguments)
        return replies

    def _exchange(
        self,
        commands: Sequence[RedisCommand | Evaluation],
        keys: Sequence[str],
        replicas: int = 0,
    ) -> list[Any]:
        """Send each server the commands for its keys, to all servers at the same time."""
        replies: list[Any] = [None] * len(commands)
        try:
            client = self.client()
        except FAULTS as error:
            return [error] * len(commands)
        nodes: dict[str, ClusterNode] = {}
        parts: dict[str, list[int]] = {}
        for number, key in enumerate(keys):
            try:
                node = client.get_node_from_key(key)
            except FAULTS as error:
                replies[number] = error
                continue
            nodes[node.name] = node
            parts.setdefault(node.name, []).append(number)

        def ask(name: str) -> list[Any]:
            server = client.get_redis_connection(nodes[name])
            return send(server, [commands[n] for n in parts[name]], replicas)

        answers = self._pool.map(ask, parts) if len(parts) > 1 else map(ask, parts)
        for mine, some in zip(parts.values(), answers, strict=True):
            for number, reply in zip(mine, some, strict=True):
                replies[number] = reply
        if any(isinstance(reply, _CHANGED) for reply in replies):
            self._refresh_slots(client)
        return replies

    def _follow(self, method: str, *arguments: Any) -> Any:
        """Send a command to the server that has its slot now; return the answer or error."""
        try:
            return getattr(self.client(), method)(*arguments)
        except FAULTS as error:
            return error
        except AttributeError as error:
            # A slot moves to a server that had none: redis-py does not know this server yet.
            return redis.exceptions.ClusterError(str(error))

    def _refresh_slots(self, client: redis.RedisCluster) -> None:
        """Ask the servers for their slots again."""
        try:
            client.nodes_manager.initialize()
        except (*FAULTS, IndexError):
            self._discard_client(client)

    def _discard_client(self, client: redis.RedisCluster) -> None:
        """Close the client; the next call connects to the servers of the URL again."""
        with self._lock:
            if self._found is not client:
                return
            self._found = None
        client.close()


def _node(host: str) -> ClusterNode:
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, "6379"
    return ClusterNode(name.strip("[]"), int(port))  # type: ignore[no-untyped-call]
