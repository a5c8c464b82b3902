"""A request as it arrived, and the response to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from nbincoming.errors import quote

#: Ordered pairs of header name and value, exactly as received.
RawHeaders = tuple[tuple[bytes, bytes], ...]


# Not a frozen dataclass, which takes four times as long to make.
class Request(NamedTuple):
    """One HTTP request, complete and unchanged.

    Attributes
    ----------
    method : str
        Method as sent, such as ``"POST"``.
    target : str
        Path and query as sent, such as ``"/x?hub.mode=subscribe"``.
    headers : tuple of (bytes, bytes)
        Pairs in the order in which they were sent, including repeated headers.
    body : bytes
        The raw bytes, over which signatures are computed.
    received_at_ms : int
        When the driver received it, in milliseconds since the epoch, UTC. The core
        has no other clock.
    """

    method: str
    target: str
    headers: RawHeaders
    body: bytes
    received_at_ms: int

    def __repr__(self) -> str:
        # Headers and body may hold secrets, and a repr ends up in logs and tracebacks.
        line = quote(f"{self.method} {self.path}")
        return f"<Request {line} with {len(self.body)} bytes>"

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def query(self, name: str) -> list[str]:
        """Return the values of one query parameter, in order."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True).get(name, [])

    def header(self, name: bytes) -> list[bytes]:
        """Return the values of one header, in order; `name` in lower case."""
        return header_values(self.headers, name)


#: White space that HTTP ignores around a header's value (RFC 9110, section 5.5).
#: Servers differ in how much of it they remove, so nothing may depend on it.
WHITE_SPACE: Final = b" \t"


def header_values(headers: RawHeaders, name: bytes) -> list[bytes]:
    """Return the values of one header, in order; `name` in lower case."""
    size = len(name)  # comparing lengths is fast and excludes most headers
    values = []
    for key, value in headers:
        if len(key) == size and key.lower() == name:
            values.append(value.strip(WHITE_SPACE))
    return values


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a request.

    Attributes
    ----------
    status : int
        HTTP status code.
    headers : tuple of (str, str)
        Without ``Content-Length``, ``Date`` and ``Server``, which the driver adds.
    body : bytes
        Empty for 204.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
