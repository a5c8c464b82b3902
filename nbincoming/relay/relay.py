"""Delivers events from the inbox to a sink: at least once, in order for each integration.

The position in each integration's events is stored after their delivery. After a crash, the last
ones are delivered again, with the same ids. Of all relays on all machines that share the inbox,
only the holder of the sink's lease delivers to it.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress

from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.outbox import Outbox
from nbincoming.logs import log
from nbincoming.relay import metrics
from nbincoming.relay.backoff import RetryPolicy
from nbincoming.relay.lane import Lane
from nbincoming.relay.redriver import Redriver
from nbincoming.relay.sinks.sink import Sink

#: Pause after an exception in our own code, so that it does not flood the log.
_FAULT_PAUSE_S = 60.0


class Relay:
    """Delivers events to one sink.

    Parameters
    ----------
    outbox
        Where the events are read.
    sink
        Where they are delivered. The caller closes it.
    name
        The sink's name in the store, logs and metrics.
    policy
        How often and how soon to retry.
    """

    def __init__(
        self, outbox: Outbox, sink: Sink, name: str, policy: RetryPolicy | None = None
    ) -> None:
        self._outbox = outbox
        self._sink = sink
        self._name = name
        self._policy = policy or RetryPolicy()
        self._stop = threading.Event()
        self._lease = outbox.lease(name)
        self._lanes: dict[str, Lane] = {}
        self._redriver = Redriver(outbox, sink, name, self._policy)
        self._busy: dict[Future[None], Lane | Redriver] = {}
        self._delivered_s = time.monotonic()
        self._round_s = 0.0
        self._inbox_fault: str | None = None

    def run(self) -> None:
        """Deliver until :meth:`stop` is called, then finish the deliveries under way."""
        try:
            with ThreadPoolExecutor(self._sink.max_threads, "nbincoming-relay") as pool:
                while not self._stop.is_set():
                    try:
                        self._step(pool)
                        self._note_inbox(None)
                    except InboxUnavailable as error:
                        self._note_inbox(error)
                        self._stop.wait(self._policy.round_s)
                    except Exception:  # the outermost edge of the thread
                        log.exception("The relay failed with an exception")
                        self._stop.wait(_FAULT_PAUSE_S)
                    self._wait()
        finally:
            with suppress(InboxUnavailable):
                self._lease.release()

    def stop(self) -> None:
        """Let :meth:`run` return after the deliveries under way."""
        self._stop.set()

    def _step(self, pool: ThreadPoolExecutor) -> None:
        """Start the lanes that are due."""
        now_s = time.monotonic()
        if now_s >= self._round_s:
            self._round_s = now_s + self._policy.round_s
            # A relay without the lease reports 0, so that the sum over all machines is right.
            count = self._outbox.count_pending(self._name) if self._lease.renew() else 0
            metrics.PENDING.labels(self._name).set(count)
        if not self._lease.is_held():
            return
        jobs: list[Lane | Redriver] = [self._redriver]
        for integration in self._outbox.waiting(self._name):
            if integration not in self._lanes:
                self._lanes[integration] = Lane(
                    self._outbox, self._sink, self._name, integration, self._policy
                )
            jobs.append(self._lanes[integration])
        busy = set(self._busy.values())
        for job in jobs:
            if job not in busy and job.due_s <= now_s:
                self._busy[pool.submit(self._drive, job)] = job

    def _wait(self) -> None:
        """Wait until a lane is done, or until the next query for new events."""
        if not self._busy:
            self._stop.wait(self._policy.poll_s)
            return
        done, _ = wait(self._busy, self._policy.poll_s, FIRST_COMPLETED)
        for future in done:
            job = self._busy.pop(future)
            if isinstance(job, Lane):
                self._record_delivery(job.delivered_s)

    def _record_delivery(self, delivered_s: float) -> None:
        """End the pauses of all lanes if this is the first delivery after a long time."""
        if delivered_s <= self._delivered_s:
            return
        if delivered_s - self._delivered_s > self._policy.longest_pause_s:
            busy = set(self._busy.values())
            for lane in self._lanes.values():
                if lane.is_away and lane not in busy:
                    lane.due_s = 0.0
        self._delivered_s = delivered_s

    def _note_inbox(self, fault: InboxUnavailable | None) -> None:
        """Log when the inbox becomes unavailable or available again."""
        before, self._inbox_fault = self._inbox_fault, None if fault is None else str(fault)
        if self._inbox_fault == before:
            return
        if self._inbox_fault is None:
            log.info("The relay reaches the inbox again")
        else:
            log.warning(self._inbox_fault)

    def _may_continue(self) -> bool:
        return not self._stop.is_set() and self._lease.is_held()

    def _drive(self, job: Lane | Redriver) -> None:
        try:
            job.drive(self._may_continue)
        except InboxUnavailable as error:
            log.warning(str(error))
            job.due_s = time.monotonic() + self._policy.round_s
        except Exception:  # the outermost edge of the thread
            log.exception("A delivery failed with an exception")
            job.due_s = time.monotonic() + _FAULT_PAUSE_S
