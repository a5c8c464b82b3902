"""The API keys of an integration, which its login exchanges for tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from nbincoming.api_keys import KeyFile, KeyRing
from nbincoming.clock import now_ms
from nbincoming.core.auth.login import ApiKey


class LoginKeys:
    """The API keys in force, oldest first: their names and hashes.

    They live for the session, or in a file after :meth:`keep_in`. The methods raise
    ``ApiKeyError`` if that file cannot be used.

    Parameters
    ----------
    changed
        Called after each change.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        self._ring = KeyRing()
        self._changed = changed

    def add(self, name: str) -> str:
        """Make an API key and return it; it cannot be shown again.

        A sender posts it as ``{"apiKey": "…"}`` to the login, and gets a token of one hour.

        Raises
        ------
        ApiKeyError
            If a key of this name exists.
        """
        key = self._ring.add(name, now_ms=now_ms())
        self._changed()
        return key

    def revoke(self, name: str) -> None:
        """Revoke an API key; tokens that were issued for it stay valid for their hour.

        Raises
        ------
        ApiKeyError
            If no key has this name.
        """
        self._ring.revoke(name)
        self._changed()

    def keep_in(self, path: str | Path) -> None:
        """Read and write the API keys in a file from now on.

        It has the format of ``nbincoming keys`` and ``nbincoming serve --keys``, so
        production can use the same file.
        """
        file = KeyFile(path)
        file.records()  # raises now if the file cannot be used
        self._ring = file
        self._changed()

    def records(self) -> tuple[ApiKey, ...]:
        """Return the API keys in force, oldest first."""
        return self._ring.records()

    def __iter__(self) -> Iterator[ApiKey]:
        return iter(self.records())

    def __len__(self) -> int:
        return len(self.records())

    def __repr__(self) -> str:
        return f"<LoginKeys: {', '.join(record.name for record in self) or 'none'}>"
