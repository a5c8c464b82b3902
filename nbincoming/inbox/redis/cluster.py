"""A cluster of Redis or Valkey servers, through redis-py's client for clusters.

The client knows which server has the slot of a key. Its pipeline is not used, because it sends
commands again after a lost connection, and could store an event without a key twice. Instead,
each server gets its commands in its own pipeline. A command is sent again only if the server did
not run it, because it lacked the script or the slot had moved.
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

#: Errors which mean that the server did not run the command. Another try may succeed.
_NOT_RUN: Final = (NoScriptError, AskError, TryAgainError)

#: Errors which may mean that slots have moved: the servers are then asked for them again.
_CHANGED: Final = (
    ConnectionError,
    TimeoutError,
    ClusterDownError,
    MovedError,
    RedisClusterException,  # no server has the slot
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
        # This makes a client that never connects; it raises now if the URL is wrong.
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
        """Run a script for each call; calls of one integration run in order.

        Returns
        -------
        list
            The answer to each call, or its error. If a server is down, only the calls for its
            integrations fail.
        """
        replicas = self._replicas if script.is_replicated else 0
        replies: list[Any] = [None] * len(calls)
        not_run = list(range(len(calls)))
        for is_whole in (False, True):  # first its hash, then the script for servers that lack it
            evaluations = [evaluation(script, calls[n], is_whole=is_whole) for n in not_run]
            keys = [calls[n].keys[0] for n in not_run]
            for n, reply in zip(not_run, self._exchange(evaluations, keys, replicas), strict=True):
                replies[n] = reply
            not_run = [n for n in not_run if isinstance(replies[n], _NOT_RUN)]
            if not not_run:
                return replies
        blocked: set[str] = set()
        for n in not_run if not replicas else ():  # _follow does not wait for replicas
            place = calls[n].keys[0].partition("}")[0]
            if place not in blocked:
                call = calls[n]
                text = [script.text, len(call.keys), *call.keys, *call.arguments]
                replies[n] = self._follow("eval", *text)
                if isinstance(replies[n], Exception):
                    blocked.add(place)  # its other calls would fail after the same wait
        return replies

    def read_together(self, commands: Sequence[RedisCommand]) -> list[Any]:
        """Read many keys. Different servers read theirs at different moments."""
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
            if isinstance(reply, _NOT_RUN):
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
        for numbers, some in zip(parts.values(), answers, strict=True):
            for number, reply in zip(numbers, some, strict=True):
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
            # The slot moves to a new server, which redis-py does not know yet.
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
