"""The connection to a Redis or Valkey server, which the inbox and the outbox use.

:mod:`~nbincoming.inbox.redis.cluster` has the same for a cluster.
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
SERVER_TIMEOUT_S: Final = 5.0

#: Base classes of the errors of redis-py.
FAULTS: Final = (RedisError, RedisClusterException)


#: Time for replicas to confirm a claim, in milliseconds.
_REPLICATION_MS: Final = 1_000


class NotReplicated(RedisError):
    """Too few replicas confirmed a claim in time: a failover may lose it."""


class NotACluster(RedisError):
    """A server of a ``+cluster`` URL that does not run in cluster mode."""


class Script:
    """A Lua script, which the server runs as one step.

    Parameters
    ----------
    text
        The script.
    is_replicated
        Whether to wait until replicas have its writes, if the URL asks for that.
    """

    def __init__(self, text: str, *, is_replicated: bool = False) -> None:
        self.text = text
        self.is_replicated = is_replicated
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Call(NamedTuple):
    """The keys and arguments of one run of a script; all its keys are in one slot."""

    keys: Sequence[str]
    arguments: Sequence[Any]


class RedisCommand(NamedTuple):
    """One command: a method of redis-py's client, its key, and its other arguments."""

    method: str
    key: str
    arguments: Sequence[Any] = ()

    def add_to(self, pipeline: Any) -> None:
        """Add the command to a pipeline."""
        getattr(pipeline, self.method)(self.key, *self.arguments)


class RedisStore:
    """One server, connected on first use; any thread may call.

    Parameters
    ----------
    url
        Its URL.
    timeout_s
        Time for it to connect, and for each answer.
    """

    def __init__(self, url: RedisURL, *, timeout_s: float = SERVER_TIMEOUT_S) -> None:
        self._replicas = url.replicas
        try:
            # Any: redis-py types each answer as sync or async, so each would need a cast.
            self._client: Any = redis.Redis.from_url(
                url.of(url.hosts[0]), **options(timeout_s), retry=no_retries()
            )
            # Making a connection raises if an option is wrong; it does not connect yet.
            self._client.connection_pool.make_connection()
        except (TypeError, ValueError, RedisError):  # the text may quote a password
            raise url.error() from None

    def client(self) -> Any:
        """Return redis-py's client."""
        return self._client

    @contextmanager
    def reached(self) -> Iterator[Any]:
        """Provide redis-py's client; turn its errors into InboxUnavailable."""
        try:
            yield self.client()
        except FAULTS as error:
            raise unavailable(error) from error

    def run(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Run a script for each call, in order, in one exchange.

        Returns
        -------
        list
            The answer to each call, or its error.
        """
        evaluations = [evaluation(script, call) for call in calls]
        replicas = self._replicas if script.is_replicated else 0
        replies = send(self._client, evaluations, replicas)
        missing = [n for n, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if missing:  # the server lost the script, as in a restart, and did nothing
            again = [evaluation(script, calls[n], is_whole=True) for n in missing]
            for n, reply in zip(missing, send(self._client, again, replicas), strict=True):
                replies[n] = reply
        return replies

    def call(self, script: Script, keys: Sequence[str], *arguments: Any) -> Any:
        """Run a script once.

        Raises
        ------
        InboxUnavailable
            If the script failed, or it is unknown whether it ran.
        """
        (reply,) = self.run(script, [Call(keys, arguments)])
        if isinstance(reply, Exception):
            raise unavailable(reply) from reply
        return reply

    def read(self, commands: Sequence[RedisCommand]) -> list[Any]:
        """Read many keys in one exchange; return the value of each, or its error.

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

    def read_together(self, commands: Sequence[RedisCommand]) -> list[Any]:
        """Read many keys at one moment.

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

    def _read(self, commands: Sequence[RedisCommand]) -> list[Any]:
        return send(self._client, commands)


class Evaluation(NamedTuple):
    """The command that runs a script."""

    method: str
    text: str
    call: Call

    def add_to(self, pipeline: Any) -> None:
        """Add the command to a pipeline."""
        keys, arguments = self.call
        getattr(pipeline, self.method)(self.text, len(keys), *keys, *arguments)


def evaluation(script: Script, call: Call, *, is_whole: bool = False) -> Evaluation:
    """Make the command that runs a script, by its hash or by its whole text."""
    if is_whole:
        return Evaluation("eval", script.text, call)
    return Evaluation("evalsha", script.sha, call)


def send(
    client: Any, commands: Sequence[RedisCommand | Evaluation], replicas: int = 0
) -> list[Any]:
    """Send commands to one server; return the answer to each, or its error.

    Parameters
    ----------
    replicas
        How many of the server's replicas must have the writes.
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


def no_retries() -> Retry:
    """Return a policy that makes redis-py never retry.

    A claim that is sent twice would be its own duplicate; without a key it would append two events.
    """
    return Retry(NoBackoff(), 0)


def unavailable(error: Exception) -> InboxUnavailable:
    """Make the refusal for an error, without the error's text, which may contain an address."""
    if isinstance(error, MovedError):
        return InboxUnavailable(
            "The inbox cannot be used: the server belongs to a cluster. Write redis+cluster:// in "
            "place of redis://."
        )
    if isinstance(error, NotACluster):
        return InboxUnavailable(
            "The inbox cannot be used: the server belongs to no cluster. Write redis:// in place "
            "of redis+cluster://."
        )
    return InboxUnavailable(
        f"The inbox cannot be used: {certificate_fault(error) or type(error).__name__}."
    )
