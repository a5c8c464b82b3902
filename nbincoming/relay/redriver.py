"""Redelivers the dead letters that are marked for it."""

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

#: Dead letters read at a time.
_BATCH: Final = 100


class Redriver:
    """Redelivers dead letters, one try each.

    Parameters
    ----------
    outbox, sink, name, policy
        As for :class:`~nbincoming.relay.lane.Lane`.
    """

    def __init__(self, outbox: Outbox, sink: Sink, name: str, policy: RetryPolicy) -> None:
        self.due_s = 0.0
        self._outbox = outbox
        self._sink = sink
        self._name = name
        self._policy = policy
        self._backoff = Backoff(policy)

    def drive(self, may_continue: Callable[[], bool]) -> None:
        """Redeliver the marked dead letters.

        A dead letter stays one if the sink refuses it, or if it is unclear whether the sink is
        at fault and the sink accepts the next one.
        """
        dead_letters = self._outbox.redriven(self._name, limit=_BATCH)
        if len(dead_letters) < _BATCH:
            self.due_s = time.monotonic() + self._policy.round_s
        doubtful: tuple[DeadLetter, str] | None = None
        for letter in dead_letters:
            if not may_continue():
                return
            try:
                self._sink.deliver([letter.event])
            except Undelivered as failure:
                if failure.is_refusal:
                    self._mark_dead_again(letter, str(failure))
                    continue
                self.due_s = time.monotonic() + self._backoff.pause_s(failure.retry_after_s)
                if not failure.is_doubtful:  # the sink is away
                    return
                doubtful = letter, str(failure)
            else:
                self._backoff = Backoff(self._policy)
                self._outbox.resolve(letter.number)
                metrics.DELIVERED.labels(self._name).inc()
                if doubtful is not None:
                    letter, reason = doubtful
                    self._mark_dead_again(letter, f"{reason}, while another event was accepted")
                doubtful = None

    def _mark_dead_again(self, letter: DeadLetter, reason: str) -> None:
        self._outbox.mark_dead_again(letter.number, reason, now_ms())
        metrics.DEAD.labels(self._name).inc()
