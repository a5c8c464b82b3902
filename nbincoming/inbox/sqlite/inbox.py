"""An inbox in one SQLite file: durable, and shared by the processes of one machine.

Key and event are written in one transaction, which is on the disk before the request is
answered (``synchronous=FULL``). A transaction waits for the disk once, however many claims it
has, so :class:`~nbincoming.inbox.batching.Group` collects claims.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from pydantic_core import to_json

from nbincoming.core.deduplication import is_duplicate, next_anchor_ms
from nbincoming.core.events import Event, event_id
from nbincoming.core.gateway import inbox_unavailable
from nbincoming.core.outcomes import (
    Accepted,
    Candidate,
    Claim,
    Claimed,
    Duplicate,
    Filtered,
)
from nbincoming.core.request.headers import header_parameters
from nbincoming.core.request.masking import without_credentials
from nbincoming.core.request.message import RawHeaders
from nbincoming.inbox.sqlite.claimed_keys import (
    BUCKETS,
    OLDEST_CLAIM,
    Place,
    SqliteKeys,
    Times,
    put_rows,
)
from nbincoming.inbox.sqlite.connections import Connections
from nbincoming.inbox.sqlite.open_files import FileId
from nbincoming.inbox.sqlite.tables import (
    BUSY_TIMEOUT_S,
    SCHEMA_VERSION,
    InboxError,
    transaction,
)

#: How many expired keys one transaction removes. Claims wait for it, so the number is small.
_PURGE_KEYS: Final = 500

#: How many buckets of keys one transaction moves (see claimed_keys.py).
_MOVED_BUCKETS: Final = 16

#: How long an expired key is kept: a request that was received in time may still wait.
_SLACK_MS: Final = 120_000

_EXPIRED: Final = (
    "SELECT space, key FROM keys WHERE (space, key) > (?, ?) AND expires_ms < ? "
    "ORDER BY space, key LIMIT ?"
)
_PUT_EVENTS: Final = (
    "INSERT INTO events (id, integration, version, key, triggers, received_at_ms, headers, body) "
    "VALUES {}"
)
_EVENTS: Final = (
    "SELECT seq, id, name, version, key, triggers, received_at_ms, headers, body "
    "FROM events JOIN integrations ON integrations.number = events.integration "
)


class SqliteInbox:
    """Keys and events in a file; any thread and any process of the machine may call.

    Parameters
    ----------
    path
        The file, which is made if it does not exist. It must be on a local disk, because SQLite's
        locks do not work on network file systems.
    file
        Which file it must be; see :class:`~nbincoming.inbox.sqlite.connections.Connections`.
    busy_timeout_s
        How long a claim waits for another process before it is refused.

    Raises
    ------
    InboxError
        If the file is not an inbox, or was made by a newer version.
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
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._connections = Connections(self.path, file, busy_timeout_s)
        self._keys = SqliteKeys()
        # Numbers of key spaces and integrations by name. They share a dict, because only names of
        # key spaces have a slash.
        self._numbers: dict[str, int] = {}

    def claim(self, candidates: Sequence[Candidate]) -> list[Claimed]:
        """Claim keys and append events; see :class:`~nbincoming.inbox.protocol.Inbox`."""
        if not candidates:
            return []
        with self._transaction() as writer:
            self._keys.catch_up(writer)
            return self._claim(writer, candidates)

    def events(self, *, after: int = 0, limit: int = 1_000) -> list[tuple[int, Event]]:
        """Return events in order; see :class:`~nbincoming.inbox.protocol.Inbox`."""
        rows = self._read(_EVENTS + "WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
        return [(row[0], event_of_row(row)) for row in rows]

    def purge(self, now_ms: int) -> int:
        """Remove keys that have expired; return how many.

        The search delays no claims, and each transaction removes only a few keys.
        """
        purged, place, before_ms = 0, (0, b""), now_ms - _SLACK_MS
        self._move_log(before_ms)
        while True:
            expired = self._read(_EXPIRED, *place, before_ms, _PURGE_KEYS)
            if not expired:
                return purged
            with self._transaction() as writer:
                # Repeat the condition, because a key may have been claimed since the search.
                purged += writer.executemany(
                    "DELETE FROM keys WHERE space = ? AND key = ? AND expires_ms < ?",
                    [(*each, before_ms) for each in expired],
                ).rowcount
            place = expired[-1]

    def _move_log(self, before_ms: int) -> None:
        """Move all keys from the table ``claims`` to ``keys`` if the oldest has expired."""
        oldest = self._read(OLDEST_CLAIM)
        if not oldest or oldest[0][0] >= before_ms:
            return
        for _ in range(0, BUCKETS, _MOVED_BUCKETS):
            with self._transaction() as writer:
                self._keys.catch_up(writer)
                for _ in range(_MOVED_BUCKETS):
                    self._keys.move(writer)

    def probe(self) -> None:
        """Check that a claim could be made, by writing an unchanged value.

        Raises
        ------
        InboxUnavailable
            If the file is locked, deleted or replaced, or the disk is full.
        """
        with self._transaction() as writer:
            writer.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def checkpoint(self) -> None:
        """Move SQLite's write-ahead log into the database, as far as this delays no claim.

        Otherwise SQLite would move all of it during one claim, and other claims would wait.
        """
        self._read("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the file."""
        with self._writing, self._reading:
            self._connections.close()

    def _read(self, query: str, *values: Any) -> list[Any]:
        """Run a query without waiting for claims."""
        with self._reading:
            try:
                return self._connections().reader.execute(query, values).fetchall()
            except (sqlite3.Error, InboxError) as error:
                raise inbox_unavailable() from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Write everything durably, or nothing.

        Raises
        ------
        InboxUnavailable
            If the file is locked for too long, deleted or replaced, the disk is full, or the
            inbox is closed.
        """
        with self._writing:
            begun = False
            try:
                opened = self._connections()
                opened.files.check()
                with transaction(opened.writer, self._busy_timeout_s):
                    begun = True
                    yield opened.writer
                opened.files.check()  # again: they may have been deleted during the commit
            except BaseException as error:
                if begun:  # cached values may come from this transaction
                    self._numbers.clear()
                    self._keys.forget()
                if isinstance(error, sqlite3.Error | InboxError):
                    raise inbox_unavailable() from error
                raise

    def _claim(self, writer: sqlite3.Connection, candidates: Sequence[Candidate]) -> list[Claimed]:
        places = [
            None if candidate.claim is None else self._place(writer, candidate.claim)
            for candidate in candidates
        ]
        known = self._keys.find(writer, {place for place in places if place is not None})
        keys: dict[Place, Times] = {}
        events: list[tuple[Any, ...]] = []
        outcomes: list[Claimed] = []
        for candidate, place in zip(candidates, places, strict=True):
            claim, now_ms = candidate.claim, candidate.request.received_at_ms
            identity = None
            if claim is not None and place is not None:
                before = known.get(place)
                if before is not None and is_duplicate(now_ms, before[1], claim.window_ms):
                    first_ms, before_ms = before
                    anchor_ms = next_anchor_ms(claim.anchor, now_ms, before_ms)
                    outcomes.append(Duplicate(first_ms, before_ms))
                    if anchor_ms == before_ms:
                        continue
                else:
                    first_ms = anchor_ms = now_ms
                    identity = event_id(candidate.integration, claim.key, now_ms)
                known[place] = first_ms, anchor_ms
                keys[place] = (first_ms, anchor_ms, anchor_ms + claim.window_ms)
                if identity is None:
                    continue
            if candidate.wanted:
                identity = identity or uuid4().hex
                name = candidate.integration
                number = self._numbers.get(name) or self._number(writer, "integrations", name)
                events.append(row_of_candidate(candidate, identity, number))
                outcomes.append(Accepted(identity, candidate.triggers))
            else:
                outcomes.append(Filtered())
        self._keys.put(writer, keys)
        put_rows(writer, _PUT_EVENTS, events)
        return outcomes

    def _place(self, writer: sqlite3.Connection, claim: Claim) -> Place:
        space = claim.space
        number = self._numbers.get(space) or self._number(writer, "spaces", space)
        return number, bytes.fromhex(claim.key)

    def _number(self, writer: sqlite3.Connection, table: str, name: str) -> int:
        """Return the number that rows contain in place of a long name."""
        writer.execute(f"INSERT OR IGNORE INTO {table} (name) VALUES (?)", (name,))  # noqa: S608 - our own names
        query = f"SELECT number FROM {table} WHERE name = ?"  # noqa: S608
        (number,) = writer.execute(query, (name,)).fetchone()
        self._numbers[name] = number
        return int(number)


def row_of_candidate(candidate: Candidate, identity: str, integration: int) -> tuple[Any, ...]:
    """Return the row of an accepted candidate's event; `integration` is a number.

    From the row, :func:`event_of_row` makes the same event as
    :func:`~nbincoming.core.events.event_of`. No event is made here, to save time.
    """
    return (
        identity,
        integration,
        candidate.version,
        candidate.key,
        _names_json(candidate.triggers),
        candidate.request.received_at_ms,
        _headers_json(candidate.request.headers),
        candidate.request.body,
    )


def _headers_json(raw: RawHeaders) -> str:
    """Return headers without credentials as JSON. pydantic is five times as fast as json."""
    return to_json(without_credentials(header_parameters(raw))).decode()


@lru_cache(maxsize=256)
def _names_json(names: tuple[str, ...]) -> str:
    """Return the names of triggers as JSON; cached, because many events have the same ones."""
    return to_json(names).decode()


def event_of_row(row: Sequence[Any]) -> Event:
    """Read an event from a row of the table, its sequence number first."""
    _, identity, integration, version, key, triggers, received_at_ms, headers, body = row
    return Event(
        id=identity,
        integration=integration,
        version=version,
        key=key,
        triggers=tuple(json.loads(triggers)),
        received_at_ms=received_at_ms,
        headers=json.loads(headers),
        body=body,
    )
