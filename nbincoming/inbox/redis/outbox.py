"""The relay's side of an inbox in Redis or Valkey.

A position is the id of a stream entry. The positions of sinks and the dead letters are in the same
slot of a cluster as the stream::

    nbi:{<integration>}:cursors           position by sink
    nbi:{<integration>}:taken             number of events delivered or removed, by sink
    nbi:{<integration>}:dead              places of dead letters, by the time of death
    nbi:{<integration>}:dead:<place>      a dead letter, with its event
    nbi:{<integration>}:redriven:<hash>   places of the dead letters to deliver again to a sink
    nbi:relay:<sink>                      the lease of the sink's relay

A place is ``<position>/<hash of the sink>``. Consumer groups are not needed: to keep the order,
each integration has a single reader, which continues at its cursor after a restart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from nbincoming.core.events import Event
from nbincoming.inbox.outbox import DeadLetter, Position
from nbincoming.inbox.redis.inbox import INTEGRATIONS, connect, event_of_entry, reading, stream_of
from nbincoming.inbox.redis.lease import RedisLease
from nbincoming.inbox.redis.store import RedisCommand, Script

#: Ends the script unless the position is after the sink's cursor. KEYS: cursors. ARGV: sink,
#: position.
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
#: KEYS: cursors, taken, stream. ARGV: sink, position, number of events from the cursor to it.
_MOVE: Final = """
if not before then
  -- The sink is new: events that were removed before count as taken.
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
#: As _MOVE, and KEYS[4...]: dead, the letter. ARGV[4...]: reason, now, place. The letter is
#: written before the cursor moves, because a script that fails is not rolled back.
_WRITE: Final = """
local entry = redis.call('XRANGE', KEYS[3], ARGV[2], ARGV[2])[1]
if entry then
  redis.call('HSET', KEYS[5], 'sink', ARGV[1], 'reason', ARGV[4], 'died_at_ms', ARGV[5],
             unpack(entry[2]))
  redis.call('ZADD', KEYS[4], ARGV[5], ARGV[6])
end
"""


_ADVANCE: Final = Script(_IS_AHEAD + _MOVE)
_MARK_DEAD: Final = Script(_IS_AHEAD + _WRITE + _MOVE)

#: KEYS: the letter, dead, redriven. ARGV: place; for _MARK_DEAD_AGAIN also reason, now.
_RESOLVE: Final = Script("""
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('ZREM', KEYS[3], ARGV[1])
""")
_MARK_DEAD_AGAIN: Final = Script("""
redis.call('HSET', KEYS[1], 'reason', ARGV[2], 'died_at_ms', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
return redis.call('ZREM', KEYS[3], ARGV[1])
""")


