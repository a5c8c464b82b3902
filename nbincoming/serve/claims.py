"""From the event loop to the inbox and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from nbincoming.core.outcomes import Candidate
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.batching import Group
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.inbox.protocol import Inbox, Settled

#: Told what became of a candidate, on the thread of the event loop.
Told = Callable[[Settled], None]


class Claims(Protocol):
    """Where a claim is made without holding up other requests."""

    def claim(self, candidate: Candidate, later: Callable[[], Told]) -> Settled | None:
        """Claim, now or later.

        Parameters
        ----------
        later
            Called before this returns None: who is told what became of the candidate.

        Returns
        -------
        Settled or None
            What became of it, where that is known at once.
        """

    def close(self) -> None:
        """Make the claims that wait, then close the inbox."""


class DirectClaims:
    """For an inbox that never waits."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def claim(self, candidate: Candidate, _: Callable[[], Told]) -> Settled:
        """Claim at once."""
        return self._inbox.claim((candidate,))[0]

    def close(self) -> None:
        """Close the inbox."""
        self._inbox.close()


class GroupedClaims:
    """For an inbox that waits for a disk or a network: a thread claims for all requests."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._loop: asyncio.AbstractEventLoop | None = None  # the one that claims are made on
        self._gathered: list[tuple[Candidate, Told]] = []
        self._group: Group[Told] = Group(inbox, self._deliver)

    def claim(self, candidate: Candidate, later: Callable[[], Told]) -> None:
        """Have it claimed with the others that wait."""
        if not self._gathered:
            self._loop = asyncio.get_running_loop()
            # After all that was read at once: waking the thread earlier would have it fight
            # for the interpreter with the requests that are still to be judged.
            self._loop.call_soon(self._hand_over)
        self._gathered.append((candidate, later()))

    def close(self) -> None:
        """End the thread and close the inbox."""
        self._group.close()
        self._inbox.close()

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        try:
            self._group.submit(gathered)
        except InboxUnavailable as refusal:
            _tell([(told, refusal) for _, told in gathered])

    def _deliver(self, settled: list[tuple[Told, Settled]]) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(_tell, settled)  # once for all of them


def claims_for(inbox: Inbox) -> Claims:
    """Choose how to claim."""
    return DirectClaims(inbox) if isinstance(inbox, MemoryInbox) else GroupedClaims(inbox)


def _tell(settled: list[tuple[Told, Settled]]) -> None:
    for told, outcome in settled:
        told(outcome)
