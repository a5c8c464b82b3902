"""The interface of sinks; ``tests/relay/sinks/contract.py`` tests each one against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from nbincoming.core.events import Event
from nbincoming.core.request.values import json_text
from nbincoming.errors import NbIncomingError

#: The media type of an event in CloudEvents' JSON format.
CONTENT_TYPE: Final = "application/cloudevents+json"

#: Time limit for one delivery. A receiver should answer at once, and process events later.
DELIVERY_TIMEOUT_S: Final = 15.0


class SinkError(NbIncomingError, ValueError):
    """A sink whose URL, secret or client cannot be used."""


class Undelivered(NbIncomingError):
    """A delivery that failed.

    Attributes
    ----------
    delivered : int
        Number of events delivered before the failure.
    is_refusal : bool
        Whether the sink rejected this event. The relay then gives up on it after some tries.
        While a sink cannot be reached, it retries for ever.
    is_doubtful : bool
        Whether it is unclear if the event or the sink is at fault. The relay retries. If the
        sink then accepts a later event but not this one, this one becomes a dead letter.
    retry_after_s : float
        Shortest pause that the sink asks for.
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
    """Receives events, in order.

    Creating one makes no connection, so the relay can start while the sink is down.
    """

    #: Most events for one call of :meth:`deliver`.
    batch: int

    #: Most threads that may call :meth:`deliver` at once, each with events of one integration.
    max_threads: int

    def deliver(self, events: Sequence[Event]) -> None:
        """Deliver events of one integration; return when the receiver has them.

        Raises
        ------
        Undelivered
            If an event fails. The events after it were not delivered, and will not be until
            they are passed again.
        """

    def close(self) -> None:
        """Close connections and files."""


def event_json(event: Event) -> bytes:
    """Return an event as a CloudEvent in JSON, on one line."""
    return json_text(event.cloud_event()).encode()
