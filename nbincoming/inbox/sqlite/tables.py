"""The SQLite file of an inbox: its tables, connections and transactions."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nbincoming.errors import NbIncomingError

#: Marks a file as an inbox ("nbin"), so that no other database is used as one by mistake.
APPLICATION_ID: Final = 0x6E62696E

#: How long a statement waits for another process. Claims take milliseconds.
BUSY_TIMEOUT_S: Final = 5.0

#: Pause between tries for a lock that another process holds. SQLite's own pauses grow to a tenth of
#: a second, in which other processes take the lock again and again.
_RETRY_S: Final = 0.000_2

#: Pages in SQLite's write-ahead log (16 MiB) before they are moved into the database. Each move
#: waits for the disk twice.
_CHECKPOINT_PAGES: Final = 4_000

#: SQLite's page cache, in KiB: room for 200,000 keys.
_CACHE_KIB: Final = 16_384

#: For each version of the tables, the statements that upgrade from the version before it.
_VERSIONS: Final = (
    """
CREATE TABLE spaces (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE integrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE keys (
    space INTEGER NOT NULL,
    key BLOB NOT NULL,
    first_ms INTEGER NOT NULL,
    anchor_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (space, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- no number is used twice, even after rows are removed
    id TEXT NOT NULL,
    integration INTEGER NOT NULL,
    version INTEGER NOT NULL,
    key TEXT,
    triggers TEXT NOT NULL,
    received_at_ms INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX events_of_integration ON events (integration);
CREATE TABLE cursors (
    sink TEXT NOT NULL,
    integration INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (sink, integration)
) STRICT, WITHOUT ROWID;
CREATE TABLE dead_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sink TEXT NOT NULL,
    seq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    died_at_ms INTEGER NOT NULL,
    redriven INTEGER NOT NULL DEFAULT 0
) STRICT;
""",
    """
CREATE TABLE claims (  -- the latest, which are not all in keys yet
    seq INTEGER PRIMARY KEY,  -- without gaps, since the newest row is never removed
    space INTEGER NOT NULL,  -- 0: a mark, see claimed_keys.py
    key BLOB NOT NULL,
    first_ms INTEGER NOT NULL,
    anchor_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
""",
)

#: Version of the tables, in the file's ``user_version``.
SCHEMA_VERSION: Final = len(_VERSIONS)


class InboxError(NbIncomingError):
    """An inbox that cannot be opened."""


def connect(
    path: Path, *, create: bool = True, busy_timeout_s: float = BUSY_TIMEOUT_S
) -> sqlite3.Connection:
    """Open an inbox's file; with `create`, make it if there is none.

    Raises
    ------
    InboxError
        If that fails; the message says why.
    """
    try:
        if create:
            _make_private(path)
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",  # SQLite itself creates no file
            uri=True,
            timeout=busy_timeout_s,
            isolation_level=None,  # no implicit transactions
            check_same_thread=False,
            cached_statements=256,
        )
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InboxError(
            f"{path} cannot be opened: {reason}. Check that its folder exists and can be written."
        ) from None
    try:
        _check(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit returns when it is on the disk
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        _create(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise InboxError(f"{path} cannot be used as an inbox: {error}.") from None
    except InboxError:
        connection.close()
        raise
    return connection


def connect_writer(
    path: Path, *, create: bool = True, busy_timeout_s: float = BUSY_TIMEOUT_S
) -> sqlite3.Connection:
    """Open an inbox's file for :func:`transaction`; see :func:`connect`."""
    connection = connect(path, create=create, busy_timeout_s=busy_timeout_s)
    connection.execute("PRAGMA busy_timeout = 0")
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, busy_timeout_s: float) -> Iterator[None]:
    """Run a transaction: commit it, or roll it back after an exception.

    Parameters
    ----------
    connection
        From :func:`connect_writer`, so that SQLite itself does not wait for locks.
    busy_timeout_s
        How long to wait for another process.

    Raises
    ------
    sqlite3.Error
        If the wait is too long, or SQLite fails otherwise.
    """
    _begin(connection, busy_timeout_s)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _begin(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    """Take the write lock at once, so that no statement of the transaction has to wait."""
    end_s = time.monotonic() + busy_timeout_s
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            is_locked = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_locked or time.monotonic() >= end_s:
                raise
        else:
            return
        time.sleep(_RETRY_S)


def _make_private(path: Path) -> None:
    """Create the file if there is none. Only its owner may read it, since it contains bodies.

    SQLite gives its other files the same mode. An existing file is not opened here: to close it
    would release all POSIX locks of this process on it, SQLite's too, and another process could
    then remove a write-ahead log that is in use.
    """
    with _making, contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


#: Held while a new file is made and closed, so that no other thread has locks on it to lose.
_making = threading.Lock()


def _create(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == SCHEMA_VERSION:
        return
    connection.execute("BEGIN EXCLUSIVE")
    try:
        _check(connection, path)
        for tables in _VERSIONS[_version(connection) :]:  # none if another process made them
            for statement in tables.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and tables:
        raise InboxError(f"{path} is the database of another program. Name another file.")
    if _version(connection) > SCHEMA_VERSION:
        raise InboxError(
            f"{path} has format {_version(connection)}, and this nbincoming reads formats up "
            f"to {SCHEMA_VERSION}. Upgrade nbincoming."
        )


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
