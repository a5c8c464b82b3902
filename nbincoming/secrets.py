"""Where the values of secrets come from: memory, the environment, files, a JWKS's URL.

Values never appear in a repr, a message or a spec.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from pathlib import Path

import jwt

#: How long a fetched JWKS is used before it is fetched again, and how soon an unknown
#: key may make us ask again: a sender must not be able to make us hammer the issuer.
JWKS_LIFETIME_S = 300
JWKS_PAUSE_S = 10
JWKS_TIMEOUT_S = 5


class SecretStore:
    """Secrets by name: ``env:NAME``, ``file:/path``, or the ``https://…`` of a JWKS.

    A value is looked up once and kept; :meth:`forget` looks again. What is set here
    goes before what is outside, and stays in this process's memory.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._given: dict[str, bytes] = {}
        self._found: dict[str, bytes] = {}
        self._fetched_s: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<SecretStore with {len(self._given)} values set>"

    def __getitem__(self, name: str) -> bytes:
        """Return a secret's value, or raise KeyError."""
        with self._lock:
            if name in self._given:
                return self._given[name]
            if not name.startswith(("https://", "http://")):
                if name not in self._found:
                    self._found[name] = _read(name)
                return self._found[name]
        return self._fetched(name, JWKS_LIFETIME_S)

    def __setitem__(self, name: str, value: str | bytes) -> None:
        """Set a secret's value, for this process only."""
        with self._lock:
            self._given[name] = value.encode() if isinstance(value, str) else bytes(value)

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except KeyError:
            return False
        return True

    def refresh(self, name: str) -> bytes:
        """Fetch a JWKS again, unless that was done a moment ago."""
        with self._lock:
            if name in self._given:
                return self._given[name]
        return self._fetched(name, JWKS_PAUSE_S)

    def forget(self) -> None:
        """Look up again what comes from outside."""
        with self._lock:
            self._found.clear()
            self._fetched_s.clear()

    def _fetched(self, url: str, lifetime_s: float) -> bytes:
        with self._lock:
            now_s = time.monotonic()
            if url not in self._found:
                lifetime_s = JWKS_PAUSE_S  # nothing to go on with, so ask again before long
            asked_s = self._fetched_s.get(url)
            is_due = asked_s is None or now_s - asked_s >= lifetime_s
            if is_due:
                self._fetched_s[url] = now_s  # after a failure, too: the old keys serve on
        # Without the lock: whoever asks meanwhile goes on with the keys that there are.
        fresh = _fetch(url) if is_due else None
        with self._lock:
            if fresh is not None and fresh != self._found.get(url):
                self._found[url] = fresh  # the same bytes stay the same object
            return self._found[url]  # a KeyError where it was never there


def new_secret() -> str:
    """Make a shared secret of 256 random bits, as text."""
    return secrets.token_urlsafe(32)


def _read(name: str) -> bytes:
    kind, _, where = name.partition(":")
    if kind == "env":
        value = os.environ.get(where)
        if value is None:
            raise KeyError(name)
        return os.fsencode(value)
    if kind == "file":
        try:
            content = Path(where).read_bytes()
        except OSError:
            raise KeyError(name) from None
        # Editors end files by a line feed, which is hardly ever part of a secret.
        return content.removesuffix(b"\n").removesuffix(b"\r")
    raise KeyError(name)


def _fetch(url: str) -> bytes | None:
    """Fetch a JWKS; None where it cannot be reached, or answers something else."""
    client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=JWKS_TIMEOUT_S)
    try:
        return json.dumps(client.fetch_data()).encode()
    except (jwt.PyJWTError, OSError, ValueError):
        return None
