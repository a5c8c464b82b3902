"""Stores for the hashes of API keys: in memory, or in a file that processes share."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import jiter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nbincoming.core.auth.login import ApiKey, key_record
from nbincoming.core.auth.tokens import PERMISSION
from nbincoming.core.problems import problems_of
from nbincoming.core.request.values import json_text
from nbincoming.errors import NbIncomingError, quote
from nbincoming.files import replace_file
from nbincoming.secrets import new_secret

#: Version of the file's format. Newer versions are refused.
KEY_FILE_VERSION: Final = 1

#: Only the owner may read the file, because the names of senders are private.
_MODE: Final = 0o600

Records = tuple[ApiKey, ...]


class ApiKeyError(NbIncomingError, ValueError):
    """API keys cannot be read, or cannot be changed as requested."""


class KeyRing:
    """API keys in memory. Only the hash of a key is kept."""

    def __init__(self) -> None:
        self._records: Records = ()
        self._lock = threading.RLock()

    def records(self) -> Records:
        """Return the keys that are not revoked, oldest first.

        Raises
        ------
        ApiKeyError
            If they are in a file that cannot be read.
        """
        return self._records

    def add(self, name: str, *, now_ms: int, permissions: Iterable[str] = (PERMISSION,)) -> str:
        """Make a key and return it. It cannot be shown again.

        Parameters
        ----------
        name
            Its name, and the ``sub`` claim of its tokens; 1 to 80 characters.
        now_ms
            The time, in milliseconds since the epoch.
        permissions
            The permissions of its tokens.

        Raises
        ------
        ApiKeyError
            If a key has this name, or the name or the permissions are invalid.
        """
        key = new_secret()
        try:
            record = key_record(key, name=name, created_at_ms=now_ms, permissions=permissions)
        except ValidationError as error:
            problems = " ".join(map(str, problems_of(error)))
            raise ApiKeyError(f"The API key cannot be made. {problems}") from None

        def added(records: Records) -> Records:
            if any(each.name == name for each in records):
                raise ApiKeyError(
                    f"An API key named {quote(name)} exists already. Revoke it first, or choose "
                    "another name."
                )
            return (*records, record)

        self._change(added)
        return key

    def revoke(self, name: str) -> None:
        """Revoke a key. Tokens that were issued for it stay valid until they expire.

        Raises
        ------
        ApiKeyError
            If no key has this name.
        """

        def without(records: Records) -> Records:
            kept = tuple(each for each in records if each.name != name)
            if len(kept) == len(records):
                names = ", ".join(quote(each.name) for each in records) or "none"
                raise ApiKeyError(
                    f"No API key is named {quote(name)}. The keys in force are: {names[:500]}."
                )
            return kept

        self._change(without)

    def _change(self, make: Callable[[Records], Records]) -> None:
        with self._lock:
            self._records = make(self._records)


class KeyFile(KeyRing):
    """API keys in a file, which is read again when it changes.

    Parameters
    ----------
    path
        The file, which need not exist yet. Whoever can write it decides who may log in.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)
        self._seen: tuple[int, int, int] | None = None

    def records(self) -> Records:
        """Return the keys that are not revoked; none if the file does not exist."""
        with self._lock:
            try:
                stat = self.path.stat()
                seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                if seen != self._seen:
                    self._records = _parsed(self.path)
                    self._seen = seen
            except FileNotFoundError:
                self._seen, self._records = None, ()
            except OSError as error:
                raise ApiKeyError(f"{self.path} cannot be read: {error.strerror}.") from None
            return self._records

    def _change(self, make: Callable[[Records], Records]) -> None:
        with self._lock, self._locked():
            data = {
                "schema_version": KEY_FILE_VERSION,
                "keys": [record.data() for record in make(self.records())],
            }
            try:
                replace_file(self.path, (json_text(data, indent=2) + "\n").encode(), mode=_MODE)
            except OSError as error:
                raise ApiKeyError(f"{self.path} cannot be written: {error.strerror}.") from None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the file against changes by other processes; on Windows, do nothing."""
        if os.name == "nt":
            yield
            return
        import fcntl

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path.parent, os.O_RDONLY)
        except OSError as error:
            raise ApiKeyError(f"{self.path} cannot be written: {error.strerror}.") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # the folder, as each change replaces the file
            yield
        finally:
            os.close(handle)


class _File(BaseModel):
    """The content of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    schema_version: Annotated[int, Field(ge=1, le=KEY_FILE_VERSION)] = KEY_FILE_VERSION
    keys: tuple[ApiKey, ...]


def _parsed(path: Path) -> Records:
    try:
        data: Any = jiter.from_json(path.read_bytes(), catch_duplicate_keys=True)
        return _File.model_validate(data).keys
    except ValidationError as error:
        # No values, because a user may have written a key where its hash belongs.
        places = ", ".join(problem.place or "the whole file" for problem in problems_of(error))
        raise ApiKeyError(
            f"{path} is not a valid file of API keys. Correct these places: {places[:300]}."
        ) from None
    except ValueError:
        raise ApiKeyError(f"{path} is not a file of API keys: it is not valid JSON.") from None
