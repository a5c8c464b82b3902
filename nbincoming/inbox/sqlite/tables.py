"""The tables of an inbox in a SQLite file, how it is connected to, and how it is written."""

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

#: Marks a file as an inbox ("nbin"): nobody's contacts database becomes one by a slip.
APPLICATION_ID: Final = 0x6E62696E

#: How long a statement waits for another process. Claims take milliseconds.
BUSY_TIMEOUT_S: Final = 5.0

#: How often a lock that another process has is tried for. SQLite itself would wait longer each
#: time, up to a tenth of a second, while others come and go.
_RETRY_S: Final = 0.000_2

#: Pages in the log before they are moved to the file: 16 MiB. Each move costs two waits for
#: the disk.
_CHECKPOINT_PAGES: Final = 4_000

#: Memory for pages, in KiB: those of 200,000 keys.
_CACHE_KIB: Final = 16_384

#: What makes each version of the tables of the one before.
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
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- no number is given twice, whatever is removed
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
CREATE TABLE claims (  -- the latest, which are not in keys yet
    seq INTEGER PRIMARY KEY,  -- without gaps, since the newest row is never removed
    space INTEGER NOT NULL,  -- 0: a mark, see sqlite_keys.py
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


def connect(path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open an inbox's file, and make it where there is none.

    Raises
    ------
    InboxError
        If that cannot be done; the message says why.
    """
    try:
        _make_private(path)
        connection = sqlite3.connect(
            path,
            timeout=busy_timeout_s,
            isolation_level=None,  # transactions are written out
            check_same_thread=False,
            cached_statements=256,
        )
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InboxError(
            f"{path} cannot be opened: {reason}. See that its folder is there and can be written."
        ) from None
    try:
        _check(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk when it returns
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


def connect_writer(path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open an inbox's file to write it by :func:`transaction`; see :func:`connect`."""
    connection = connect(path, busy_timeout_s=busy_timeout_s)
    connection.execute("PRAGMA busy_timeout = 0")
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, busy_timeout_s: float) -> Iterator[None]:
    """Write all of something, or nothing where an exception ends it.

    Parameters
    ----------
    connection
        One of :func:`connect_writer`, which leaves the waiting to us.
    busy_timeout_s
        How long to wait for another process.

    Raises
    ------
    sqlite3.Error
        If that is too long, or something else stands in the way.
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
    """Take the lock now, so that nothing deadlocks later."""
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
    """Make the file where there is none, for its owner alone, since it holds bodies.

    SQLite makes the files beside it alike. One that is there is left alone: whoever closes a
    file loses all locks that his process has on it, SQLite's among them, and another process
    would take away the log as nobody's.
    """
    with _making, contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


#: Of the threads of a process one makes a file, before any of them can have opened it.
_making = threading.Lock()


def _create(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == SCHEMA_VERSION:
        return
    connection.execute("BEGIN EXCLUSIVE")
    try:
        _check(connection, path)
        for tables in _VERSIONS[_version(connection) :]:  # none: another process was faster
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
        raise InboxError(f"{path} is another program's database. Give a file of its own.")
    if _version(connection) > SCHEMA_VERSION:
        raise InboxError(
            f"{path} is an inbox of format {_version(connection)}, and this nbincoming knows up "
            f"to {SCHEMA_VERSION}. Upgrade nbincoming."
        )


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
