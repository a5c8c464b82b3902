"""An answer as bytes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, TypeAlias, cast

from nbincoming.core.message import Response

RawPairs: TypeAlias = list[tuple[bytes, bytes]]

_STATUS: Final = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    for status in HTTPStatus
}


def written(response: Response, method: str, keep: bool, defaults: RawPairs) -> bytes:
    """Write an answer.

    Parameters
    ----------
    method
        What it answers: HEAD gets no body.
    keep
        Whether the connection stays open.
    defaults
        The server's own headers.
    """
    parts = [_STATUS[response.status], _default_head(defaults), _head(response)]
    if not keep:
        parts.append(b"connection: close\r\n")
    parts.append(b"\r\n")
    if method != "HEAD" and response.status != 204:
        parts.append(response.body)
    return b"".join(parts)


def _head(response: Response) -> bytes:
    """Write a response's headers; most responses are one of two constants."""
    found = _HEADS.get(id(response))
    if found is not None and found[0] is response:
        return found[1]
    lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in response.headers)
    if "\r" in lines.replace("\r\n", "") or lines.count("\n") != len(response.headers):
        raise ValueError("A header of the answer has a line feed.")
    if response.status != 204:  # which has no body (RFC 9110, 8.6)
        lines += f"content-length: {len(response.body)}\r\n"
    head = lines.encode("latin-1")
    if len(_HEADS) < 16:
        _HEADS[id(response)] = (response, head)  # held, so that its id stays its own
    return head


_HEADS: dict[int, tuple[Response, bytes]] = {}


def _default_head(headers: RawPairs) -> bytes:
    """Write the headers that are the server's: the date, which changes once a second."""
    if _DATED[0] is not headers:
        _DATED[:] = [headers, b"".join(b"%b: %b\r\n" % pair for pair in headers)]
    return cast(bytes, _DATED[1])


_DATED: list[object] = [None, b""]
