"""The URL to which a sender posted, which some senders sign.

A server behind a proxy sees another URL than its senders. So a spec can say what they see. Without
that, the URL is ``https://``, the Host header and the target. An attacker can choose the Host
header. That gains nothing: the URL is compared only as a part of what was signed, and the path of
the endpoint, which nobody can guess, is another part of it.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from nbincoming.core.auth.signatures import bad_signature
from nbincoming.core.request.message import Request

#: The value of the option `url` that takes host and scheme from a proxy's headers.
FORWARDED: Final = "forwarded"


def check_url(url: str) -> str:
    """Return the option `url` if it is usable.

    Raises
    ------
    ValueError
        If it is neither ``"forwarded"`` nor a URL. The message does not contain it.
    """
    if url == FORWARDED:
        return url
    try:
        parts = urlsplit(url)
        is_host = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        is_url = parts.scheme in ("http", "https") and is_host
    except ValueError:
        is_url = False
    if not is_url or "?" in url or "#" in url or not url.isascii():
        raise ValueError(
            'Write the URL that is entered at the sender, without its query, or "forwarded" if a '
            "proxy sets X-Forwarded-Proto and X-Forwarded-Host."
        )
    return url


def public_url(request: Request, url: str | None) -> bytes:
    """Return the URL that the sender posted to.

    Parameters
    ----------
    request
        The request.
    url
        The public URL without a query, with or without a path; ``"forwarded"`` for the scheme and
        the host in ``X-Forwarded-Proto`` and ``X-Forwarded-Host``; None for ``https`` and the Host
        header.

    Raises
    ------
    BadSignature
        If the request does not have the host that is needed.
    """
    target = request.target.encode("utf-8", "surrogatepass")
    if url is None:
        return b"https://" + _only(request, "host") + target
    if url == FORWARDED:
        scheme, host = (_only(request, f"x-forwarded-{name}") for name in ("proto", "host"))
        return scheme + b"://" + host + target
    if urlsplit(url).path:
        _, mark, query = target.partition(b"?")
        return url.encode() + mark + query
    return url.encode() + target


def _only(request: Request, name: str) -> bytes:
    values = request.header(name.encode())
    if len(values) != 1:
        raise bad_signature(
            f"The signature covers the URL, and the header {name}, which is part of it, is given "
            f"{len(values)} times. Send it once."
        )
    return values[0].partition(b",")[0].strip()
