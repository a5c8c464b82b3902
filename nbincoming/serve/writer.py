"""An answer as bytes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, TypeAlias

from nbincoming.core.gateway import DUPLICATE_RESPONSE, OK_RESPONSE
from nbincoming.core.request.message import Response

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
    if response is not OK_RESPONSE and response is not DUPLICATE_RESPONSE:
        return _written(response, method, keep, defaults)
    if _dated[0] is not defaults:  # which the server makes anew each second
        _dated[0] = defaults
        _answers.clear()
    place = (response.status, method == "HEAD", keep)
    whole = _answers.get(place)
    if whole is None:
        whole = _answers[place] = _written(response, method, keep, defaults)
    return whole


#: The answers that nearly all requests get, and the server's headers that they were written with.
_answers: dict[tuple[int, bool, bool], bytes] = {}
_dated: list[RawPairs | None] = [None]


def _written(response: Response, method: str, keep: bool, defaults: RawPairs) -> bytes:
    parts = [_STATUS[response.status], *(b"%b: %b\r\n" % pair for pair in defaults)]
    parts.append(_head(response))
    if not keep:
        parts.append(b"connection: close\r\n")
    parts.append(b"\r\n")
    if method != "HEAD" and response.status != 204:
        parts.append(response.body)
    return b"".join(parts)


def _head(response: Response) -> bytes:
    """Write a response's headers."""
    lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in response.headers)
    if "\r" in lines.replace("\r\n", "") or lines.count("\n") != len(response.headers):
        raise ValueError("A header of the answer has a line feed.")
    if response.status != 204:  # which has no body (RFC 9110, 8.6)
        lines += f"content-length: {len(response.body)}\r\n"
    return lines.encode("latin-1")
