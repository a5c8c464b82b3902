"""A lease that one relay of a machine holds: a locked file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from nbincoming.errors import InboxUnavailable


class FileLease:
    """A locked file beside the inbox. The system unlocks it when the process ends.

    See :class:`~nbincoming.inbox.outbox.Lease`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def renew(self) -> bool:
        """Take or keep the lease; return whether it is held."""
        import fcntl  # missing on Windows, where no relay runs

        if self._file is not None and not self._is_in_place(self._file):
            self.release()  # another relay would lock the new file
        if self._file is None:
            try:
                file = self._path.open("a")
            except OSError as error:
                raise InboxUnavailable(f"{self._path}: {error.strerror}.") from None
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                return False
            self._file = file
        return True

    def is_held(self) -> bool:
        """Return whether the lease is held."""
        return self._file is not None

    def release(self) -> None:
        """Release the lease."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _is_in_place(self, file: IO[str]) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except OSError:
            return False
