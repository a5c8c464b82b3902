"""A Redis or Valkey server as both sides of the inbox use it; redis-py's client does the work.

:mod:`~nbincoming.inbox.redis.cluster` is the same for a cluster of servers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.exceptions import MovedError, NoScriptError, RedisClusterException, RedisError
from redis.retry import Retry

from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.redis.url import RedisURL
from nbincoming.tls import certificate_fault

#: Longest wait for a server that does not answer, in seconds.
TIMEOUT_S: Final = 5.0

#: What redis-py raises; those of a cluster as a whole have a base of their own.
FAULTS: Final = (RedisError, RedisClusterException)


#: How long replicas may take to have what they must have, in milliseconds.
_REPLICATION_MS: Final = 1_000


class NotReplicated(RedisError):
    """Too few replicas had a claim in time: it may be lost with its server."""


class NotACluster(RedisError):
    """A server that is asked for its part of a cluster, and is none of one."""


class Script:
    """A Lua script that the server runs in one step.

    Parameters
    ----------
    text
        The script.
    is_lasting
        Whether the replicas that the URL asks for must have what it did.
    """

    def __init__(self, text: str, *, is_lasting: bool = False) -> None:
        self.text = text
        self.is_lasting = is_lasting
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Call(NamedTuple):
    """What a script is run with; all its keys are in one slot."""

    keys: Sequence[str]
    arguments: Sequence[Any]


class Command(NamedTuple):
    """One command: a method of redis-py's client, the key it is about, and what follows."""

    method: str
    key: str
    arguments: Sequence[Any] = ()

    def add_to(self, pipeline: Any) -> None:
        """Have it sent."""
        getattr(pipeline, self.method)(self.key, *self.arguments)


class RedisStore:
    """A server; any thread may call. It is connected to when it is first used.

    Parameters
    ----------
    url
        Where it is.
    timeout_s
        How long it may take.
    """

    def __init__(self, url: RedisURL, *, timeout_s: float = TIMEOUT_S) -> None:
        self._replicas = url.replicas
        try:
            # Any, since each answer would have to be cast: it is typed for sync and async.
            self._client: Any = redis.Redis.from_url(
                url.of(url.hosts[0]), **options(timeout_s), retry=never_again()
            )
            # A wrong option shows in the connection that is made, which connects to nothing yet.
            self._client.connection_pool.make_connection()
        except (TypeError, ValueError, RedisError):  # the text may quote a password
            raise url.error() from None

    def client(self) -> Any:
        """Return redis-py's client."""
        return self._client

    @contextmanager
    def reached(self) -> Iterator[Any]:
        """Hand out redis-py's client, and say in our words that the server cannot be reached."""
        try:
            yield self.client()
        except FAULTS as error:
            raise unavailable(error) from error

    def run(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Run a script for each call, in order, in one exchange.

        Returns
        -------
        list
            Of the answers; where a call failed, its error.
        """
        evaluations = [evaluation(script, call) for call in calls]
        replicas = self._replicas if script.is_lasting else 0
        replies = send(self._client, evaluations, replicas)
        missing = [n for n, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if missing:  # the server was started again; those did nothing, so they are run now
            again = [evaluation(script, calls[n], is_whole=True) for n in missing]
            for n, reply in zip(missing, send(self._client, again, replicas), strict=True):
                replies[n] = reply
        return replies

    def call(self, script: Script, keys: Sequence[str], *arguments: Any) -> Any:
        """Run a script once.

        Raises
        ------
        InboxUnavailable
            If it did not run, or it is not known whether it did.
        """
        (reply,) = self.run(script, [Call(keys, arguments)])
        if isinstance(reply, Exception):
            raise unavailable(reply) from reply
        return reply

    def read(self, commands: Sequence[Command]) -> list[Any]:
        """Read many keys in one exchange; where one cannot be read, its error is the answer.

        Raises
        ------
        InboxUnavailable
            If none can be read.
        """
        replies = self._read(commands) if commands else []
        errors = [reply for reply in replies if isinstance(reply, Exception)]
        if replies and len(errors) == len(replies):
            raise unavailable(errors[0]) from errors[0]
        return replies

    def read_together(self, commands: Sequence[Command]) -> list[Any]:
        """Read many keys as of one moment.

        Raises
        ------
        InboxUnavailable
            If any of them cannot be read.
        """
        with self.reached() as client, client.pipeline(transaction=True) as pipeline:
            for command in commands:
                command.add_to(pipeline)
            return list(pipeline.execute())

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _read(self, commands: Sequence[Command]) -> list[Any]:
        return send(self._client, commands)


class Evaluation(NamedTuple):
    """A script's run as a command."""

    method: str
    text: str
    call: Call

    def add_to(self, pipeline: Any) -> None:
        """Have it sent."""
        keys, arguments = self.call
        getattr(pipeline, self.method)(self.text, len(keys), *keys, *arguments)


def evaluation(script: Script, call: Call, *, is_whole: bool = False) -> Evaluation:
    """Make the command that runs a script: by its name, or by the whole of it."""
    if is_whole:
        return Evaluation("eval", script.text, call)
    return Evaluation("evalsha", script.sha, call)


def send(client: Any, commands: Sequence[Command | Evaluation], replicas: int = 0) -> list[Any]:
    """Send commands to one server and return its answers; where one failed, its error.

    Parameters
    ----------
    replicas
        How many of the server's replicas must have what the commands did.
    """
    try:
        with client.pipeline(transaction=False) as pipeline:
            for command in commands:
                command.add_to(pipeline)
            if replicas:
                pipeline.wait(replicas, _REPLICATION_MS)
            replies = list(pipeline.execute(raise_on_error=False))
    except RedisError as error:
        return [error] * len(commands)
    if replicas:
        count = replies.pop()
        if isinstance(count, Exception) or count < replicas:
            return [reply if isinstance(reply, Exception) else NotReplicated() for reply in replies]
    return replies


def options(timeout_s: float) -> dict[str, Any]:
    """Return the settings of every connection."""
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "protocol": 2}


def never_again() -> Retry:
    """Return the rule that a claim is not repeated behind our back.

    The second would find the first one's key; without a key it would append a second event.
    """
    return Retry(NoBackoff(), 0)


def unavailable(error: Exception) -> InboxUnavailable:
    """Say why the inbox cannot be used: the kind alone, since a text may name an address."""
    if isinstance(error, MovedError):
        return InboxUnavailable(
            "The inbox cannot be used: the server is one of a cluster. Write redis+cluster:// in "
            "place of redis://."
        )
    if isinstance(error, NotACluster):
        return InboxUnavailable(
            "The inbox cannot be used: the server is none of a cluster. Write redis:// in place "
            "of redis+cluster://."
        )
    return InboxUnavailable(
        f"The inbox cannot be used: {certificate_fault(error) or type(error).__name__}."
    )
