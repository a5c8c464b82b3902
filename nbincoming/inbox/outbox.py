"""The other side of an inbox: what a relay reads, how far it came, what it gave up on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
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
    event : Event or None
        None where it is no longer kept.
    reason : str
        What the sink said.
    died_at_ms : int
        When it was given up on, in milliseconds since the epoch, UTC.
    """

    number: str
    sink: str
    event: Event | None
    reason: str
    died_at_ms: int


class Outbox(Protocol):
    """What was accepted, for delivery: in order per integration, at least once."""

    def integrations(self) -> list[str]:
        """List the integrations that ever had an event."""

    def pending(
        self, sink: str, integration: str, *, limit: int = 100
    ) -> list[tuple[Position, Event]]:
        """Return the next events that a sink has not taken yet, in order."""

    def advance(self, sink: str, integration: str, position: Position) -> None:
        """Note that a sink has taken everything up to a position."""

    def count_pending(self, sink: str) -> int:
        """Count what a sink has not taken yet."""

    def bury(
        self, sink: str, integration: str, position: Position, reason: str, now_ms: int
    ) -> None:
        """Give up on the event at a position, and advance past it, in one step."""

    def dead_letters(self, *, limit: int = 100) -> list[DeadLetter]:
        """List what was given up on, oldest first."""

    def redrive(self, numbers: Sequence[str] | None = None) -> int:
        """Have dead letters delivered again, all without numbers; return how many."""

    def redriven(self, sink: str) -> list[DeadLetter]:
        """Return the dead letters that are to be delivered again."""

    def settle(self, number: str, reason: str | None = None, now_ms: int = 0) -> None:
        """Forget a dead letter that was delivered, or say why it is dead again."""

    def lease(self, sink: str) -> AbstractContextManager[Callable[[], bool]]:
        """Be the only relay of a sink.

        The value says, each time it is called, whether the caller is the one. It ends with
        the process, however that ends.
        """

    def purge(self, before_ms: int, sinks: Sequence[str]) -> int:
        """Remove events received before a time that all the sinks have taken."""

    def close(self) -> None:
        """Let go of the store."""
