"""Refusals by the server itself, before or after the core judges a request."""

from __future__ import annotations

from typing import ClassVar

from nbincoming.errors import Refusal


class BadHttp(Refusal):
    """The bytes are not an HTTP request, or are one that two servers would read differently."""

    status: ClassVar[int] = 400
    slug: ClassVar[str] = "bad-http"
    title: ClassVar[str] = "This is not an HTTP request"


class SlowSender(Refusal):
    """The request was not complete in time."""

    status: ClassVar[int] = 408
    slug: ClassVar[str] = "slow-sender"
    title: ClassVar[str] = "The request took too long to come"


class HeadTooLarge(Refusal):
    """The request line and headers are larger than the limit."""

    status: ClassVar[int] = 431
    slug: ClassVar[str] = "head-too-large"
    title: ClassVar[str] = "The headers are too large"


class ServiceFailed(Refusal):
    """A fault of the server; the answer does not tell the cause."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "service-failed"
    title: ClassVar[str] = "The request could not be handled"


class TooManyConnections(Refusal):
    """The limit of connections is reached."""

    status: ClassVar[int] = 503
    slug: ClassVar[str] = "too-many-connections"
    title: ClassVar[str] = "There are too many connections"


def bad_http() -> BadHttp:
    """Refuse bytes that are not a request."""
    return BadHttp("The bytes are not an HTTP/1.1 request. Check what sends them.")


def slow_sender(request_timeout_s: float) -> SlowSender:
    """Refuse a request that is not complete in time."""
    return SlowSender(
        f"The request was not complete after {request_timeout_s:g} seconds. Send it again."
    )


def head_too_large(max_head_bytes: int) -> HeadTooLarge:
    """Refuse a head beyond the limit."""
    return HeadTooLarge(
        f"The request line and headers have more than {max_head_bytes:,} bytes. Send fewer."
    )


def service_failed() -> ServiceFailed:
    """Refuse a request at which the server failed."""
    return ServiceFailed("The receiver failed. Send the request again later.")


def too_many_connections() -> TooManyConnections:
    """Refuse a connection beyond the limit."""
    return TooManyConnections(
        "The receiver has reached its limit of connections. Send again later.",
        headers=(("Retry-After", "1"),),
    )
