"""Refusals of what never becomes a request, or of all that a sender sends just now."""

from __future__ import annotations

from typing import ClassVar

from nbincoming.errors import Refusal


class BadHttp(Refusal):
    """The bytes are not an HTTP request, or one that two readers would read differently."""

    status: ClassVar[int] = 400
    slug: ClassVar[str] = "bad-http"
    title: ClassVar[str] = "This is not an HTTP request"


class SlowSender(Refusal):
    """The request did not come in time."""

    status: ClassVar[int] = 408
    slug: ClassVar[str] = "slow-sender"
    title: ClassVar[str] = "The request took too long to come"


class HeadTooLarge(Refusal):
    """The request line and headers are larger than the limit."""

    status: ClassVar[int] = 431
    slug: ClassVar[str] = "head-too-large"
    title: ClassVar[str] = "The headers are too large"


class ServiceFailed(Refusal):
    """Something raised: the sender may try again, the cause is not his business."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "service-failed"
    title: ClassVar[str] = "The request could not be handled"


class TooManyConnections(Refusal):
    """There are as many connections as are allowed."""

    status: ClassVar[int] = 503
    slug: ClassVar[str] = "too-many-connections"
    title: ClassVar[str] = "There are too many connections"


def bad_http() -> BadHttp:
    """Make the refusal of bytes that are no request."""
    return BadHttp("The bytes are not an HTTP/1.1 request. See what sends them.")


def slow_sender(request_timeout_s: float) -> SlowSender:
    """Make the refusal of a request that does not come to its end."""
    return SlowSender(
        f"The request was not complete after {request_timeout_s:g} seconds. Send it again."
    )


def head_too_large(max_head_bytes: int) -> HeadTooLarge:
    """Make the refusal of a head beyond the limit."""
    return HeadTooLarge(
        f"The request line and headers have more than {max_head_bytes:,} bytes. Send fewer."
    )


def service_failed() -> ServiceFailed:
    """Make the refusal of a request at which something raised."""
    return ServiceFailed("The receiver failed. Try again later.")


def too_many_connections() -> TooManyConnections:
    """Make the refusal of a connection beyond the limit."""
    return TooManyConnections(
        "The receiver has as many connections as it takes. Send again later.",
        headers=(("Retry-After", "1"),),
    )
