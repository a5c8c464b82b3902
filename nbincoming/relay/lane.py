"""The lane of one integration to one sink: delivers its events in order, and handles failures."""

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

#: Batches that one lane delivers before another may use the thread.
_MAX_BATCHES: Final = 10

#: If a sink fails on an event, a later event shows whether the sink is at fault or the event. This
#: is the largest distance of that later event: similar events right after may fail, too.
_MAX_AHEAD: Final = 32


class Lane:
    """The queue of one integration's events for one sink.

    Each integration has its own lane, so that a blocked integration does not block others.
    One thread at a time may call it.

    Parameters
    ----------
    outbox, sink
        Where the events are read and delivered.
    name
        The sink's name.
    integration
        The endpoint's UUID.
    policy
        How often and how soon to retry.

    Attributes
    ----------
    due_s : float
        When :meth:`drive` may be called again, on the monotonic clock.
    is_away : bool
        Whether the last try failed for another reason than a refusal of the event.
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
        self._doubtful_failures = 0
        self._later_event_accepted = False
        self._backoff = Backoff(policy)

    def drive(self, may_continue: Callable[[], bool]) -> None:
        """Deliver pending events, until one fails or another lane may use the thread."""
        for _ in range(_MAX_BATCHES):
            if not may_continue() or not self._deliver():
                return

    def _deliver(self) -> bool:
        """Deliver one batch; return whether to continue."""
        pending = self._outbox.pending(self._name, self._integration, limit=self._sink.batch)
        if not pending:
            return False
        failure, delivered = None, len(pending)
        try:
            self._sink.deliver([event for _, event in pending])
        except Undelivered as error:
            failure, delivered = error, error.delivered
        if delivered:
            self._reset_failures()
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
        self._doubtful_failures += failure.is_doubtful
        event_is_at_fault = self._later_event_accepted and failure.is_doubtful
        self._later_event_accepted = False
        reason = str(failure)
        if event_is_at_fault:
            reason += ", while another event was accepted"
        fields = {"sink": self._name, "event": event.id, "cause": reason}
        if event_is_at_fault or self._refusals >= self._policy.max_tries:
            self._outbox.mark_dead(self._name, self._integration, position, reason, now_ms())
            self._reset_failures()
            metrics.DEAD.labels(self._name).inc()
            log.error("An event became a dead letter", extra={"fields": fields})
            return
        metrics.RETRIES.labels(self._name).inc()
        pause_s = self._backoff.pause_s(failure.retry_after_s)
        if failure.is_doubtful and self._accepts_later_event(position):
            # Retry at once: the sink may have recovered since this event failed.
            self._later_event_accepted, pause_s = True, 0.0
        self.due_s = time.monotonic() + pause_s
        log.warning("A delivery failed", extra={"fields": {**fields, "pause_s": round(pause_s, 1)}})

    def _accepts_later_event(self, position: Position) -> bool:
        """Return whether the sink accepts a later event than the doubtful one.

        The later event is delivered again when its turn comes. Each check doubles the distance,
        because the events right after the doubtful one may fail too.
        """
        times, rest = divmod(self._doubtful_failures, self._policy.max_tries)
        if rest:
            return False
        ahead = 2 ** ((times - 1) % _MAX_AHEAD.bit_length())
        pending = self._outbox.pending(self._name, self._integration, limit=ahead + 1)
        if len(pending) < 2 or pending[0][0] != position:
            return False  # there is no later event
        try:
            self._sink.deliver([pending[-1][1]])
        except Undelivered:
            return False
        return True

    def _reset_failures(self) -> None:
        self._refusals = self._doubtful_failures = 0
        self._later_event_accepted = self.is_away = False
        self.due_s = 0.0
        self._backoff = Backoff(self._policy)
