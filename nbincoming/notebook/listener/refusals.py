"""Refusals that only the kernel's listener makes."""

from __future__ import annotations

from typing import ClassVar

from nbincoming.errors import Refusal


class HandlerFailed(Refusal):
    """The handler raised an exception. The sender may try again, and does not see the cause."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "handler-failed"
    title: ClassVar[str] = "The request could not be handled"


class CutOff(Refusal):
    """The sender closed the connection within a request. It gets no answer."""

    slug: ClassVar[str] = "cut-off"
    title: ClassVar[str] = "The request was cut off"


def cut_off() -> CutOff:
    """Make the refusal of a request whose sender closed the connection too early."""
    return CutOff(
        "The sender closed the connection before the request was complete. Check the length that "
        "it announces, and how long it waits."
    )
