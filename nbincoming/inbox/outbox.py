"""The relay's side of an inbox: events to deliver, positions of sinks, dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nbincoming.core.events import Event

#: Where an event is among those of its integration, in a form that only the outbox reads.
Position = str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a sink did not accept.

    Attributes
    ----------
    number : str
        Identifies the dead letter in ``nbincoming inbox redrive``.
    sink : str
        Name of the sink.
    event : Event
        The event. It is kept as long as the dead letter.
    reason : str
        Why the sink did not accept it.
    died_at_ms : int
        When it became a dead letter, in milliseconds since the epoch, UTC.
    redriven : bool
        Whether it is to be delivered again.
    """

    number: str
    sink: str
    event: Event
    reason: str
    died_at_ms: int
    redriven: bool = False


class Lease(Protocol):
    """A lock that one relay of a sink holds. It is released even if the process crashes."""

    def renew(self) -> bool:
        """Take or keep the lease; return whether it is held."""

    def is_held(self) -> bool:
        """Return whether the lease is held now, without asking the store."""

    def release(self) -> None:
        """Release the lease."""


class Outbox(Protocol):
    """Accepted events to be delivered: in order for each integration, at least once.

    Any thread may call. If the store cannot be reached, every method raises
    :class:`~nbincoming.errors.InboxUnavailable` and changes nothing.
    """

    def waiting(self, sink: str) -> list[str]:
        """List the integrations with events not yet delivered to a sink."""

    def pending(
        self, sink: str, integration: str, *, limit: int = 100
    ) -> list[tuple[Position, Event]]:
        """Return the next events to deliver to a sink, in order."""

    def advance(self, sink: str, integration: str, position: Position, taken: int) -> None:
        """Record that everything up to a position was delivered to a sink.

        A position before the recorded one changes nothing.

        Parameters
        ----------
        taken
            Number of events between the recorded position and this one.
        """

    def count_pending(self, sink: str) -> int:
        """Count the events not yet delivered to a sink."""

    def mark_dead(
        self, sink: str, integration: str, position: Position, reason: str, now_ms: int
    ) -> None:
        """Make the event at a position a dead letter, and advance past it, in one step."""

    def dead_letters(self, *, sink: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """List dead letters, oldest first."""

    def redrive(
        self, numbers: Sequence[str] | None = None, *, sink: str | None = None
    ) -> list[str]:
        """Mark dead letters to be delivered again: those with these numbers, or all.

        Parameters
        ----------
        sink
            Only those of this sink.

        Returns
        -------
        list of str
            Their numbers.
        """

    def redriven(self, sink: str, *, limit: int = 100) -> list[DeadLetter]:
        """Return the dead letters that are marked to be delivered again."""

    def resolve(self, number: str) -> None:
        """Remove a dead letter that was delivered."""

    def mark_dead_again(self, number: str, reason: str, now_ms: int) -> None:
        """Record that a dead letter was refused again."""

    def lease(self, sink: str) -> Lease:
        """Return the lease of a sink; it is not taken yet."""

    def purge(self, before_ms: int, sinks: Sequence[str]) -> int:
        """Remove events received before a time and delivered to all the sinks.

        Events of dead letters are kept.
        """

    def close(self) -> None:
        """Close the store."""
