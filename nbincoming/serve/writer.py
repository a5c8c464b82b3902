"""Write an answer as bytes."""

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


class Writer:
    """Writes answers; it caches the two that nearly all requests get."""

    def __init__(self) -> None:
        self._defaults: RawPairs | None = None
        self._known: dict[tuple[int, bool, bool], bytes] = {}  # answers with these defaults

    def write(self, response: Response, method: str, keeps_open: bool, defaults: RawPairs) -> bytes:
        """Write an answer.

        Parameters
        ----------
        method
            The method of the request: the answer to HEAD has no body.
        keeps_open
            Whether the connection stays open.
        defaults
            The server's own headers. If one changes, the list must be a new one.
        """
        if response is not OK_RESPONSE and response is not DUPLICATE_RESPONSE:
            return write_response(response, method, keeps_open, defaults)
        if self._defaults is not defaults:
            self._defaults = defaults
            self._known.clear()
        place = (response.status, method == "HEAD", keeps_open)
        known = self._known.get(place)
        if known is None:
            known = self._known[place] = write_response(response, method, keeps_open, defaults)
        return known


def write_response(response: Response, method: str, keeps_open: bool, defaults: RawPairs) -> bytes:
    """Write an answer; see :meth:`Writer.write`."""
    lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in response.headers)
    if "\r" in lines.replace("\r\n", "") or lines.count("\n") != len(response.headers):
        raise ValueError("A header of the answer has a line feed.")
    has_body = response.status != 204  # 204 has no Content-Length either (RFC 9110, 8.6)
    parts = [_STATUS[response.status], *(b"%b: %b\r\n" % pair for pair in defaults)]
    parts.append(lines.encode("latin-1"))
    if has_body:
        parts.append(b"content-length: %d\r\n" % len(response.body))
    if not keeps_open:
        parts.append(b"connection: close\r\n")
    parts.append(b"\r\n")
    if has_body and method != "HEAD":
        parts.append(response.body)
    return b"".join(parts)
