"""The connections of one process to the file of an inbox."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import NamedTuple

from nbincoming.inbox.sqlite.open_files import FileId, OpenFiles, file_id, files_replaced
from nbincoming.inbox.sqlite.tables import connect, connect_writer


class Opened(NamedTuple):
    """An open file: the connection that writes, and the one that reads meanwhile."""

    writer: sqlite3.Connection
    reader: sqlite3.Connection
    files: OpenFiles

    def close(self) -> None:
        """Close both."""
        self.writer.close()
        self.reader.close()


class Connections:
    """Opens an inbox's file, at once or on first use; any thread may call.

    Parameters
    ----------
    path
        The file.
    file
        None: the file is opened at once, and made if there is none. Otherwise the path must lead
        to this file, which is opened on first use. So a process that restarts while the file is
        away waits for it, and makes no other file whose events would be lost.
    busy_timeout_s
        How long a statement waits for another process.
    is_durable
        Whether a commit waits until it is on the disk.

    Raises
    ------
    InboxError
        Without `file`: if it cannot be opened.
    """

    def __init__(
        self, path: Path, file: FileId | None, busy_timeout_s: float, *, is_durable: bool = True
    ) -> None:
        self._path = path
        self._file = file
        self._busy_timeout_s = busy_timeout_s
        self._is_durable = is_durable
        self._lock = threading.Lock()
        self._is_closed = False
        self._opened = self._open() if file is None else None

    def __call__(self) -> Opened:
        """Return the open file.

        Raises
        ------
        InboxError, sqlite3.Error
            If it cannot be opened; if it was closed.
        """
        opened = self._opened
        if opened is not None:
            return opened
        with self._lock:
            if self._is_closed:
                raise sqlite3.ProgrammingError("it is closed")
            self._opened = self._opened or self._open()
            return self._opened

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._is_closed = True
            if self._opened is not None:
                self._opened.close()

    def _open(self) -> Opened:
        path, create = self._path, self._file is None
        if not create and file_id(path) != self._file:
            raise files_replaced(path)
        writer = connect_writer(path, create=create, busy_timeout_s=self._busy_timeout_s)
        if not self._is_durable:
            writer.execute("PRAGMA synchronous = NORMAL")
        files = OpenFiles(path)
        if not create and file_id(path) != self._file:  # replaced in the meantime
            writer.close()
            raise files_replaced(path)
        reader = connect(path, create=create, busy_timeout_s=self._busy_timeout_s)
        return Opened(writer, reader, files)
