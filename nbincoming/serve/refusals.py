"""Refusals by the server itself, before or after the core judges a request."""

from __future__ import annotations

from typing import ClassVar

from nbincoming.errors import Refusal


class ServiceFailed(Refusal):
    """A fault of the server; the answer does not name the cause."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "service-failed"
    title: ClassVar[str] = "The request could not be handled"


class TooManyConnections(Refusal):
    """The limit of connections is reached."""

    status: ClassVar[int] = 503
    slug: ClassVar[str] = "too-many-connections"
    title: ClassVar[str] = "There are too many connections"


def service_failed() -> ServiceFailed:
    """Make the refusal of a request that could not be handled."""
    return ServiceFailed("The receiver failed. Send the request again later.")


def too_many_connections() -> TooManyConnections:
    """Make the refusal of a connection beyond the limit."""
    return TooManyConnections(
        "The receiver has reached its limit of connections. Send again later.",
        headers=(("Retry-After", "1"),),
    )
