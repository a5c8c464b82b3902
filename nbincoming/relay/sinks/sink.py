"""What every sink promises; ``tests/serve/sinks/contract.py`` holds each one to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from nbincoming.core.events import Event
from nbincoming.core.request.values import json_text
from nbincoming.errors import NbIncomingError

#: The media type of an event in CloudEvents' JSON format.
CONTENT_TYPE: Final = "application/cloudevents+json"

#: How long a receiver may take for one delivery. It should answer at once and work later.
TIMEOUT_S: Final = 15.0


class SinkError(NbIncomingError, ValueError):
    """A sink that cannot be used."""


class Undelivered(NbIncomingError):
    """A delivery that failed.

    Attributes
    ----------
    delivered : int
        How many of the events were delivered before it.
    is_refusal : bool
        Whether the sink would not have this event, rather than being away. A sink that is
        away is waited for, however long; one that refuses is not asked for ever.
    is_doubtful : bool
        Whether the sink was reached and did not take it, and it does not show whose fault
        that is: another event may be taken. It is waited for until that one is.
    retry_after_s : float
        How long the sink wants to be left alone.
    """

    def __init__(
        self,
        reason: str,
        *,
        delivered: int = 0,
        is_refusal: bool = False,
        is_doubtful: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(reason)
        self.delivered = delivered
        self.is_refusal = is_refusal
        self.is_doubtful = is_doubtful
        self.retry_after_s = retry_after_s


class Sink(Protocol):
    """Takes events, in order.

    Making one connects to nothing: a sink that is away holds up no start.
    """

    #: How many events :meth:`deliver` is given at the most.
    batch: int

    #: How many threads may deliver at the same time, each the events of one integration.
    carriers: int

    def deliver(self, events: Sequence[Event]) -> None:
        """Deliver events of one integration; when it returns they are the receiver's.

        Raises
        ------
        Undelivered
            At the first one that is not. None after it was delivered, and none will be
            later without being given again.
        """

    def close(self) -> None:
        """Let go of connections and files."""


def event_json(event: Event) -> bytes:
    """Write an event as a CloudEvent in JSON, on one line."""
    return json_text(event.cloud_event()).encode()
