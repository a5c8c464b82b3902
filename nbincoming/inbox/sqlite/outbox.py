"""The relay's side of an inbox in a SQLite file."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from nbincoming.core.events import Event
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.outbox import DeadLetter, Position
from nbincoming.inbox.sqlite.connections import Connections
from nbincoming.inbox.sqlite.inbox import event_of_row
from nbincoming.inbox.sqlite.lease import FileLease
from nbincoming.inbox.sqlite.open_files import FileId
from nbincoming.inbox.sqlite.tables import BUSY_TIMEOUT_S, InboxError, transaction

#: Most events removed in one transaction, because claims wait for it.
_PURGE_EVENTS: Final = 500

_COLUMNS: Final = (
    "events.seq, events.id, name, version, key, triggers, received_at_ms, headers, body"
)
_WAITING: Final = (
    "SELECT name FROM integrations LEFT JOIN cursors "
    "ON cursors.integration = number AND cursors.sink = ? "
    "WHERE EXISTS (SELECT 1 FROM events WHERE events.integration = number "
    "AND events.seq > coalesce(cursors.seq, 0)) ORDER BY number"
)
_PENDING: Final = (
    f"SELECT {_COLUMNS} FROM integrations LEFT JOIN cursors "  # noqa: S608 - our own columns
    "ON cursors.integration = number AND cursors.sink = ? "
    "JOIN events ON events.integration = number AND events.seq > coalesce(cursors.seq, 0) "
    "WHERE name = ? ORDER BY events.seq LIMIT ?"
)
_COUNT: Final = (
    "SELECT count(*) FROM integrations LEFT JOIN cursors "
    "ON cursors.integration = number AND cursors.sink = ? "
    "JOIN events ON events.integration = number AND events.seq > coalesce(cursors.seq, 0)"
)
_ADVANCE: Final = (
    "INSERT INTO cursors (sink, integration, seq) "
    "SELECT ?, number, ? FROM integrations WHERE name = ? "
    "ON CONFLICT DO UPDATE SET seq = excluded.seq WHERE seq < excluded.seq"
)
_DEAD: Final = (
    f"SELECT dead.number, dead.sink, reason, died_at_ms, redriven, {_COLUMNS} "  # noqa: S608
    "FROM dead_letters AS dead JOIN events ON events.seq = dead.seq "
    "JOIN integrations ON integrations.number = events.integration "
)


class SqliteOutbox:
    """See :class:`~nbincoming.inbox.outbox.Outbox`.

    It continues with a file that was deleted or replaced, because only that file has the events
    accepted until then. The inbox accepts no more events; see
    :class:`~nbincoming.inbox.sqlite.open_files.OpenFiles`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        file: FileId | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self.path = Path(path)
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.Lock()
        # Writes here do not wait for the disk, so claims wait less. If a power cut undoes one,
        # events are delivered again, with the same ids.
        self._connections = Connections(self.path, file, busy_timeout_s, is_durable=False)

    def waiting(self, sink: str) -> list[str]:
        """List the integrations with events not yet delivered to a sink."""
        return [name for (name,) in self._all(_WAITING, sink)]

    def pending(
        self, sink: str, integration: str, *, limit: int = 100
    ) -> list[tuple[Position, Event]]:
        """Return the next events to deliver to a sink."""
        rows = self._all(_PENDING, sink, integration, limit)
        return [(str(row[0]), event_of_row(row)) for row in rows]

    def advance(self, sink: str, integration: str, position: Position, taken: int) -> None:  # noqa: ARG002 - SQLite counts by itself
        """Record that everything up to a position was delivered to a sink."""
        with self._transaction() as db:
            db.execute(_ADVANCE, (sink, int(position), integration))

    def count_pending(self, sink: str) -> int:
        """Count the events not yet delivered to a sink."""
        ((count,),) = self._all(_COUNT, sink)
        return int(count)

    def mark_dead(
        self, sink: str, integration: str, position: Position, reason: str, now_ms: int
    ) -> None:
        """Make the event at a position a dead letter, and advance past it."""
        with self._transaction() as db:
            if db.execute(_ADVANCE, (sink, int(position), integration)).rowcount:
                db.execute(
                    "INSERT INTO dead_letters (sink, seq, reason, died_at_ms) VALUES (?, ?, ?, ?)",
                    (sink, int(position), reason, now_ms),
                )

    def dead_letters(self, *, sink: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """List dead letters."""
        query = _DEAD + "WHERE ?1 IS NULL OR dead.sink = ?1 ORDER BY died_at_ms, dead.number "
        return [_letter(row) for row in self._all(query + "LIMIT ?2", sink, limit)]

    def redrive(
        self, numbers: Sequence[str] | None = None, *, sink: str | None = None
    ) -> list[str]:
        """Mark dead letters to be delivered again."""
        chosen = "UPDATE dead_letters SET redriven = 1 WHERE (?1 IS NULL OR sink = ?1) "
        with self._transaction() as db:
            if numbers is None:
                found = db.execute(chosen + "RETURNING number", (sink,)).fetchall()
            else:
                one = chosen + "AND CAST(number AS TEXT) = ?2 RETURNING number"
                found = [row for n in numbers for row in db.execute(one, (sink, n)).fetchall()]
        return [str(number) for (number,) in found]

    def redriven(self, sink: str, *, limit: int = 100) -> list[DeadLetter]:
        """Return the dead letters that are marked to be delivered again."""
        query = _DEAD + "WHERE dead.sink = ? AND redriven = 1 ORDER BY dead.seq LIMIT ?"
        return [_letter(row) for row in self._all(query, sink, limit)]

    def resolve(self, number: str) -> None:
        """Remove a dead letter."""
        with self._transaction() as db:
            db.execute("DELETE FROM dead_letters WHERE number = ?", (number,))

    def mark_dead_again(self, number: str, reason: str, now_ms: int) -> None:
        """Record that a dead letter was refused again."""
        with self._transaction() as db:
            db.execute(
                "UPDATE dead_letters SET redriven = 0, reason = ?, died_at_ms = ? WHERE number = ?",
                (reason, now_ms, number),
            )

    def lease(self, sink: str) -> FileLease:
        """Return the lease of a sink."""
        name = hashlib.sha256(sink.encode()).hexdigest()[:12]
        return FileLease(self.path.with_name(f"{self.path.name}-relay-{name}.lock"))

    def purge(self, before_ms: int, sinks: Sequence[str]) -> int:
        """Remove events received before a time and delivered to all the sinks.

        Events are read from the oldest on, up to the first page with one that is too new. This
        delays no claims.
        """
        removed, after = 0, 0
        marks = ",".join("?" * len(sinks))
        while True:
            rows = self._all(
                "SELECT seq, received_at_ms FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
                after,
                _PURGE_EVENTS,
            )
            old = [seq for seq, received_at_ms in rows if received_at_ms < before_ms]
            if old:
                with self._transaction() as db:
                    removed += db.execute(
                        "DELETE FROM events WHERE seq BETWEEN ? AND ? AND received_at_ms < ? "  # noqa: S608 - marks
                        "AND NOT EXISTS (SELECT 1 FROM dead_letters WHERE seq = events.seq) "
                        "AND (SELECT count(*) FROM cursors WHERE integration = events.integration "
                        f"AND seq >= events.seq AND sink IN ({marks})) = ?",
                        (old[0], old[-1], before_ms, *sinks, len(sinks)),
                    ).rowcount
            if len(old) < _PURGE_EVENTS:
                return removed
            after = old[-1]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connections.close()

    def _all(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            try:
                return self._connections().reader.execute(query, values).fetchall()
            except (sqlite3.Error, InboxError) as error:
                raise _unavailable(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                writer = self._connections().writer
                with transaction(writer, self._busy_timeout_s):
                    yield writer
            except (sqlite3.Error, InboxError) as error:
                raise _unavailable(error) from error


def _letter(row: Sequence[Any]) -> DeadLetter:
    number, sink, reason, died_at_ms, redriven, *event = row
    return DeadLetter(str(number), sink, event_of_row(event), reason, died_at_ms, bool(redriven))


def _unavailable(error: Exception) -> InboxUnavailable:
    return InboxUnavailable(f"The inbox cannot be used: {str(error).removesuffix('.')}.")
