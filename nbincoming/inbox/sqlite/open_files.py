"""Detects that an open inbox's files were deleted, moved or replaced.

SQLite does not notice this. It continues with the files that it has open, and everything written
to them is lost when the process ends.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from nbincoming.inbox.sqlite.tables import InboxError

#: What tells a file from any other of its machine: its device and its inode.
FileId: TypeAlias = tuple[int, int]


class FilesReplaced(InboxError):
    """The paths of an inbox no longer lead to the files that are open."""


class OpenFiles:
    """The files of an inbox: the database and, beside it, SQLite's log and its index.

    They are compared by ``stat`` and not opened, because to close a file would release the locks
    that SQLite has on it. A file that is put back is used again. Another file in its place is
    used only after a restart, because it lacks the events and keys of the open file.

    Parameters
    ----------
    path
        The database, which SQLite has opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        real = os.path.realpath(path)  # SQLite puts its own files beside the target of a link
        self._paths = (os.path.abspath(path), f"{real}-wal", f"{real}-shm")
        self._opened = self._identities()

    def check(self) -> None:
        """Raise :class:`FilesReplaced` if a path leads to another file, or to none."""
        if self._identities() != self._opened:
            raise files_replaced(self._path)

    def _identities(self) -> list[FileId | None]:
        return [file_id(path) for path in self._paths]


def files_replaced(path: Path) -> FilesReplaced:
    """Make the error that says what to do."""
    return FilesReplaced(
        f"{path}, or its -wal or -shm file, was deleted, moved or replaced while it was in use. "
        "Put the file back, or restart to use what is there now."
    )


def file_id(path: str | Path) -> FileId | None:
    """Return which file a path leads to; None if it leads to none."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
