"""The way of dead letters that are to be delivered again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from nbincoming.clock import now_ms
from nbincoming.inbox.outbox import DeadLetter, Outbox
from nbincoming.relay import metrics
from nbincoming.relay.backoff import Backoff, RetryPolicy
from nbincoming.relay.sinks.sink import (
    Sink,
    Undelivered,
)

#: Dead letters that are delivered again in one go.
_LETTERS: Final = 100


class Redriver:
    """The way of dead letters that are to be delivered again: one try each.

    Parameters
    ----------
    outbox, sink, name, policy
        As of a :class:`~nbincoming.relay.lane.Lane`.
    """

    def __init__(self, outbox: Outbox, sink: Sink, name: str, policy: RetryPolicy) -> None:
        self.due_s = 0.0
        self._outbox = outbox
        self._sink = sink
        self._name = name
        self._policy = policy
        self._backoff = Backoff(policy)

    def drive(self, may_go_on: Callable[[], bool]) -> None:
        """Deliver them; those that are refused are dead again.

        So is one that is left in doubt, where the sink takes the next one that is tried.
        """
        letters = self._outbox.redriven(self._name, limit=_LETTERS)
        if len(letters) < _LETTERS:
            self.due_s = time.monotonic() + self._policy.round_s
        in_doubt: tuple[DeadLetter, str] | None = None
        for letter in letters:
            if not may_go_on():
                return
            try:
                self._sink.deliver([letter.event])
            except Undelivered as failure:
                if failure.is_refusal:
                    self._bury_again(letter, str(failure))
                    continue
                self.due_s = time.monotonic() + self._backoff.pause_s(failure.retry_after_s)
                if not failure.is_doubtful:  # it is not the letter's fault
                    return
                in_doubt = letter, str(failure)
            else:
                self._backoff = Backoff(self._policy)
                self._outbox.resolve(letter.number)
                metrics.DELIVERED.labels(self._name).inc()
                if in_doubt is not None:
                    letter, reason = in_doubt
                    self._bury_again(letter, f"{reason}, while another event was taken")
                in_doubt = None

    def _bury_again(self, letter: DeadLetter, reason: str) -> None:
        self._outbox.bury_again(letter.number, reason, now_ms())
        metrics.DEAD.labels(self._name).inc()
