"""Being the only relay of a sink, on one machine: a locked file."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from nbincoming.errors import InboxUnavailable


class FileLease:
    """A locked file beside the inbox; the system unlocks it when the process is gone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def renew(self) -> bool:
        """Take it, or keep it."""
        import fcntl  # not on Windows, where there is no relay

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
        """Tell whether it is ours."""
        return self._file is not None

    def release(self) -> None:
        """Let another have it."""
        if self._file is not None:
            self._file.close()
            self._file = None
