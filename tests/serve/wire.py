"""Requests as bytes on a connection."""

from __future__ import annotations

from nbincoming.core.gateway import endpoint_path
from tests.serve.running import ENDPOINT, Served, headers

PATH = endpoint_path(ENDPOINT)


def raw(served: Served, *parts: bytes) -> bytes:
    """Send bytes and return all that comes until the connection ends."""
    with served.connect() as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        while data := connection.recv(65_536):
            answer += data
        return answer


def request_bytes(body: bytes, *more: str, method: str = "POST", close: bool = True) -> bytes:
    """Write a good request."""
    lines = [f"{method} {PATH} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *more]
    lines += [f"{name}: {value}" for name, value in headers().items()]
    lines += ["Connection: close"] if close else []
    return "\r\n".join([*lines, "", ""]).encode() + body
