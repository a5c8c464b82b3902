"""The other side of an inbox: what a relay reads, how far it came, what it gave up on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nbincoming.core.events import Event

#: Where an event stands among those of its integration; opaque, made by the outbox.
Position = str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a sink would not take.

    Attributes
    ----------
    number : str
        Names it in ``nbincoming inbox redrive``.
    sink : str
        Name of the sink.
    event : Event
        The event, kept for as long as the letter is.
    reason : str
        What the sink said.
    died_at_ms : int
        When it was given up on, in milliseconds since the epoch, UTC.
    redriven : bool
        Whether it is waiting to be delivered again.
    """

    number: str
    sink: str
    event: Event
    reason: str
    died_at_ms: int
    redriven: bool = False


class Lease(Protocol):
    """Being the only relay of a sink. It ends with the process, however that ends."""

    def renew(self) -> bool:
        """Take it, or keep it; tell whether it is ours."""

    def is_held(self) -> bool:
        """Tell whether it is ours at this moment, without asking the store."""

    def release(self) -> None:
        """Let another have it."""


class Outbox(Protocol):
    """What was accepted, for delivery: in order per integration, at least once.

    Any thread may call. Where the store cannot be reached,
    :class:`~nbincoming.errors.InboxUnavailable` is raised and nothing was changed.
    """

    def waiting(self, sink: str) -> list[str]:
        """List the integrations that have events which a sink has not taken yet."""

    def pending(
        self, sink: str, integration: str, *, limit: int = 100
    ) -> list[tuple[Position, Event]]:
        """Return the next events that a sink has not taken yet, in order."""

    def advance(self, sink: str, integration: str, position: Position, taken: int) -> None:
        """Note that a sink has taken everything up to a position.

        Whoever comes late, with a position that was passed already, changes nothing.

        Parameters
        ----------
        taken
            How many events that are.
        """

    def count_pending(self, sink: str) -> int:
        """Count what a sink has not taken yet."""

    def bury(
        self, sink: str, integration: str, position: Position, reason: str, now_ms: int
    ) -> None:
        """Give up on the event at a position, and advance past it, in one step."""

    def dead_letters(self, *, sink: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """List what was given up on, oldest first."""

    def redrive(
        self, numbers: Sequence[str] | None = None, *, sink: str | None = None
    ) -> list[str]:
        """Have dead letters delivered again: those with these numbers, or all.

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
        """Return the dead letters that are to be delivered again."""

    def resolve(self, number: str) -> None:
        """Forget a dead letter, since it was delivered."""

    def bury_again(self, number: str, reason: str, now_ms: int) -> None:
        """Note that a dead letter was refused once more."""

    def lease(self, sink: str) -> Lease:
        """Return the lease of a sink; it is not taken yet."""

    def purge(self, before_ms: int, sinks: Sequence[str]) -> int:
        """Remove events received before a time that all the sinks have taken.

        What a dead letter needs is kept.
        """

    def close(self) -> None:
        """Let go of the store."""
