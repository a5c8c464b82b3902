"""An inbox in Redis or Valkey: shared by any number of machines.

A script claims the key and appends the event to a stream, in one step. All keys of an
integration have one hash tag, so that they lie in one slot of a cluster::

    nbi:{<integration>}:key:<settings>:<hash>   when first claimed, and the window's anchor
    nbi:{<integration>}:events                  the stream
    nbi:integrations                            number by integration

What is answered is as durable as the server makes it: ``appendfsync always`` for each
event, ``everysec`` for all but the last second's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final, cast
from uuid import uuid4

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from nbincoming.core.events import Event, event_id, event_of
from nbincoming.core.gateway import (
    Accepted,
    Candidate,
    Claimed,
    Duplicate,
    Filtered,
    inbox_unavailable,
)

#: Longest wait for a server that does not answer, in seconds.
TIMEOUT_S: Final = 5.0

#: A key outlives its window by this much, so that clocks may differ and the window's end is
#: decided by the requests' times alone.
_SLACK_MS: Final = 120_000

#: Hash of the numbers of integrations.
INTEGRATIONS: Final = "nbi:integrations"

_SCRIPT: Final = (files("nbincoming.inbox") / "claim.lua").read_text()

#: A sequence number is a stream's time, its count within it, and the integration's number.
_COUNT_BITS: Final = 20
_NUMBER_BITS: Final = 16


class RedisInbox:
    """Keys and events on a server; any thread, process and machine may call.

    Parameters
    ----------
    url
        ``redis://host:6379/0``; ``rediss://`` with TLS. ``valkey://`` is the same.
    timeout_s
        How long the server may take.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._client = connect(url, timeout_s=timeout_s)
        self._sha = ""
        self._known: set[str] = set()
        self._closed = False

    def claim(self, candidates: Sequence[Candidate]) -> list[Claimed]:
        """Claim keys and append events; see :class:`~nbincoming.inbox.protocol.Inbox`.

        Where the server goes away in the middle, some may have been claimed: their senders
        are told to come again, and are then told that they had been.
        """
        if not candidates:
            return []
        if self._closed:
            raise inbox_unavailable()
        try:
            for integration in {each.integration for each in candidates} - self._known:
                self._register(integration)
            return self._claim(candidates)
        except RedisError as error:
            raise inbox_unavailable() from error

    def events(self, *, after: int = 0, limit: int = 1_000) -> list[tuple[int, Event]]:
        """Return events in order; see :class:`~nbincoming.inbox.protocol.Inbox`.

        Events of one integration are in the order of acceptance, those of several in the
        order of the server's clock.
        """
        if self._closed:
            raise inbox_unavailable()
        try:
            numbers = cast("dict[bytes, bytes]", self._client.hgetall(INTEGRATIONS))
            names = [(name.decode(), int(number)) for name, number in numbers.items()]
            # As of one moment: what came to one stream while another was read would be
            # passed over by whoever goes on after the newest.
            with self._client.pipeline(transaction=True) as pipeline:
                for name, number in names:
                    pipeline.xrange(stream_of(name), min=_first(after, number), count=limit)
                pages = pipeline.execute()
        except RedisError as error:
            raise inbox_unavailable() from error
        found = [
            (_sequence(position.decode(), number), event_of_entry(name, entry))
            for (name, number), page in zip(names, pages, strict=True)
            for position, entry in page
        ]
        found.sort(key=lambda row: row[0])
        return found[:limit]

    def probe(self) -> None:
        """See whether a claim could be made.

        Raises
        ------
        InboxUnavailable
            If the server does not answer, or takes no writes.
        """
        try:
            # A write that changes nothing: a server may answer, and be a replica or loading.
            self._client.hdel(INTEGRATIONS, "")
        except RedisError as error:
            raise inbox_unavailable() from error

    def close(self) -> None:
        """Close the connections."""
        self._closed = True
        self._client.close()

    def _claim(self, candidates: Sequence[Candidate]) -> list[Claimed]:
        calls = [_call(candidate) for candidate in candidates]
        replies = self._run([arguments for _, arguments in calls])
        outcomes: list[Claimed] = []
        for candidate, (identity, _), reply in zip(candidates, calls, replies, strict=True):
            held, first_ms, anchor_ms = reply
            if held:
                outcomes.append(Duplicate(int(first_ms), int(anchor_ms)))
            elif candidate.wanted:
                outcomes.append(Accepted(identity, candidate.triggers))
            else:
                outcomes.append(Filtered())
        return outcomes

    def _run(self, calls: list[list[Any]]) -> list[Any]:
        """Run the script for each, in order, in one exchange with the server."""
        if not self._sha:
            self._sha = self._client.script_load(_SCRIPT)
        replies = self._send(calls)
        missing = [n for n, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if missing:  # the server was started again; those did nothing, so they are run now
            self._sha = self._client.script_load(_SCRIPT)
            again = self._send([calls[n] for n in missing])
            for n, reply in zip(missing, again, strict=True):
                replies[n] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def _send(self, calls: list[list[Any]]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipeline:
            for arguments in calls:
                pipeline.evalsha(self._sha, 2, *arguments)
            return pipeline.execute(raise_on_error=False)

    def _register(self, integration: str) -> None:
        """Give an integration its number, which a stream cannot tell by itself."""
        while self._client.hget(INTEGRATIONS, integration) is None:
            number = self._client.hlen(INTEGRATIONS)
            with self._client.pipeline() as pipeline:
                try:
                    pipeline.watch(INTEGRATIONS)  # type: ignore[no-untyped-call]
                    if pipeline.hlen(INTEGRATIONS) != number:
                        continue
                    pipeline.multi()
                    pipeline.hsetnx(INTEGRATIONS, integration, str(number))
                    pipeline.execute()
                except redis.WatchError:
                    continue
        self._known.add(integration)


def connect(url: str, *, timeout_s: float = TIMEOUT_S) -> redis.Redis:
    """Make a client; it connects when it is first used, and again when it was cut off."""
    scheme, colon, rest = url.partition(":")
    scheme = {"valkey": "redis", "valkeys": "rediss"}.get(scheme, scheme)
    return redis.Redis.from_url(
        scheme + colon + rest,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        # A claim is not repeated behind our back: the second would find the first one's key.
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


def stream_of(integration: str) -> str:
    """Name an integration's stream."""
    return f"nbi:{{{integration}}}:events"


def read_stream(
    client: redis.Redis, integration: str, first: str, limit: int
) -> list[tuple[str, Event]]:
    """Read events with their positions; `first` is included unless it starts with ``(``."""
    entries = cast(
        "list[tuple[bytes, dict[bytes, bytes]]]",
        client.xrange(stream_of(integration), min=first, count=limit),
    )
    return [(position.decode(), event_of_entry(integration, entry)) for position, entry in entries]


def event_of_entry(integration: str, entry: dict[bytes, bytes]) -> Event:
    """Read an event from a stream's entry."""
    key = entry[b"key"].decode()
    return Event(
        id=entry[b"id"].decode(),
        integration=integration,
        version=int(entry[b"version"]),
        key=key or None,
        triggers=tuple(json.loads(entry[b"triggers"])),
        received_at_ms=int(entry[b"received_at_ms"]),
        headers=json.loads(entry[b"headers"]),
        body=entry[b"body"],
    )


def _call(candidate: Candidate) -> tuple[str, list[Any]]:
    """Return the id that the event would have, and the script's keys and arguments."""
    claim, now_ms = candidate.claim, candidate.request.received_at_ms
    stream = stream_of(candidate.integration)
    if claim is None:
        identity, place = uuid4().hex, stream
        rule: list[Any] = ["0", now_ms, 0, "0"]
        keep_ms = 0
    else:
        identity = event_id(candidate.integration, claim.key, now_ms)
        place = f"nbi:{{{candidate.integration}}}:key:{claim.space.rpartition('/')[2]}:{claim.key}"
        rule = ["1", now_ms, claim.window_ms, "1" if claim.anchor == "last_request" else "0"]
        keep_ms = claim.window_ms + _SLACK_MS
    fields: list[Any] = []
    if candidate.wanted:
        event = event_of(candidate, identity)
        fields = [
            "id", event.id, "version", event.version, "key", event.key or "",
            "triggers", json.dumps(event.triggers), "received_at_ms", event.received_at_ms,
            "headers", json.dumps(event.headers), "body", event.body,
        ]  # fmt: skip
    return identity, [place, stream, *rule, "1" if candidate.wanted else "0", keep_ms, *fields]


def _sequence(position: str, number: int) -> int:
    ms, _, count = position.partition("-")
    return (int(ms) << _COUNT_BITS | int(count)) << _NUMBER_BITS | number


def _first(after: int, number: int) -> str:
    """Return where an integration's stream goes on after a sequence number."""
    place, last = after >> _NUMBER_BITS, after & (2**_NUMBER_BITS - 1)
    position = f"{place >> _COUNT_BITS}-{place & (2**_COUNT_BITS - 1)}"
    return position if number > last else f"({position}"
