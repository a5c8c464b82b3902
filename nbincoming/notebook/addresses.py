"""Where an endpoint can be reached: this machine, this Jupyter, and an address of one's own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

from nbincoming.errors import NbIncomingError, quote


@dataclass(frozen=True, slots=True)
class Address:
    """One way to an endpoint.

    Attributes
    ----------
    url : str
        Complete, or a path below this Jupyter server.
    words : str
        From where it works, and what to mind.
    """

    url: str
    words: str


def addresses(url: str, public_base: str) -> list[Address]:
    """List the ways to an endpoint that listens at `url`, the most public one first."""
    parts = urlsplit(url)
    found = []
    if public_base:
        found.append(Address(public_base + parts.path, "from outside, as you have set it up"))
    found.append(Address(url, "from this machine"))
    if find_spec("jupyter_server_proxy") is not None:
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/").rstrip("/")
        found.append(
            Address(
                f"{prefix}/proxy/{parts.port}{parts.path}",
                "through this Jupyter server (jupyter-server-proxy), for yourself only: it asks "
                "for the Jupyter token, which lets its holder run code",
            )
        )
    return found


def public_base_of(text: str) -> str:
    """Read the base of a public address: ``https://hooks.example.com/in``; empty for none.

    Raises
    ------
    NbIncomingError
        If it is not the start of a URL.
    """
    base = text.strip().rstrip("/")
    if not base:
        return ""
    try:
        parts = urlsplit(base)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        # With a user name it may hold a password, so it is quoted only without one.
        shown = "it" if "@" in base else quote(base)
        raise NbIncomingError(
            f"A public address is the start of a URL, such as https://hooks.example.com, and "
            f"{shown} is not: no query, no user name."
        )
    return base
