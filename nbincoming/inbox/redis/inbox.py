"""An inbox in Redis or Valkey, one server or a cluster: shared by any number of machines.

A script claims the deduplication key and appends the event to a stream, in one step. All Redis
keys of an integration have one hash tag, so that a cluster has them in one slot::

    nbi:{<integration>}:key:<settings>:<hash>   when first claimed, and the window's anchor
    nbi:{<integration>}:events                  the stream
    nbi:integrations                            the number of each integration

What a crash loses depends on the server's settings: nothing with ``appendfsync always``, up to a
second with ``everysec``. A failover loses what the replica has not received. With ``?replicas=1``,
each claim waits until the replica has it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from importlib.resources import files
from typing import Any, Final
from uuid import uuid4

from nbincoming.core.events import Event, event_id, event_of
from nbincoming.core.gateway import inbox_unavailable
from nbincoming.core.outcomes import (
    Accepted,
    Candidate,
    Duplicate,
    Filtered,
)
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.protocol import ClaimResult
from nbincoming.inbox.redis.store import (
    SERVER_TIMEOUT_S,
    Call,
    RedisCommand,
    RedisStore,
    Script,
    unavailable,
)
from nbincoming.inbox.redis.url import parse_redis_url

#: The server removes a key this long after its window, because its clock may differ from those of
#: the workers. Only the times of the requests decide what is a duplicate.
_SLACK_MS: Final = 120_000

#: The Redis hash that maps each integration to its number.
INTEGRATIONS: Final = "nbi:integrations"

_CLAIM: Final = Script(
    (files("nbincoming.inbox.redis") / "claim.lua").read_text(), is_replicated=True
)

#: Adds integrations to the index that the relay reads, and numbers the new ones. KEYS: the index.
#: ARGV: names. SETRANGE tests whether the server accepts writes: a full one, or a replica, refuses
#: the command. On any other it changes nothing, because the index is a hash or missing.
_REGISTER: Final = Script("""
local reply = redis.pcall('SETRANGE', KEYS[1], 0, '')
if type(reply) == 'table' and not string.find(reply.err, 'WRONGTYPE') then
  return reply
end
for n = 1, #ARGV do
  redis.call('HSETNX', KEYS[1], ARGV[n], redis.call('HLEN', KEYS[1]))
