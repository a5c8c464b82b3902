"""Refusals of bytes that never become a request."""

from __future__ import annotations

from typing import ClassVar

from nbincoming.errors import Refusal


class BadHttp(Refusal):
    """The bytes are not an HTTP request, or two servers could read them differently."""

    status: ClassVar[int] = 400
    slug: ClassVar[str] = "bad-http"
    title: ClassVar[str] = "This is not an HTTP request"


class SlowSender(Refusal):
    """The request was not complete in time."""

    status: ClassVar[int] = 408
    slug: ClassVar[str] = "slow-sender"
    title: ClassVar[str] = "The request took too long to arrive"


class HeadTooLarge(Refusal):
    """The request line and headers are larger than the limit."""

    status: ClassVar[int] = 431
    slug: ClassVar[str] = "head-too-large"
    title: ClassVar[str] = "The headers are too large"


def bad_http(reason: str) -> BadHttp:
    """Make the refusal of bytes that are not a request.

    Parameters
    ----------
    reason
        llhttp's message, such as ``"Invalid header token"``; it never quotes the bytes.
    """
    return BadHttp(f"The bytes are not an HTTP/1.1 request: {reason}. Check what sends them.")


def slow_sender(request_timeout_s: float) -> SlowSender:
    """Make the refusal of a request that is not complete in time."""
    return SlowSender(
        f"The request was not complete after {request_timeout_s:g} seconds. Send it again."
    )


def head_too_large(max_head_bytes: int) -> HeadTooLarge:
    """Make the refusal of a head beyond the limit."""
    return HeadTooLarge(
        f"The request line and headers have more than {max_head_bytes:,} bytes. Send fewer."
    )
