"""Refusals of what never becomes a request, or of all that a sender sends just now."""

from __future__ import annotations

from typing import ClassVar

from nbincoming.errors import Refusal


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


def service_failed() -> ServiceFailed:
    """Make the refusal of a request at which something raised."""
    return ServiceFailed("The receiver failed. Try again later.")


def too_many_connections() -> TooManyConnections:
    """Make the refusal of a connection beyond the limit."""
    return TooManyConnections(
        "The receiver has as many connections as it takes. Send again later.",
        headers=(("Retry-After", "1"),),
    )
