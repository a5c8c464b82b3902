"""The relay's side of an inbox in Redis or Valkey.

Positions are those of the streams; how far a sink came, and what it would not take, lie
beside the stream, in its slot::

    nbi:{<integration>}:cursors     position by sink
    nbi:{<integration>}:dead        a stream of what was given up on
    nbi:relay:<sink>                who delivers to it, for as long as he says so

A cursor, and no consumer group: in order per integration means one reader, and a reader that
was away goes on where the cursor stands, with nothing to be claimed back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final
from uuid import uuid4

from redis.exceptions import RedisError

from nbincoming.core.events import Event
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.outbox import DeadLetter, Position
from nbincoming.inbox.redis import INTEGRATIONS, connect, read_stream, stream_of

#: How long a relay that died keeps its sink to itself, in milliseconds. It says that it lives
#: about once a second.
LEASE_MS: Final = 15_000

_RENEW: Final = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
"""
_BURY: Final = """
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 3))
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 0
"""


class RedisOutbox:
    """See :class:`~nbincoming.inbox.outbox.Outbox`; any thread may call."""

    def __init__(self, url: str) -> None:
        self._client: Any = connect(url)

    def integrations(self) -> list[str]:
        """List the integrations that ever had an event."""
        with _reached():
            return sorted(name.decode() for name in self._client.hkeys(INTEGRATIONS))

    def pending(
        self, sink: str, integration: str, *, limit: int = 100
    ) -> list[tuple[Position, Event]]:
        """Return the next events that a sink has not taken yet."""
        with _reached():
            cursor = self._client.hget(_place(integration, "cursors"), sink)
            first = f"({cursor.decode()}" if cursor else "-"
            return read_stream(self._client, integration, first, limit)

    def advance(self, sink: str, integration: str, position: Position) -> None:
        """Note that a sink has taken everything up to a position."""
        with _reached():
            self._client.hset(_place(integration, "cursors"), sink, position)

    def count_pending(self, sink: str) -> int:
        """Count what a sink has not taken yet."""
        count = 0
        for integration in self.integrations():
            first = "-"
            with _reached():
                cursor = self._client.hget(_place(integration, "cursors"), sink)
                first = f"({cursor.decode()}" if cursor else "-"
                while page := self._client.xrange(stream_of(integration), min=first, count=1_000):
                    count += len(page)
                    first = f"({page[-1][0].decode()}"
        return count

    def bury(
        self, sink: str, integration: str, position: Position, reason: str, now_ms: int
    ) -> None:
        """Give up on the event at a position, and advance past it."""
        fields = ["sink", sink, "position", position, "reason", reason, "died_at_ms", now_ms]
        with _reached():
            self._client.eval(
                _BURY,
                2,
                _place(integration, "dead"),
                _place(integration, "cursors"),
                sink,
                position,
                *fields,
            )

    def dead_letters(self, *, limit: int = 100) -> list[DeadLetter]:
        """List what was given up on."""
        letters: list[DeadLetter] = []
        for integration in self.integrations():
            with _reached():
                entries = self._client.xrange(_place(integration, "dead"), count=limit)
                letters += [self._letter(integration, *entry) for entry in entries]
        return sorted(letters, key=lambda letter: letter.died_at_ms)[:limit]

    def redrive(self, numbers: Sequence[str] | None = None) -> int:
        """Have dead letters delivered again."""
        if numbers is None:
            numbers = [letter.number for letter in self.dead_letters(limit=100_000)]
        count = 0
        for number in numbers:
            integration, _, entry = number.rpartition("/")
            with _reached():
                if self._client.xrange(_place(integration, "dead"), min=entry, max=entry):
                    self._client.sadd(_place(integration, "redriven"), entry)
                    count += 1
        return count

    def redriven(self, sink: str) -> list[DeadLetter]:
        """Return the dead letters that are to be delivered again."""
        letters = []
        for integration in self.integrations():
            with _reached():
                chosen = self._client.smembers(_place(integration, "redriven"))
                for entry in sorted(chosen):
                    found = self._client.xrange(_place(integration, "dead"), min=entry, max=entry)
                    letters += [self._letter(integration, *each) for each in found]
        return [letter for letter in letters if letter.sink == sink]

    def settle(self, number: str, reason: str | None = None, now_ms: int = 0) -> None:
        """Forget a dead letter that was delivered, or say why it is dead again."""
        integration, _, entry = number.rpartition("/")
        dead = _place(integration, "dead")
        with _reached(), self._client.pipeline() as pipeline:
            if reason is not None:
                for _, old in self._client.xrange(dead, min=entry, max=entry):
                    pipeline.xadd(dead, {**old, b"reason": reason, b"died_at_ms": now_ms})
            pipeline.xdel(dead, entry)
            pipeline.srem(_place(integration, "redriven"), entry)
            pipeline.execute()

    @contextmanager
    def lease(self, sink: str) -> Iterator[Callable[[], bool]]:
        """Be the only relay of a sink, for as long as it is asked for again in time."""
        place, me = f"nbi:relay:{sink}", uuid4().hex

        def is_ours() -> bool:
            with _reached():
                return bool(self._client.eval(_RENEW, 1, place, me, LEASE_MS))

        try:
            yield is_ours
        finally:
            with suppress(RedisError):  # it runs out by itself
                self._client.eval(_RELEASE, 1, place, me)

    def purge(self, before_ms: int, sinks: Sequence[str]) -> int:
        """Remove events received before a time that all the sinks have taken."""
        removed = 0
        for integration in self.integrations():
            with _reached():
                cursors = self._client.hmget(_place(integration, "cursors"), *sinks)
                if not all(cursors):
                    continue
                taken = min(_order(cursor.decode()) for cursor in cursors)
                kept = self._client.xrange(_place(integration, "dead"), count=1)
                if kept:  # it may have to be delivered yet
                    taken = min(taken, _order(kept[0][1][b"position"].decode()))
                ms, count = min(taken, (before_ms, 0))
                removed += self._client.xtrim(
                    stream_of(integration), minid=f"{ms}-{count}", approximate=False
                )
        return removed

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _letter(self, integration: str, entry: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
        position = fields[b"position"].decode()
        found = read_stream(self._client, integration, position, 1)
        return DeadLetter(
            number=f"{integration}/{entry.decode()}",
            sink=fields[b"sink"].decode(),
            event=found[0][1] if found and found[0][0] == position else None,
            reason=fields[b"reason"].decode(),
            died_at_ms=int(fields[b"died_at_ms"]),
        )


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise InboxUnavailable(f"The inbox cannot be used: {type(error).__name__}.") from error


def _place(integration: str, what: str) -> str:
    return f"nbi:{{{integration}}}:{what}"


def _order(position: str) -> tuple[int, int]:
    ms, _, count = position.partition("-")
    return int(ms), int(count)
