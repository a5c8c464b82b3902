"""The relay's side of an inbox in Redis or Valkey.

Positions are those of the streams; how far a sink came, and what it would not take, lie
beside the stream, in its slot::

    nbi:{<integration>}:cursors           position by sink
    nbi:{<integration>}:taken             by sink, how many events of the stream lie before it
    nbi:{<integration>}:dead              places of dead letters, by the time of death
    nbi:{<integration>}:dead:<place>      one of them, with its event
    nbi:{<integration>}:redriven:<sink>   places of those to be delivered again
    nbi:relay:<sink>                      who delivers to it, for as long as he says so

A cursor, and no consumer group: in order per integration means one reader, and a reader that
was away goes on where the cursor stands, with nothing to be claimed back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from nbincoming.core.events import Event
from nbincoming.inbox.outbox import DeadLetter, Position
from nbincoming.inbox.redis import (
    INTEGRATIONS,
    connect,
    event_of_entry,
    read_stream,
    stream_of,
)
from nbincoming.inbox.redis_lease import RedisLease, reached

#: Whether a sink is before a position. KEYS: cursors. ARGV: sink, position.
_IS_AHEAD: Final = """
local before = redis.call('HGET', KEYS[1], ARGV[1])
if before then
  local function parts(position)
    local ms, count = string.match(position, '^(%d+)-(%d+)$')
    return tonumber(ms), tonumber(count)
  end
  local ms, count = parts(ARGV[2])
  local old_ms, old_count = parts(before)
  if ms < old_ms or (ms == old_ms and count <= old_count) then return 0 end
end
"""
#: KEYS: cursors, taken, stream. ARGV: sink, position, how many events that are.
_MOVE: Final = """
if not before then
  -- What was removed before this sink came is nothing that it has to take.
  local stream = redis.call('XINFO', 'STREAM', KEYS[3])
  local added, length = 0, 0
  for n = 1, #stream, 2 do
    if stream[n] == 'entries-added' then added = stream[n + 1] end
    if stream[n] == 'length' then length = stream[n + 1] end
  end
  redis.call('HSET', KEYS[2], ARGV[1], math.max(added - length, 0))
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[2], ARGV[1], ARGV[3])
return 1
"""
#: The same, and KEYS[4], KEYS[5]: dead, the letter. ARGV[4...]: reason, now, place. The letter
#: comes first: what fails in a script undoes nothing.
_WRITE: Final = """
local entry = redis.call('XRANGE', KEYS[3], ARGV[2], ARGV[2])[1]
if entry then
  redis.call('HSET', KEYS[5], 'sink', ARGV[1], 'reason', ARGV[4], 'died_at_ms', ARGV[5],
             unpack(entry[2]))
  redis.call('ZADD', KEYS[4], ARGV[5], ARGV[6])
