"""Make the claims of simultaneous requests in one transaction.

A durable store waits for the disk once for each transaction, whatever the number of claims in it.
So one thread collects the claims that arrive while it is busy, and makes them together.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from nbincoming.core.gateway import inbox_unavailable
from nbincoming.core.outcomes import Candidate
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.protocol import ClaimResult, Inbox

#: Most claims in one transaction: more would save little and delay the first ones.
MAX_CLAIMS: Final = 256

#: How long to wait under load for more claims. The senders that were just answered send their next
#: requests, and one commit for all of them is cheaper than two. Compare PostgreSQL's commit_delay.
GATHER_S: Final = 0.002

#: If fewer claims arrive, the number of claims to wait for falls by this factor each time.
_DECAY: Final = 7 / 8

Waiter = TypeVar("Waiter")

log = logging.getLogger("nbincoming.inbox")


class Group(Generic[Waiter]):
    """A thread that makes the claims of many requests.

    Parameters
    ----------
    inbox
        Where to claim.
    deliver
        Called on the thread with all waiters and the outcomes of their claims; must not raise.
    """

    def __init__(
        self, inbox: Inbox, deliver: Callable[[list[tuple[Waiter, ClaimResult]]], object]
    ) -> None:
        self._inbox = inbox
        self._deliver = deliver
        self._waiting: list[tuple[Candidate, Waiter]] = []
        self._closing = False
        self._wakes_at = 1  # the number of waiting claims that wakes the thread
        self._expected = 1  # how many claims to wait for, up to GATHER_S
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="nbincoming-claims", daemon=True)
        self._thread.start()

    def submit(self, waiting: Sequence[tuple[Candidate, Waiter]]) -> None:
        """Let the thread claim candidates; each waiter receives the outcome of its candidate.

        Raises
        ------
        InboxUnavailable
            If the group is closed.
        """
        with self._changed:
            if self._closing:
                raise inbox_unavailable()
            self._waiting += waiting
            if len(self._waiting) >= self._wakes_at:
                self._changed.notify()

    def close(self) -> None:
        """Finish the pending claims, then end the thread; the inbox stays open."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while taken := self._take():
            candidates = [candidate for candidate, _ in taken]
            results: Sequence[ClaimResult]
            try:
                results = self._inbox.claim(candidates)
            except InboxUnavailable as refusal:
                # Also refuse the requests that arrived meanwhile: they would wait as long and fail.
                taken += self._take_rest()
                results = [refusal] * len(taken)
            except Exception:  # the outermost edge: the thread must survive a fault
                log.exception("The inbox failed; the pending requests are refused with 503")
                results = [inbox_unavailable()] * len(taken)
            self._deliver([(waiter, s) for (_, waiter), s in zip(taken, results, strict=True)])

    def _take(self) -> list[tuple[Candidate, Waiter]]:
        """Wait for candidates and take them; none when the group is closed."""
        with self._changed:
            if self._expected > 1:
                # Wake up once for all of them, because each wake-up takes time.
                self._wait(self._expected, GATHER_S)
            self._wait(1, None)
            taken = self._waiting[:MAX_CLAIMS]
            del self._waiting[:MAX_CLAIMS]
        self._expected = max(len(taken), int(self._expected * _DECAY))
        return taken

    def _wait(self, number: int, timeout_s: float | None) -> None:
        """Wait for this number of candidates, the time-out or the end."""
        self._wakes_at = number
        self._changed.wait_for(lambda: len(self._waiting) >= number or self._closing, timeout_s)
        self._wakes_at = sys.maxsize  # nobody waits

    def _take_rest(self) -> list[tuple[Candidate, Waiter]]:
        with self._changed:
            rest, self._waiting = self._waiting, []
        return rest