class RedisOutbox:
    """See :class:`~nbincoming.inbox.outbox.Outbox`."""

    def __init__(self, url: str) -> None:
        self._store = connect(url)

    def waiting(self, sink: str) -> list[str]:
        """List the integrations with events not yet delivered to a sink."""
        cursors = self._each(
            self._integrations(), lambda name: RedisCommand("hget", _place(name, "cursors"), [sink])
        )
        pages = self._each(list(cursors), lambda name: reading(name, _after(cursors[name]), 1))
        return [name for name, page in pages.items() if page]

    def pending(
        self, sink: str, integration: str, *, limit: int = 100
    ) -> list[tuple[Position, Event]]:
        """Return the next events to deliver to a sink."""
        (cursor,) = self._store.read([RedisCommand("hget", _place(integration, "cursors"), [sink])])
        (entries,) = self._store.read([reading(integration, _after(cursor), limit)])
        return [
            (position.decode(), event_of_entry(integration, entry)) for position, entry in entries
        ]

    def advance(self, sink: str, integration: str, position: Position, taken: int) -> None:
        """Record that everything up to a position was delivered to a sink."""
        self._store.call(_ADVANCE, _progress(integration), sink, position, taken)

    def count_pending(self, sink: str) -> int:
        """Count the events not yet delivered to a sink."""
        names = self._integrations()
        counts = self._each(names, lambda name: RedisCommand("hget", _place(name, "taken"), [sink]))
        lengths = self._each(list(counts), lambda name: RedisCommand("xlen", stream_of(name)))
        streams = self._each(
            [name for name, length in lengths.items() if length],  # an empty stream may not exist
            lambda name: RedisCommand("xinfo_stream", stream_of(name)),
        )
        count = 0
        for name, stream in streams.items():
            # Before Redis 7, a stream does not count the entries added to it.
            added, length, taken = stream.get("entries-added", 0), stream["length"], counts[name]
            count += length if taken is None else min(max(added - int(taken), 0), length)
        return count

    def mark_dead(
        self, sink: str, integration: str, position: Position, reason: str, now_ms: int
    ) -> None:
        """Make the event at a position a dead letter, and advance past it."""
        place = f"{position}/{_sink_hash(sink)}"
        keys = [*_progress(integration), _place(integration, "dead"), _letter(integration, place)]
        self._store.call(_MARK_DEAD, keys, sink, position, 1, reason, now_ms, place)

    def dead_letters(self, *, sink: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """List dead letters."""
        letters: list[DeadLetter] = []
        for integration in self._integrations():
            places = self._places(integration, sink)[:limit]
            letters += self._letters(integration, places)
        return sorted(letters, key=lambda letter: letter.died_at_ms)[:limit]

    def redrive(
        self, numbers: Sequence[str] | None = None, *, sink: str | None = None
    ) -> list[str]:
        """Mark dead letters to be delivered again."""
        wanted = None if numbers is None else set(numbers)
        found = []
        for integration in self._integrations():
            for place in self._places(integration, sink):
                number = f"{integration}/{place}"
                if wanted is None or number in wanted:
                    with self._store.reached() as client:
                        client.zadd(_redriven(integration, place), {place: _order(place)[0]})
                    found.append(number)
        return found

    def redriven(self, sink: str, *, limit: int = 100) -> list[DeadLetter]:
        """Return the dead letters that are marked to be delivered again."""
        letters: list[DeadLetter] = []
        chosen = self._each(
            self._integrations(),
            lambda name: RedisCommand(
                "zrange", _place(name, f"redriven:{_sink_hash(sink)}"), [0, limit - 1]
            ),
        )
        for integration, found in chosen.items():
            if found and len(letters) < limit:
                places = sorted((place.decode() for place in found), key=_order)
                letters += self._letters(integration, places)
        return letters[:limit]

    def resolve(self, number: str) -> None:
        """Remove a dead letter."""
        self._store.call(_RESOLVE, *_keys_of_dead_letter(number))

    def mark_dead_again(self, number: str, reason: str, now_ms: int) -> None:
        """Record that a dead letter was refused again."""
        self._store.call(_MARK_DEAD_AGAIN, *_keys_of_dead_letter(number), reason, now_ms)

    def lease(self, sink: str) -> RedisLease:
        """Return the lease of a sink."""
        return RedisLease(self._store, f"nbi:relay:{sink}")

    def purge(self, before_ms: int, sinks: Sequence[str]) -> int:
        """Remove events received before a time and delivered to all the sinks.

        An event's time here is when the server appended it.
        """
        removed = 0
        for integration in self._integrations():
            with self._store.reached() as client:
                cursors = client.hmget(_place(integration, "cursors"), *sinks)
                if not all(cursors):
                    continue
                ms, count = min(_order(cursor.decode()) for cursor in cursors)
                first = min((ms, count + 1), (before_ms, 0))
                removed += client.xtrim(
                    stream_of(integration), minid=f"{first[0]}-{first[1]}", approximate=False
                )
        return removed

    def close(self) -> None:
        """Close the connections."""
        self._store.close()

    def _integrations(self) -> list[str]:
        (names,) = self._store.read([RedisCommand("hkeys", INTEGRATIONS)])
        return sorted(name.decode() for name in names)

    def _each(self, names: list[str], command: Callable[[str], RedisCommand]) -> dict[str, Any]:
        """Read a value for each integration, except those whose server cannot be reached.

        So while one server of a cluster is down, the events of the others are delivered.
        """
        replies = self._store.read([command(name) for name in names])
        pairs = zip(names, replies, strict=True)
        return {name: reply for name, reply in pairs if not isinstance(reply, Exception)}

    def _places(self, integration: str, sink: str | None) -> list[str]:
        (found,) = self._store.read([RedisCommand("zrange", _place(integration, "dead"), [0, -1])])
        places = [place.decode() for place in found]
        return [p for p in places if sink is None or p.endswith(f"/{_sink_hash(sink)}")]

    def _letters(self, integration: str, places: Sequence[str]) -> list[DeadLetter]:
        answers = self._store.read(
            [
                command
                for place in places
                for command in (
                    RedisCommand("hgetall", _letter(integration, place)),
                    RedisCommand("zscore", _redriven(integration, place), [place]),
                )
            ]
        )
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
            # Leave out a letter that was just removed or cannot be read.
            if fields and not isinstance(fields, Exception)
        ]


def _place(integration: str, what: str) -> str:
    return f"nbi:{{{integration}}}:{what}"


def _progress(integration: str) -> list[str]:
    return [_place(integration, "cursors"), _place(integration, "taken"), stream_of(integration)]


def _letter(integration: str, place: str) -> str:
    return _place(integration, f"dead:{place}")


def _redriven(integration: str, place: str) -> str:
    """Return the Redis key of the places to deliver again to the same sink as this one."""
    return _place(integration, f"redriven:{place.partition('/')[2]}")


def _keys_of_dead_letter(number: str) -> tuple[list[str], str]:
    """Return KEYS and ARGV[1] of the scripts for a dead letter."""
    integration, _, place = number.partition("/")
    dead = _place(integration, "dead")
    return [_letter(integration, place), dead, _redriven(integration, place)], place


def _sink_hash(sink: str) -> str:
    return hashlib.sha256(sink.encode()).hexdigest()[:8]


def _after(cursor: bytes | None) -> str:
    return "-" if cursor is None else f"({cursor.decode()}"


def _order(position: str) -> tuple[int, int]:
    ms, _, count = position.partition("/")[0].partition("-")
    return int(ms), int(count)
