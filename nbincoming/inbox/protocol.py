"""What every inbox promises; ``tests/inbox/contract.py`` holds each one to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from nbincoming.core.events import Event
from nbincoming.core.outcomes import (
    Candidate,
    Claimed,
)
from nbincoming.errors import InboxUnavailable

#: What became of a candidate; a refusal where its part of the inbox could not be reached.
Settled: TypeAlias = Claimed | InboxUnavailable


class Inbox(Protocol):
    """Where keys are claimed and events are kept.

    For each candidate, claiming its key and appending its event is one step: of any
    number of concurrent requests with one key, exactly one is accepted, and what was
    accepted is there. What :meth:`claim` returns is as durable as the inbox is.
    """

    def claim(self, candidates: Sequence[Candidate]) -> Sequence[Settled]:
        """Claim the keys of candidates, in order, and append the events of the accepted.

        Returns
        -------
        sequence
            What became of each. In a store of several parts, of which one may be away while
            the others go on, that can be a refusal.

        Raises
        ------
        InboxUnavailable
            If the store cannot be reached or is closed; then none of the candidates was
            accepted.
        """

    def events(self, *, after: int = 0, limit: int = 1_000) -> list[tuple[int, Event]]:
        """Return events in the order of acceptance, each with its sequence number.

        Parameters
        ----------
        after
            Sequence number of the last event that is already known.
        limit
            How many at the most.
        """

    def close(self) -> None:
        """Let go of the store; a closed inbox claims nothing."""
