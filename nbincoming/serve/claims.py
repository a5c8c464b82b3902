"""Make claims in the inbox without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from nbincoming.core.outcomes import Candidate
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.batching import Group
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.inbox.protocol import ClaimResult, Inbox

#: Receives the outcome of a claim; called once, on the thread of the event loop.
Done = Callable[[ClaimResult], None]


class Claims(Protocol):
    """Makes claims without delaying other requests."""

    def claim(self, candidate: Candidate, done: Done) -> None:
        """Make a claim, and call `done` with its outcome, before this returns or later."""

    def close(self) -> None:
        """Finish the pending claims, then close the inbox."""


class DirectClaims:
    """Makes claims at once, for an inbox in memory."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def claim(self, candidate: Candidate, done: Done) -> None:
        """Claim at once."""
        (result,) = self._inbox.claim((candidate,))
        done(result)

    def close(self) -> None:
        """Close the inbox."""
        self._inbox.close()


class GroupedClaims:
    """Makes claims on one thread, for an inbox that waits for a disk or a network."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._loop: asyncio.AbstractEventLoop | None = None  # of the requests
        self._gathered: list[tuple[Candidate, Done]] = []
        self._group: Group[Done] = Group(inbox, self._deliver)

    def claim(self, candidate: Candidate, done: Done) -> None:
        """Claim together with the other pending requests."""
        if not self._gathered:
            self._loop = asyncio.get_running_loop()
            # Wake the thread after this iteration of the loop. If it woke earlier, it would
            # compete for the interpreter lock with the requests that are not judged yet.
            self._loop.call_soon(self._hand_over)
        self._gathered.append((candidate, done))

    def close(self) -> None:
        """End the thread and close the inbox."""
        self._group.close()
        self._inbox.close()

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        try:
            self._group.submit(gathered)
        except InboxUnavailable as refusal:
            _call_all([(done, refusal) for _, done in gathered])

    def _deliver(self, results: list[tuple[Done, ClaimResult]]) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(_call_all, results)  # once for all of them


def claims_for(inbox: Inbox) -> Claims:
    """Return the way to claim that suits an inbox."""
    return DirectClaims(inbox) if isinstance(inbox, MemoryInbox) else GroupedClaims(inbox)


def _call_all(results: list[tuple[Done, ClaimResult]]) -> None:
    for done, outcome in results:
        done(outcome)