end
"""


class RedisOutbox:
    """See :class:`~nbincoming.inbox.outbox.Outbox`."""

    def __init__(self, url: str) -> None:
        # Any, since each answer would have to be cast: the client is typed for sync and async.
        self._client: Any = connect(url)
        self._advance = self._client.register_script(_IS_AHEAD + _MOVE)
        self._bury = self._client.register_script(_IS_AHEAD + _WRITE + _MOVE)

    def waiting(self, sink: str) -> list[str]:
        """List the integrations that have events which a sink has not taken yet."""
        names = self._integrations()
        with reached(), self._client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hget(_place(name, "cursors"), sink)
            cursors = pipeline.execute()
            for name, cursor in zip(names, cursors, strict=True):
                pipeline.xrange(stream_of(name), min=_after(cursor), count=1)
            pages = pipeline.execute()
        return [name for name, page in zip(names, pages, strict=True) if page]

    def pending(
        self, sink: str, integration: str, *, limit: int = 100
    ) -> list[tuple[Position, Event]]:
        """Return the next events that a sink has not taken yet."""
        with reached():
            cursor = self._client.hget(_place(integration, "cursors"), sink)
            return read_stream(self._client, integration, _after(cursor), limit)

    def advance(self, sink: str, integration: str, position: Position, taken: int) -> None:
        """Note that a sink has taken everything up to a position."""
        with reached():
            self._advance(keys=_progress(integration), args=[sink, position, taken])

    def count_pending(self, sink: str) -> int:
        """Count what a sink has not taken yet."""
        count = 0
        for integration in self._integrations():
            with reached():
                taken = self._client.hget(_place(integration, "taken"), sink)
                if not self._client.exists(stream_of(integration)):
                    continue
                stream = self._client.xinfo_stream(stream_of(integration))
            # Before Redis 7 a stream did not know how many it ever had.
            added, length = stream.get("entries-added", 0), stream["length"]
            count += length if taken is None else min(max(added - int(taken), 0), length)
        return count

    def bury(
        self, sink: str, integration: str, position: Position, reason: str, now_ms: int
    ) -> None:
        """Give up on the event at a position, and advance past it."""
        place = f"{position}/{_short(sink)}"
        keys = [*_progress(integration), _place(integration, "dead"), _letter(integration, place)]
        with reached():
            self._bury(keys=keys, args=[sink, position, 1, reason, now_ms, place])

    def dead_letters(self, *, sink: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """List what was given up on."""
        letters: list[DeadLetter] = []
        for integration in self._integrations():
            with reached():
                places = self._places(integration, sink)[:limit]
                letters += self._letters(integration, places)
        return sorted(letters, key=lambda letter: letter.died_at_ms)[:limit]

    def redrive(
        self, numbers: Sequence[str] | None = None, *, sink: str | None = None
    ) -> list[str]:
        """Have dead letters delivered again."""
        wanted = None if numbers is None else set(numbers)
        found = []
        for integration in self._integrations():
            with reached():
                for place in self._places(integration, sink):
                    number = f"{integration}/{place}"
                    if wanted is None or number in wanted:
                        position, _, short = place.partition("/")
                        redriven = _place(integration, f"redriven:{short}")
                        self._client.zadd(redriven, {place: _order(position)[0]})
                        found.append(number)
        return found

    def redriven(self, sink: str, *, limit: int = 100) -> list[DeadLetter]:
        """Return the dead letters that are to be delivered again."""
        letters: list[DeadLetter] = []
        for integration in self._integrations():
            if len(letters) < limit:
                with reached():
                    name = _place(integration, f"redriven:{_short(sink)}")
                    chosen = self._client.zrange(name, 0, limit - 1)
                    places = sorted((place.decode() for place in chosen), key=_order)
                    letters += self._letters(integration, places)
        return letters[:limit]

    def resolve(self, number: str) -> None:
        """Forget a dead letter."""
        integration, place, redriven = _parts(number)
        with reached(), self._client.pipeline() as pipeline:
            pipeline.delete(_letter(integration, place))
            pipeline.zrem(_place(integration, "dead"), place)
            pipeline.zrem(redriven, place)
            pipeline.execute()

    def bury_again(self, number: str, reason: str, now_ms: int) -> None:
        """Note that a dead letter was refused once more."""
        integration, place, redriven = _parts(number)
        with reached(), self._client.pipeline() as pipeline:
            news = {"reason": reason, "died_at_ms": now_ms}
            pipeline.hset(_letter(integration, place), mapping=news)
            pipeline.zadd(_place(integration, "dead"), {place: now_ms})
            pipeline.zrem(redriven, place)
            pipeline.execute()

    def lease(self, sink: str) -> RedisLease:
        """Return the lease of a sink."""
        return RedisLease(self._client, f"nbi:relay:{sink}")

    def purge(self, before_ms: int, sinks: Sequence[str]) -> int:
        """Remove events received before a time that all the sinks have taken.

        The time that counts is the server's, of when the event was appended.
        """
        removed = 0
        for integration in self._integrations():
            with reached():
                cursors = self._client.hmget(_place(integration, "cursors"), *sinks)
                if not all(cursors):
                    continue
                ms, count = min(_order(cursor.decode()) for cursor in cursors)
                first = min((ms, count + 1), (before_ms, 0))
                removed += self._client.xtrim(
                    stream_of(integration), minid=f"{first[0]}-{first[1]}", approximate=False
                )
        return removed

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _integrations(self) -> list[str]:
        with reached():
            return sorted(name.decode() for name in self._client.hkeys(INTEGRATIONS))

    def _places(self, integration: str, sink: str | None) -> list[str]:
        found = self._client.zrange(_place(integration, "dead"), 0, -1)
        places = [place.decode() for place in found]
        return [p for p in places if sink is None or p.endswith(f"/{_short(sink)}")]

    def _letters(self, integration: str, places: Sequence[str]) -> list[DeadLetter]:
        with self._client.pipeline(transaction=False) as pipeline:
            for place in places:
                pipeline.hgetall(_letter(integration, place))
                redriven = _place(integration, f"redriven:{place.partition('/')[2]}")
                pipeline.zscore(redriven, place)
            answers = pipeline.execute()
        return [
            DeadLetter(
                number=f"{integration}/{place}",
                sink=fields[b"sink"].decode(),
                event=event_of_entry(integration, fields),
                reason=fields[b"reason"].decode(),
                died_at_ms=int(fields[b"died_at_ms"]),
                redriven=score is not None,
            )
            for place, fields, score in zip(places, answers[::2], answers[1::2], strict=True)
            if fields  # else it was resolved meanwhile
        ]


def _place(integration: str, what: str) -> str:
    return f"nbi:{{{integration}}}:{what}"


def _progress(integration: str) -> list[str]:
    return [_place(integration, "cursors"), _place(integration, "taken"), stream_of(integration)]


def _letter(integration: str, place: str) -> str:
    return _place(integration, f"dead:{place}")


def _parts(number: str) -> tuple[str, str, str]:
    """Return a letter's integration, its place, and the key of those to be delivered again."""
    integration, _, place = number.partition("/")
    return integration, place, _place(integration, f"redriven:{place.partition('/')[2]}")


def _short(sink: str) -> str:
    return hashlib.sha256(sink.encode()).hexdigest()[:8]


def _after(cursor: bytes | None) -> str:
    return "-" if cursor is None else f"({cursor.decode()}"


def _order(position: str) -> tuple[int, int]:
    ms, _, count = position.partition("/")[0].partition("-")
    return int(ms), int(count)
