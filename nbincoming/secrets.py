"""Secrets by name, from memory, the environment, files and JWKS URLs.

Their values never appear in a repr, a message or a spec.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from pathlib import Path

import jwt

#: How long a fetched JWKS is used before it is fetched again.
JWKS_LIFETIME_S = 300
#: Shortest time between two fetches. Otherwise each token with an unknown key would cause a fetch,
#: and a sender could overload the issuer.
JWKS_PAUSE_S = 10
#: How long a fetch may take.
JWKS_TIMEOUT_S = 5


class SecretStore:
    """Secrets by name: ``env:NAME``, ``file:/path``, or the ``https://…`` of a JWKS.

    The store caches a JWKS for :data:`JWKS_LIFETIME_S`, and other values until :meth:`forget`.
    A value set by ``store[name] = value`` takes precedence. It is kept only in memory.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._set: dict[str, bytes] = {}
        self._cached: dict[str, bytes] = {}
        self._fetched_s: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<SecretStore with {len(self._set)} values set>"

    def __getitem__(self, name: str) -> bytes:
        """Return a secret's value, or raise KeyError."""
        with self._lock:
            if name in self._set:
                return self._set[name]
            if not name.startswith(("https://", "http://")):
                if name not in self._cached:
                    self._cached[name] = _read(name)
                return self._cached[name]
        return self._fetched(name, JWKS_LIFETIME_S)

    def __setitem__(self, name: str, value: str | bytes) -> None:
        """Set a secret's value, for this process only."""
        with self._lock:
            self._set[name] = value.encode() if isinstance(value, str) else bytes(value)

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except KeyError:
            return False
        return True

    def refresh(self, name: str) -> bytes:
        """Fetch a JWKS again, at most once in JWKS_PAUSE_S; return it, or raise KeyError."""
        with self._lock:
            if name in self._set:
                return self._set[name]
        return self._fetched(name, JWKS_PAUSE_S)

    def forget(self) -> None:
        """Forget the cached values, so that they are looked up again."""
        with self._lock:
            self._cached.clear()
            self._fetched_s.clear()

    def _fetched(self, url: str, lifetime_s: float) -> bytes:
        with self._lock:
            now_s = time.monotonic()
            if url not in self._cached:
                lifetime_s = JWKS_PAUSE_S  # there are no keys yet, so retry sooner
            asked_s = self._fetched_s.get(url)
            is_due = asked_s is None or now_s - asked_s >= lifetime_s
            if is_due:
                self._fetched_s[url] = now_s  # before the fetch, so that a failed one counts
        # Fetch without the lock, so that other threads can use the cached keys.
        fresh = _fetch(url) if is_due else None
        with self._lock:
            if fresh is not None and fresh != self._cached.get(url):
                self._cached[url] = fresh  # kept if equal: comparing one object is fast
            return self._cached[url]  # KeyError if no fetch succeeded yet


def new_secret() -> str:
    """Generate a shared secret of 256 random bits, as text."""
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
        # Editors end files with a line break, which is hardly ever part of a secret.
        return content.removesuffix(b"\n").removesuffix(b"\r")
    raise KeyError(name)


def _fetch(url: str) -> bytes | None:
    """Fetch a JWKS; None if the URL cannot be reached or returns something else."""
    client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=JWKS_TIMEOUT_S)
    try:
        return json.dumps(client.fetch_data()).encode()
    except (jwt.PyJWTError, OSError, ValueError):
        return None
