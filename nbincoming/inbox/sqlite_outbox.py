"""The relay's side of an inbox in a SQLite file."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from nbincoming.core.events import Event
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.outbox import DeadLetter, Position
from nbincoming.inbox.schema import connect
from nbincoming.inbox.sqlite import event_of_row

#: Events removed in one transaction: claims wait for it.
_PURGE_EVENTS: Final = 500

_COLUMNS: Final = (
    "events.seq, events.id, name, version, key, triggers, received_at_ms, headers, body"
)
_DEAD: Final = (
    f"SELECT dead.number, dead.sink, reason, died_at_ms, {_COLUMNS} FROM dead_letters AS dead "  # noqa: S608
    "LEFT JOIN events ON events.seq = dead.seq "
    "LEFT JOIN integrations ON integrations.number = events.integration "
)


class SqliteOutbox:
    """See :class:`~nbincoming.inbox.outbox.Outbox`; any thread may call."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._db = connect(self.path)

    def integrations(self) -> list[str]:
        """List the integrations that ever had an event."""
        return [name for (name,) in self._all("SELECT name FROM integrations ORDER BY number")]

    def pending(
        self, sink: str, integration: str, *, limit: int = 100
    ) -> list[tuple[Position, Event]]:
        """Return the next events that a sink has not taken yet."""
        rows = self._all(
            f"SELECT {_COLUMNS} FROM events "  # noqa: S608 - our own columns
            "JOIN integrations ON integrations.number = events.integration "
            "WHERE events.integration = (SELECT number FROM integrations WHERE name = ?1) "
            "AND events.seq > coalesce((SELECT seq FROM cursors JOIN integrations ON "
            "number = cursors.integration WHERE sink = ?2 AND name = ?1), 0) "
            "ORDER BY events.seq LIMIT ?3",
            integration,
            sink,
            limit,
        )
        return [(str(row[0]), event_of_row(row)) for row in rows]

    def advance(self, sink: str, integration: str, position: Position) -> None:
        """Note that a sink has taken everything up to a position."""
        with self._transaction() as db:
            _advance(db, sink, integration, position)

    def count_pending(self, sink: str) -> int:
        """Count what a sink has not taken yet."""
        ((count,),) = self._all(
            "SELECT count(*) FROM events LEFT JOIN cursors ON cursors.sink = ? "
            "AND cursors.integration = events.integration "
            "WHERE events.seq > coalesce(cursors.seq, 0)",
            sink,
        )
        return int(count)

    def bury(
        self, sink: str, integration: str, position: Position, reason: str, now_ms: int
    ) -> None:
        """Give up on the event at a position, and advance past it."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO dead_letters (sink, seq, reason, died_at_ms) VALUES (?, ?, ?, ?)",
                (sink, int(position), reason, now_ms),
            )
            _advance(db, sink, integration, position)

    def dead_letters(self, *, limit: int = 100) -> list[DeadLetter]:
        """List what was given up on."""
        return [_letter(row) for row in self._all(_DEAD + "ORDER BY dead.number LIMIT ?", limit)]

    def redrive(self, numbers: Sequence[str] | None = None) -> int:
        """Have dead letters delivered again."""
        with self._transaction() as db:
            if numbers is None:
                return db.execute("UPDATE dead_letters SET redriven = 1").rowcount
            return db.executemany(
                "UPDATE dead_letters SET redriven = 1 WHERE number = ?", [(n,) for n in numbers]
            ).rowcount

    def redriven(self, sink: str) -> list[DeadLetter]:
        """Return the dead letters that are to be delivered again."""
        query = _DEAD + "WHERE dead.sink = ? AND redriven = 1 ORDER BY dead.number LIMIT 100"
        return [_letter(row) for row in self._all(query, sink)]

    def settle(self, number: str, reason: str | None = None, now_ms: int = 0) -> None:
        """Forget a dead letter that was delivered, or say why it is dead again."""
        with self._transaction() as db:
            if reason is None:
                db.execute("DELETE FROM dead_letters WHERE number = ?", (number,))
            else:
                db.execute(
                    "UPDATE dead_letters SET redriven = 0, reason = ?, died_at_ms = ? "
                    "WHERE number = ?",
                    (reason, now_ms, number),
                )

    @contextmanager
    def lease(self, sink: str) -> Iterator[Callable[[], bool]]:
        """Be the only relay of a sink, by a lock that ends with the process."""
        import fcntl  # not on Windows, where there is no relay

        name = hashlib.sha256(sink.encode()).hexdigest()[:12]
        path = self.path.with_name(f"{self.path.name}-relay-{name}.lock")
        with path.open("a") as file:
            held = False

            def is_ours() -> bool:
                nonlocal held
                if not held:
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        held = True
                    except OSError:
                        return False
                return True

            yield is_ours

    def purge(self, before_ms: int, sinks: Sequence[str]) -> int:
        """Remove events received before a time that all the sinks have taken."""
        removed = 0
        marks = ",".join("?" * len(sinks))
        while True:
            with self._transaction() as db:
                count = db.execute(
                    "DELETE FROM events WHERE seq IN (SELECT events.seq FROM events "  # noqa: S608 - marks
                    "WHERE received_at_ms < ? "
                    "AND NOT EXISTS (SELECT 1 FROM dead_letters WHERE seq = events.seq) "
                    "AND (SELECT count(*) FROM cursors WHERE integration = events.integration "
                    f"AND seq >= events.seq AND sink IN ({marks})) = ? "
                    "ORDER BY seq LIMIT ?)",
                    (before_ms, *sinks, len(sinks), _PURGE_EVENTS),
                ).rowcount
            removed += count
            if count < _PURGE_EVENTS:
                return removed

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _all(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            try:
                return self._db.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise _unavailable(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise _unavailable(error) from error


def _advance(db: sqlite3.Connection, sink: str, integration: str, position: Position) -> None:
    db.execute(
        "INSERT INTO cursors (sink, integration, seq) "
        "SELECT ?, number, ? FROM integrations WHERE name = ? "
        "ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
        (sink, int(position), integration),
    )


def _letter(row: Sequence[Any]) -> DeadLetter:
    number, sink, reason, died_at_ms, *event = row
    return DeadLetter(
        number=str(number),
        sink=sink,
        event=None if event[0] is None else event_of_row(event),
        reason=reason,
        died_at_ms=died_at_ms,
    )


def _unavailable(error: sqlite3.Error) -> InboxUnavailable:
    return InboxUnavailable(f"The inbox cannot be used: {error}.")
