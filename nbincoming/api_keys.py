"""API keys, by their hashes: in memory for a session, or in a file that a service shares."""

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

#: Version of the file's format. A newer one is refused, never guessed at.
KEY_FILE_VERSION: Final = 1

#: Hashes are no secrets, but who may call is nobody else's business.
_MODE: Final = 0o600

Records = tuple[ApiKey, ...]


class ApiKeyError(NbIncomingError, ValueError):
    """API keys that cannot be read, or not be changed as asked."""


class KeyRing:
    """API keys in force, each shown once and then known by its hash; in memory."""

    def __init__(self) -> None:
        self._records: Records = ()
        self._lock = threading.RLock()

    def records(self) -> Records:
        """Return the keys in force, oldest first.

        Raises
        ------
        ApiKeyError
            If they are in a file that is not one of API keys.
        """
        return self._records

    def add(self, name: str, *, now_ms: int, permissions: Iterable[str] = (PERMISSION,)) -> str:
        """Make a key and return it: the only time that it is shown.

        Parameters
        ----------
        name
            What it is called, and the ``sub`` of its tokens; 1 to 80 characters.
        now_ms
            When it is made, in milliseconds since the epoch.
        permissions
            What its tokens carry.

        Raises
        ------
        ApiKeyError
            If there is a key of this name, or it cannot be one.
        """
        key = new_secret()
        try:
            record = key_record(key, name=name, created_at_ms=now_ms, permissions=permissions)
        except ValidationError as error:
            told = " ".join(map(str, problems_of(error)))
            raise ApiKeyError(f"No such API key can be made. {told}") from None

        def added(records: Records) -> Records:
            if any(each.name == name for each in records):
                raise ApiKeyError(
                    f"There is an API key named {quote(name)} already. Revoke it first, or choose "
                    "another name."
                )
            return (*records, record)

        self._change(added)
        return key

    def revoke(self, name: str) -> None:
        """Put a key out of force; tokens that it was exchanged for live out their hour.

        Raises
        ------
        ApiKeyError
            If there is none of this name.
        """

        def without(records: Records) -> Records:
            kept = tuple(each for each in records if each.name != name)
            if len(kept) == len(records):
                names = ", ".join(quote(each.name) for each in records) or "none"
                raise ApiKeyError(
                    f"There is no API key named {quote(name)}. Those in force: {names[:500]}."
                )
            return kept

        self._change(without)

    def _change(self, make: Callable[[Records], Records]) -> None:
        with self._lock:
            self._records = make(self._records)


class KeyFile(KeyRing):
    """API keys in a file, read again when it changes.

    Parameters
    ----------
    path
        The file; there need not be one yet. Whoever may write it decides who may call.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)
        self._seen: tuple[int, int, int] | None = None

    def records(self) -> Records:
        """Return the keys in force; none where there is no file."""
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
        with self._lock, self._alone():
            data = {
                "schema_version": KEY_FILE_VERSION,
                "keys": [record.data() for record in make(self.records())],
            }
            try:
                replace_file(self.path, (json_text(data, indent=2) + "\n").encode(), mode=_MODE)
            except OSError as error:
                raise ApiKeyError(f"{self.path} cannot be written: {error.strerror}.") from None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from changing the file meanwhile, where the system can."""
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
            fcntl.flock(handle, fcntl.LOCK_EX)  # of the folder, which no change replaces
            yield
        finally:
            os.close(handle)


class _File(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    schema_version: Annotated[int, Field(ge=1, le=KEY_FILE_VERSION)] = KEY_FILE_VERSION
    keys: tuple[ApiKey, ...]


def _parsed(path: Path) -> Records:
    try:
        data: Any = jiter.from_json(path.read_bytes(), catch_duplicate_keys=True)
        return _File.model_validate(data).keys
    except ValidationError as error:
        # A place only: somebody may have written a key where its hash belongs.
        told = ", ".join(problem.place or "the whole" for problem in problems_of(error))
        raise ApiKeyError(f"{path} is not a file of API keys; wrong is {told[:300]}.") from None
    except ValueError:
        raise ApiKeyError(f"{path} is not a file of API keys: it is not valid JSON.") from None
