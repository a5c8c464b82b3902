"""The protocol of inboxes; ``tests/inbox/contract.py`` tests every inbox against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from nbincoming.core.events import Event
from nbincoming.core.outcomes import (
    Candidate,
    Claimed,
)
from nbincoming.errors import InboxUnavailable, NbIncomingError

#: The outcome of a claim, or a refusal if the store could not be reached for it.
ClaimResult: TypeAlias = Claimed | InboxUnavailable


class InboxURLError(NbIncomingError, ValueError):
    """A URL that does not name an inbox."""


class Inbox(Protocol):
    """Claims keys and stores events.

    An inbox claims a candidate's key and appends its event in one atomic step. Of concurrent
    requests with one key, exactly one is accepted, and each accepted request has its event.
    When :meth:`claim` of a durable inbox returns, key and event are durable.
    """

    def claim(self, candidates: Sequence[Candidate]) -> Sequence[ClaimResult]:
        """Claim the keys of candidates, in order, and append the events of those accepted.

        Returns
        -------
        sequence
            The outcome of each. If a part of the store cannot be reached, only the candidates
            for that part are refused.

        Raises
        ------
        InboxUnavailable
            If the store cannot be reached or is closed. No candidate is accepted then.
        """

    def events(self, *, after: int = 0, limit: int = 1_000) -> list[tuple[int, Event]]:
        """Return events in the order of acceptance, each with its sequence number.

        Parameters
        ----------
        after
            Sequence number of the last event that the caller has.
        limit
            The most events to return.
        """

    def close(self) -> None:
        """Close the store; a closed inbox refuses every claim."""