end
return 0
""")

#: A sequence number consists of the time and count in an entry's id, and the integration's number.
_COUNT_BITS: Final = 20
_NUMBER_BITS: Final = 16


class RedisInbox:
    """Keys and events on a server; any thread, process and machine may call.

    Parameters
    ----------
    url
        ``redis://host:6379/0``; ``rediss://`` with TLS; ``redis+cluster://host:6379`` for a
        cluster, with one or several of its servers. ``valkey://`` is the same.
    timeout_s
        How long the server may take.
    """

    def __init__(self, url: str, *, timeout_s: float = SERVER_TIMEOUT_S) -> None:
        self._store = connect(url, timeout_s=timeout_s)
        self._known: set[str] = set()
        self._closed = False

    def claim(self, candidates: Sequence[Candidate]) -> list[ClaimResult]:
        """Claim keys and append events; see :class:`~nbincoming.inbox.protocol.Inbox`.

        If the connection is lost meanwhile, some claims may have been made. Their senders get
        503, send the requests again, and these are duplicates.
        """
        if not candidates:
            return []
        if self._closed:
            raise inbox_unavailable()
        unknown = {each.integration for each in candidates} - self._known
        error = self._register(unknown) if unknown else None
        # The relay would not find events of integrations that are missing from its index.
        listed = [n for n, each in enumerate(candidates) if each.integration in self._known]
        calls = [_call(candidates[n]) for n in listed]
        replies = self._store.run(_CLAIM, [call for _, call in calls])
        outcomes: list[ClaimResult] = [_refusal(error)] * len(candidates)
        for n, (identity, _), reply in zip(listed, calls, replies, strict=True):
            outcomes[n] = _outcome(candidates[n], identity, reply)
        refusals = [outcome for outcome in outcomes if isinstance(outcome, InboxUnavailable)]
        if len(refusals) == len(outcomes):
            raise refusals[0]
        return outcomes

    def events(self, *, after: int = 0, limit: int = 1_000) -> list[tuple[int, Event]]:
        """Return events in order; see :class:`~nbincoming.inbox.protocol.Inbox`.

        Events of one integration are in the order of acceptance, events of several in the order
        of the server's clock. The servers of a cluster have different clocks and are read at
        different moments, so a caller that continues after the newest event may miss an event
        of another integration. The relay reads each integration separately and misses none.
        """
        if self._closed:
            raise inbox_unavailable()
        with self._store.reached() as client:
            numbers: dict[bytes, bytes] = client.hgetall(INTEGRATIONS)
        names = [(name.decode(), int(number)) for name, number in numbers.items()]
        # Read all streams at one moment. Otherwise an older event could be appended to a stream
        # that was just read, and a caller that continues after the newest event would miss it.
        pages = self._store.read_together(
            [reading(name, _first(after, number), limit) for name, number in names]
        )
        found = [
            (_sequence(position.decode(), number), event_of_entry(name, entry))
            for (name, number), page in zip(names, pages, strict=True)
            for position, entry in page
        ]
        found.sort(key=lambda row: row[0])
        return found[:limit]

    def probe(self) -> None:
        """Check that claims can be made.

        Raises
        ------
        InboxUnavailable
            If the server does not answer or refuses writes. In a cluster, only the server with
            the index of integrations is asked.
        """
        # Add known integrations again: after a failover the index may lack one, and the relay
        # would not read its events.
        fault = self._register(self._known)
        if fault is not None:
            raise unavailable(fault) from fault

    def close(self) -> None:
        """Close the connections."""
        self._closed = True
        self._store.close()

    def _register(self, integrations: Set[str]) -> Exception | None:
        """Add integrations to the index; return the error if that fails."""
        names = sorted(integrations)
        (reply,) = self._store.run(_REGISTER, [Call([INTEGRATIONS], names)])
        if isinstance(reply, Exception):
            return reply
        self._known |= set(names)
        return None


def connect(url: str, *, timeout_s: float = SERVER_TIMEOUT_S) -> RedisStore:
    """Open the store of a URL. It connects on first use."""
    parsed = parse_redis_url(url)
    if not parsed.is_cluster:
        return RedisStore(parsed, timeout_s=timeout_s)
    from nbincoming.inbox.redis.cluster import RedisCluster

    return RedisCluster(parsed, timeout_s=timeout_s)


def stream_of(integration: str) -> str:
    """Return the key of an integration's stream."""
    return f"nbi:{{{integration}}}:events"


def reading(integration: str, first: str, limit: int) -> RedisCommand:
    """Make the command that reads a stream from `first` on; a leading ``(`` excludes `first`."""
    return RedisCommand("xrange", stream_of(integration), (first, "+", limit))


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


def _outcome(candidate: Candidate, identity: str, reply: Any) -> ClaimResult:
    """Return the outcome for a reply of the claim script."""
    if isinstance(reply, Exception):
        return _refusal(reply)
    is_duplicate, first_ms, anchor_ms = reply
    if is_duplicate:
        return Duplicate(int(first_ms), int(anchor_ms))
    return Accepted(identity, candidate.triggers) if candidate.wanted else Filtered()


def _refusal(cause: Exception | None) -> InboxUnavailable:
    refusal = inbox_unavailable()
    refusal.__cause__ = cause
    return refusal


def _call(candidate: Candidate) -> tuple[str, Call]:
    """Return the id for the event, and the call of the claim script."""
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
    wanted = "1" if candidate.wanted else "0"
    return identity, Call([place, stream], [*rule, wanted, keep_ms, *fields])


def _sequence(position: str, number: int) -> int:
    ms, _, count = position.partition("-")
    return (int(ms) << _COUNT_BITS | int(count)) << _NUMBER_BITS | number


def _first(after: int, number: int) -> str:
    """Return where to start reading an integration's stream after a sequence number."""
    place, last = after >> _NUMBER_BITS, after & (2**_NUMBER_BITS - 1)
    position = f"{place >> _COUNT_BITS}-{place & (2**_COUNT_BITS - 1)}"
    return position if number > last else f"({position}"
