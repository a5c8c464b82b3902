"""A cluster of Redis or Valkey servers, by redis-py's own client for it.

The client knows which server has a key's slot, and follows when it moves. Its pipeline is not
used: what ended in a lost connection it sends again, and a claim without a key that is sent
twice is kept twice. So each server gets its commands in a pipeline of its own, and only those
are sent again that were refused unread: the script was not there, or the slot had moved.
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
    TIMEOUT_S,
    Call,
    Command,
    Evaluation,
    NotACluster,
    RedisStore,
    Script,
    evaluation,
    never_again,
    options,
    send,
    unavailable,
)
from nbincoming.inbox.redis.url import RedisURL

#: What a server says of a command that it did not do, and that another, or it later, will do.
_UNDONE: Final = (NoScriptError, AskError, TryAgainError)

#: What tells that the servers' parts have changed, or will. A slot that nobody has is a
#: RedisClusterException.
_CHANGED: Final = (
    ConnectionError,
    TimeoutError,
    ClusterDownError,
    MovedError,
    RedisClusterException,
)

#: Servers that are spoken to at the same time.
_CARRIERS: Final = 16


class RedisCluster(RedisStore):
    """Several servers; see :class:`~nbincoming.inbox.redis.store.RedisStore`.

    Parameters
    ----------
    url
        Where some of them are.
    timeout_s
        How long one may take.
    """

    def __init__(self, url: RedisURL, *, timeout_s: float = TIMEOUT_S) -> None:
        # A wrong URL shows at once, in a client of its first server that never connects.
        super().__init__(url, timeout_s=timeout_s)
        if self._client.connection_pool.connection_kwargs.get("db"):
            raise url.error()  # a cluster has none but the first
        self._url = url
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._found: redis.RedisCluster | None = None
        self._pool = ThreadPoolExecutor(_CARRIERS, "nbincoming-servers")

    def client(self) -> Any:
        """Return redis-py's client; the first time it asks the servers who has what."""
        with self._lock:
            if self._found is None:
                self._found = self._find()
            return self._found

    @contextmanager
    def reached(self) -> Iterator[Any]:
        """Hand out redis-py's client, and say in our words that a server cannot be reached."""
        client = None
        try:
            client = self.client()
            yield client
        except FAULTS as error:
            if client is not None and isinstance(error, RedisClusterException):
                self._begin_anew(client)
            raise unavailable(error) from error

    def run(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Run a script for each call: those of one integration in order.

        Returns
        -------
        list
            Of the answers; where a call failed, its error. A server that is away fails those
            of its own integrations alone.
        """
        replicas = self._replicas if script.is_lasting else 0
        replies: list[Any] = [None] * len(calls)
        undone = list(range(len(calls)))
        for is_whole in (False, True):  # the second time to servers that are new to a slot
            evaluations = [evaluation(script, calls[n], is_whole=is_whole) for n in undone]
            keys = [calls[n].keys[0] for n in undone]
            for n, reply in zip(undone, self._exchange(evaluations, keys, replicas), strict=True):
                replies[n] = reply
            undone = [n for n in undone if isinstance(replies[n], _UNDONE)]
            if not undone:
                return replies
        held_up: set[str] = set()
        for n in undone if not replicas else ():  # its replicas would not be waited for
            place = calls[n].keys[0].partition("}")[0]
            if place not in held_up:
                call = calls[n]
                text = [script.text, len(call.keys), *call.keys, *call.arguments]
                replies[n] = self._follow("eval", *text)
                if isinstance(replies[n], Exception):
                    held_up.add(place)  # the next ones would wait as long
        return replies

    def read_together(self, commands: Sequence[Command]) -> list[Any]:
        """Read many keys, each server's at a moment of its own."""
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
        """Ask the servers of the URL who has what."""
        try:
            return redis.RedisCluster.from_url(
                self._url.of(self._url.hosts[0]),
                startup_nodes=[_node(host) for host in self._url.hosts[1:]],
                require_full_coverage=False,  # where a part is away the others go on
                retry=never_again(),
                **options(self._timeout_s),
            )
        except RedisClusterException as error:  # it hides what was wrong with the last server
            if isinstance(error.__cause__, RedisClusterException):
                raise NotACluster from error
            raise ConnectionError("None of the servers can be asked.") from error
        except IndexError:  # what redis-py makes of servers that have no slots yet
            raise ClusterDownError("None of the servers has a slot.") from None

    def _read(self, commands: Sequence[Command]) -> list[Any]:
        replies = self._exchange(commands, [command.key for command in commands])
        for number, reply in enumerate(replies):
            if isinstance(reply, _UNDONE):
                name, key, arguments = commands[number]
                replies[number] = self._follow(name, key, *arguments)
        return replies

    def _exchange(
        self,
        commands: Sequence[Command | Evaluation],
        keys: Sequence[str],
        replicas: int = 0,
    ) -> list[Any]:
        """Send each server what it has the keys of, to all of them at the same time."""
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
            self._ask_again(client)
        return replies

    def _follow(self, method: str, *arguments: Any) -> Any:
        """Send a command to whoever has its slot now; return the answer, or the error."""
        try:
            return getattr(self.client(), method)(*arguments)
        except FAULTS as error:
            return error
        except AttributeError as error:
            # A slot on its way to a server that has none yet: redis-py knows no such server.
            return redis.exceptions.ClusterError(str(error))

    def _ask_again(self, client: redis.RedisCluster) -> None:
        """Ask the servers anew who has what."""
        try:
            client.nodes_manager.initialize()
        except (*FAULTS, IndexError):
            self._begin_anew(client)

    def _begin_anew(self, client: redis.RedisCluster) -> None:
        """Let go of servers that cannot be reached: others may have come under the URL's names."""
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
