"""One integration's way to one sink: what is next, and what becomes of a failure."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from nbincoming.clock import now_ms
from nbincoming.core.events import Event
from nbincoming.inbox.outbox import Outbox, Position
from nbincoming.logs import log
from nbincoming.relay import metrics
from nbincoming.relay.backoff import Backoff, RetryPolicy
from nbincoming.relay.sinks.sink import (
    Sink,
    Undelivered,
)

#: After so many batches another lane may have the thread.
_BATCHES: Final = 10

#: How far behind an event that is in doubt another one is tried at the most. Doubts come in
#: runs: what the receiver cannot do with one event it cannot do with the next of its kind.
_FARTHEST: Final = 32


class Lane:
    """One integration's way to one sink; driven by one thread at a time.

    Parameters
    ----------
    outbox, sink
        From where to where.
    name
        The sink's name.
    integration
        The endpoint's UUID.
    policy
        How often and how soon to try again.

    Attributes
    ----------
    due_s : float
        When it may be driven again, on the monotonic clock.
    is_away : bool
        Whether the sink could not be reached at the last try.
    delivered_s : float
        When something was last delivered, on the monotonic clock.
    """

    def __init__(
        self, outbox: Outbox, sink: Sink, name: str, integration: str, policy: RetryPolicy
    ) -> None:
        self.due_s = 0.0
        self.is_away = False
        self.delivered_s = 0.0
        self._outbox = outbox
        self._sink = sink
        self._name = name
        self._integration = integration
        self._policy = policy
        self._refusals = 0
        self._doubts = 0
        self._is_suspect = False
        self._backoff = Backoff(policy)

    def drive(self, may_go_on: Callable[[], bool]) -> None:
        """Deliver what is pending, until that fails or it is another's turn."""
        for _ in range(_BATCHES):
            if not may_go_on() or not self._deliver():
                return

    def _deliver(self) -> bool:
        """Deliver one batch; tell whether to go on."""
        pending = self._outbox.pending(self._name, self._integration, limit=self._sink.batch)
        if not pending:
            return False
        failure, delivered = None, len(pending)
        try:
            self._sink.deliver([event for _, event in pending])
        except Undelivered as error:
            failure, delivered = error, error.delivered
        if delivered:
            self._settle()
            self.delivered_s = time.monotonic()
            last, _ = pending[delivered - 1]
            self._outbox.advance(self._name, self._integration, last, delivered)
            metrics.DELIVERED.labels(self._name).inc(delivered)
        if failure is not None:
            self._fail(failure, *pending[delivered])
        return failure is None

    def _fail(self, failure: Undelivered, position: Position, event: Event) -> None:
        self.is_away = not failure.is_refusal
        self._refusals += failure.is_refusal
        self._doubts += failure.is_doubtful
        is_at_fault = self._is_suspect and failure.is_doubtful
        self._is_suspect = False
        reason = f"{failure}, while another event was taken" if is_at_fault else str(failure)
        fields = {"sink": self._name, "event": event.id, "cause": reason}
        if is_at_fault or self._refusals >= self._policy.max_tries:
            self._outbox.bury(self._name, self._integration, position, reason, now_ms())
            self._settle()
            metrics.DEAD.labels(self._name).inc()
            log.error("An event was given up on", extra={"fields": fields})
            return
        metrics.RETRIES.labels(self._name).inc()
        pause_s = self._backoff.pause_s(failure.retry_after_s)
        if failure.is_doubtful and self._takes_another(position):
            # Tried once more at once: the sink may have come back between the two.
            self._is_suspect, pause_s = True, 0.0
        self.due_s = time.monotonic() + pause_s
        log.warning("A delivery failed", extra={"fields": {**fields, "pause_s": round(pause_s, 1)}})

    def _takes_another(self, position: Position) -> bool:
        """Tell whether the sink takes an event from behind the one in doubt; ask seldom.

        That one comes again in its turn. Each time one twice as far behind is asked for, so
        that a run of events in doubt is not mistaken for a sink that is away.
        """
        times, rest = divmod(self._doubts, self._policy.max_tries)
        if rest:
            return False
        ahead = 2 ** ((times - 1) % _FARTHEST.bit_length())
        pending = self._outbox.pending(self._name, self._integration, limit=ahead + 1)
        if len(pending) < 2 or pending[0][0] != position:
            return False  # nobody is held up
        try:
            self._sink.deliver([pending[-1][1]])
        except Undelivered:
            return False
        return True

    def _settle(self) -> None:
        """Begin the count of failures anew."""
        self._refusals, self._doubts, self._is_suspect = 0, 0, False
        self.due_s, self.is_away = 0.0, False
        self._backoff = Backoff(self._policy)
