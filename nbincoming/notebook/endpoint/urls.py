"""The URLs at which an endpoint can be reached."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

from nbincoming.errors import NbIncomingError, quote


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """One URL of an endpoint.

    Attributes
    ----------
    url : str
        An absolute URL, or a path below this Jupyter server.
    note : str
        Who can use it, and what to watch out for.
    """

    url: str
    note: str


def endpoint_urls(url: str, public_base: str) -> list[EndpointUrl]:
    """List the URLs of an endpoint that listens at `url`, the most public one first."""
    parts = urlsplit(url)
    found = []
    if public_base:
        found.append(EndpointUrl(public_base + parts.path, "from outside, as you set it up"))
    found.append(EndpointUrl(url, "from this machine"))
    if find_spec("jupyter_server_proxy") is not None:
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/").rstrip("/")
        found.append(
            EndpointUrl(
                f"{prefix}/proxy/{parts.port}{parts.path}",
                "through this Jupyter server (jupyter-server-proxy). Use it yourself only: it asks "
                "for the Jupyter token, which lets its holder run code",
            )
        )
    return found


def public_base_of(text: str) -> str:
    """Check the public address of this kernel, such as ``https://hooks.example.com/in``.

    An empty text means that there is none.

    Raises
    ------
    NbIncomingError
        If it is not an http or https URL, or has a query, a fragment or a user name.
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
        # A text with a user name may hold a password, so it is not quoted.
        given = "" if "@" in base else f" {quote(base)} was given."
        raise NbIncomingError(
            "A public address is an http or https URL without a query or user name, such as "
            f"https://hooks.example.com.{given}"
        )
    return base
