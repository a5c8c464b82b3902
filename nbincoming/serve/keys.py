"""The file of API keys: hashes only, read again when it changes."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from pathlib import Path

from pydantic import ValidationError

from nbincoming.core.login import ApiKey
from nbincoming.errors import NbIncomingError


class KeyFileError(NbIncomingError):
    """A file of API keys that cannot be used."""


class KeyFile:
    """API keys in a file."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._records: list[ApiKey] = []

    def records(self) -> list[ApiKey]:
        """Return the keys in force; none where there is no file.

        Raises
        ------
        KeyFileError
            If the file is not one of API keys.
        """
        with self._lock:
            try:
                stat = self.path.stat()
                seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                if seen != self._seen:
                    data = json.loads(self.path.read_bytes())
                    self._records = [ApiKey.model_validate(each) for each in data["keys"]]
                    self._seen = seen
            except FileNotFoundError:
                self._seen, self._records = None, []
            except (OSError, ValueError, KeyError, TypeError, ValidationError):
                raise KeyFileError(f"{self.path} is not a file of API keys.") from None
            return list(self._records)

    def save(self, records: list[ApiKey]) -> None:
        """Replace the keys."""
        data = {"keys": [record.data() for record in records]}
        handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        with os.fdopen(handle, "w") as file:  # for its owner only, as mkstemp makes it
            file.write(json.dumps(data, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(self.path)
