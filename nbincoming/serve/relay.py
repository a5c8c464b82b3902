"""The relay: takes events from the inbox to the sinks, at least once, in order.

Each integration has a lane to each sink, so that one which is held up holds up no other.
How far a lane came is noted after its events were taken: after a crash the last ones are
delivered again, under the same ids.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final

from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.outbox import DeadLetter, Outbox
from nbincoming.serve import metrics
from nbincoming.serve.log import log
from nbincoming.serve.sinks import Sink, Undelivered

#: How often an event that the sink refuses is tried before it is given up on.
MAX_TRIES: Final = 8

#: The pauses between tries double from the first to the longest.
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 60.0

#: How often a lane without events looks for new ones.
POLL_S: Final = 0.2

#: How often lanes for new integrations, dead letters and the backlog are looked at.
ROUND_S: Final = 1.0


class Backoff:
    """Pauses that double, each shortened by chance, so that many do not come back at once."""

    def __init__(self) -> None:
        self.tries = 0

    def pause_s(self, at_least_s: float = 0.0) -> float:
        """Count a failed try and return how long to wait."""
        longest = min(FIRST_PAUSE_S * 2.0**self.tries, LONGEST_PAUSE_S)
        self.tries = min(self.tries + 1, 1_000)
        return max(at_least_s, longest * random.uniform(0.5, 1.0))  # noqa: S311 - no secret


class Lane:
    """One integration's way to one sink.

    Parameters
    ----------
    outbox, sink
        From where to where.
    name
        The sink's name.
    integration
        The endpoint's UUID.
    """

    def __init__(self, outbox: Outbox, sink: Sink, name: str, integration: str) -> None:
        self._outbox = outbox
        self._sink = sink
        self._name = name
        self._integration = integration
        self._backoff = Backoff()
        self._refusals = 0

    def step(self) -> float:
        """Deliver what is pending, as far as that goes; return how long to wait."""
        pending = self._outbox.pending(self._name, self._integration, limit=self._sink.batch)
        if not pending:
            return POLL_S
        failure = None
        delivered = len(pending)
        try:
            self._sink.deliver([event for _, event in pending])
        except Undelivered as error:
            failure, delivered = error, error.delivered
        if delivered:
            self._backoff, self._refusals = Backoff(), 0
            self._outbox.advance(self._name, self._integration, pending[delivered - 1][0])
            metrics.DELIVERED.labels(self._name).inc(delivered)
        return 0.0 if failure is None else self._failed(failure, *pending[delivered])

    def _failed(self, failure: Undelivered, position: str, event: object) -> float:
        if failure.is_refusal:
            self._refusals += 1
        fields = {"sink": self._name, "event": getattr(event, "id", ""), "cause": str(failure)}
        if self._refusals >= MAX_TRIES:
            self._outbox.bury(self._name, self._integration, position, str(failure), now_ms())
            self._backoff, self._refusals = Backoff(), 0
            metrics.DEAD.labels(self._name).inc()
            log.error("An event was given up on", extra={"fields": fields})
            return 0.0
        metrics.RETRIES.labels(self._name).inc()
        pause_s = self._backoff.pause_s(failure.retry_after_s)
        log.warning("A delivery failed", extra={"fields": {**fields, "pause_s": round(pause_s, 1)}})
        return pause_s


class Relay:
    """All lanes to one sink, each a thread.

    Parameters
    ----------
    outbox
        Where events come from.
    open_sink
        Makes a sink; each lane has its own.
    name
        The sink's name in the store, logs and metrics.
    """

    def __init__(self, outbox: Outbox, open_sink: Callable[[], Sink], name: str) -> None:
        self._outbox = outbox
        self._open_sink = open_sink
        self._name = name
        self._stop = threading.Event()
        self._lanes: dict[str, threading.Thread] = {}

    def run(self) -> None:
        """Deliver until :meth:`stop` is called."""
        with self._outbox.lease(self._name) as is_ours:
            while not self._stop.is_set():
                try:
                    if is_ours():
                        self._round()
                except InboxUnavailable as error:
                    log.warning(str(error))
                self._stop.wait(ROUND_S)
            for thread in self._lanes.values():
                thread.join()

    def stop(self) -> None:
        """Have :meth:`run` end after the deliveries that are under way."""
        self._stop.set()

    def _round(self) -> None:
        for integration in self._outbox.integrations():
            if integration not in self._lanes:
                thread = threading.Thread(target=self._drive, args=(integration,), daemon=True)
                self._lanes[integration] = thread
                thread.start()
        letters = self._outbox.redriven(self._name)
        if letters:
            self._redrive(letters)
        metrics.PENDING.labels(self._name).set(self._outbox.count_pending(self._name))

    def _drive(self, integration: str) -> None:
        sink = self._open_sink()
        lane = Lane(self._outbox, sink, self._name, integration)
        try:
            while not self._stop.is_set():
                try:
                    pause_s = lane.step()
                except InboxUnavailable as error:
                    log.warning(str(error))
                    pause_s = ROUND_S
                except Exception:  # the edge of the thread: a lane never ends by a fault
                    log.exception("A lane failed")
                    pause_s = LONGEST_PAUSE_S
                self._stop.wait(pause_s)
        finally:
            sink.close()

    def _redrive(self, letters: list[DeadLetter]) -> None:
        sink = self._open_sink()
        try:
            for letter in letters:
                if letter.event is None or self._stop.is_set():
                    continue
                try:
                    sink.deliver([letter.event])
                except Undelivered as error:
                    self._outbox.settle(letter.number, str(error), now_ms())
                else:
                    self._outbox.settle(letter.number)
                    metrics.DELIVERED.labels(self._name).inc()
        finally:
            sink.close()


def now_ms() -> int:
    """Return the time, in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000
