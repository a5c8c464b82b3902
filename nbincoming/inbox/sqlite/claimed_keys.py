"""The keys of an inbox in a SQLite file.

Keys are hashes, so in a table ordered by key nearly every new key changes a different page. SQLite
would write each page three times, which would be half of the cost of a claim. So a claim is first
appended to a log, the table ``claims``, where seventy rows share a page. Each process keeps a copy
of the log in memory, the mirror. The first byte of a key is its bucket. After each 256 claims, the
keys of the next bucket are moved from the log to the table ``keys``, where they are neighbours.
This is a log-structured merge tree with one level.

After each move, a mark is appended to the log: a row with space 0 that names the bucket. So a
process that reads the log in order knows which keys are not in ``keys`` yet, and which bucket is
next. A row is deleted once each bucket has been moved since the row was appended.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence, Set
from functools import cache
from itertools import chain
from typing import Any, Final, TypeAlias, TypeVar

BUCKETS: Final = 256

#: Number of claims after which a bucket is moved. With it, the log has 65,000 rows. Half of them
#: are in the mirror, which takes about 13 MiB.
_MOVE_EACH: Final = 256

#: Most rows in one statement. One row at a time would take many times as long, because each
#: statement releases Python's interpreter lock and may have to wait for it. The connection keeps
#: a prepared statement for each number of rows.
_ROWS: Final = 64

_LATEST: Final = (
    "SELECT seq, space, key, first_ms, anchor_ms, expires_ms FROM claims WHERE seq > ? ORDER BY seq"
)
_KEYS: Final = "SELECT key, first_ms, anchor_ms FROM keys WHERE space = ? AND key IN {}"
_LOG: Final = "INSERT INTO claims (space, key, first_ms, anchor_ms, expires_ms) VALUES {}"
_MOVE: Final = (
    "INSERT INTO keys (space, key, first_ms, anchor_ms, expires_ms) VALUES {} "
    "ON CONFLICT DO UPDATE SET first_ms = excluded.first_ms, anchor_ms = excluded.anchor_ms, "
    "expires_ms = excluded.expires_ms"
)
#: Selects when the oldest claim of the log expires.
OLDEST_CLAIM: Final = "SELECT expires_ms FROM claims WHERE space > 0 ORDER BY seq LIMIT 1"

#: The space of marks; the spaces of keys are numbered from 1.
_MARK: Final = 0

#: The number of a key's space, and the key's hash.
Place: TypeAlias = tuple[int, bytes]

#: When a key was first claimed, when its window starts, and when it ends.
Times: TypeAlias = tuple[int, int, int]

_Row = TypeVar("_Row")


class SqliteKeys:
    """The keys, for one connection that writes them.

    Each method but :meth:`forget` is called within a transaction of that connection. Call
    :meth:`catch_up` first in each transaction, and :meth:`forget` after one that was rolled back.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget the mirror of the log; the next :meth:`catch_up` reads all of it."""
        self._seen = 0  # the last row that is in the mirror
        self._buckets: list[dict[Place, Times]] = [{} for _ in range(BUCKETS)]
        self._next = 0  # the bucket to move next
        self._marks: deque[int] = deque()  # the rows of the last marks, one for each bucket
        self._moved_at = 0

    def catch_up(self, writer: sqlite3.Connection) -> None:
        """Read what other processes have claimed and moved."""
        rows = writer.execute(_LATEST, (self._seen,)).fetchall()
        if not rows:
            return
        if self._seen and rows[0][0] != self._seen + 1:  # rows were deleted before they were read
            self.forget()
            rows = writer.execute(_LATEST, (0,)).fetchall()
        buckets = self._buckets
        for seq, space, key, first_ms, anchor_ms, expires_ms in rows:
            if space == _MARK:
                self._note_mark(seq, key[0])
            else:
                buckets[key[0]][space, key] = first_ms, anchor_ms, expires_ms
        self._seen = rows[-1][0]
        while len(self._marks) >= BUCKETS:
            self._marks.popleft()

    def find(self, writer: sqlite3.Connection, places: Set[Place]) -> dict[Place, tuple[int, int]]:
        """Return when keys were first claimed and when their windows start.

        A key that is not in the result was never claimed, or was removed after it expired.
        """
        found: dict[Place, tuple[int, int]] = {}
        elsewhere: dict[int, list[bytes]] = {}
        for place in places:
            space, key = place
            times = self._buckets[key[0]].get(place)
            if times is None:
                elsewhere.setdefault(space, []).append(key)
            else:
                found[place] = times[:2]
        for space, keys in elsewhere.items():
            for some in chunks(keys):
                query = _with_keys(_KEYS, len(some))
                for key, first_ms, anchor_ms in writer.execute(query, (space, *some)):
                    found[space, key] = first_ms, anchor_ms
        return found

    def put(self, writer: sqlite3.Connection, keys: dict[Place, Times]) -> None:
        """Write keys and their times, which replace earlier times."""
        if not keys:
            return
        put_rows(writer, _LOG, [place + times for place, times in keys.items()])
        self._see_own(writer)
        buckets = self._buckets
        for place, times in keys.items():
            buckets[place[1][0]][place] = times
        for _ in range((self._seen - self._moved_at) // _MOVE_EACH):
            self.move(writer)

    def move(self, writer: sqlite3.Connection) -> None:
        """Move the next bucket to the table ``keys``."""
        bucket = self._buckets[self._next]
        # Sorted, because the table is.
        put_rows(writer, _MOVE, [place + bucket[place] for place in sorted(bucket)])
        mark = (_MARK, bytes((self._next,)), 0, 0, 0)
        put_rows(writer, _LOG, [mark])
        self._see_own(writer)
        self._note_mark(self._seen, self._next)
        if len(self._marks) == BUCKETS:
            writer.execute("DELETE FROM claims WHERE seq <= ?", (self._marks.popleft(),))

    def _see_own(self, writer: sqlite3.Connection) -> None:
        """Record that the mirror has the rows that this connection has just appended."""
        (self._seen,) = writer.execute("SELECT last_insert_rowid()").fetchone()

    def _note_mark(self, seq: int, bucket: int) -> None:
        self._buckets[bucket].clear()
        self._next = (bucket + 1) % BUCKETS
        self._marks.append(seq)
        self._moved_at = seq


def put_rows(writer: sqlite3.Connection, insert: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows; `insert` is the statement, with ``{}`` where the values go."""
    for some in chunks(rows):
        statement = _with_rows(insert, len(some), len(some[0]))
        writer.execute(statement, [*chain.from_iterable(some)])


@cache
def _with_rows(insert: str, rows: int, columns: int) -> str:
    return insert.format(",".join([_marks(columns)] * rows))


@cache
def _with_keys(query: str, keys: int) -> str:
    return query.format(_marks(keys))


def _marks(number: int) -> str:
    return f"({','.join('?' * number)})"


def chunks(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """Split rows into parts of the size that one statement takes."""
    if 0 < len(rows) <= _ROWS:
        yield rows
        return
    for first in range(0, len(rows), _ROWS):
        yield rows[first : first + _ROWS]
