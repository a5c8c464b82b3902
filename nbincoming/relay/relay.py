"""The relay: takes events from the inbox to a sink, at least once, in order.

Each integration has a lane of its own, so that one which is held up holds up no other. How
far a lane came is noted after its events were taken: after a crash the last ones are
delivered again, under the same ids. Only one relay at a time delivers to a sink; the lease
that it holds sees to that, over all processes and machines that share the inbox.
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

#: Pauses after a fault of our own, which logs say, so that they are not flooded.
_FAULT_PAUSE_S = 60.0


class Relay:
    """What takes events to one sink.

    Parameters
    ----------
    outbox
        Where they come from.
    sink
        Where they go; closed by whoever opened it.
    name
        The sink's name in the store, logs and metrics.
    policy
        How often and how soon to try again.
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

    def run(self) -> None:
        """Deliver until :meth:`stop` is called, then finish what is under way."""
        try:
            with ThreadPoolExecutor(self._sink.carriers, "nbincoming-relay") as pool:
                while not self._stop.is_set():
                    try:
                        self._step(pool)
                    except InboxUnavailable as error:
                        log.warning(str(error))
                        self._stop.wait(self._policy.round_s)
                    except Exception:  # the edge of the thread: no relay ends by a fault
                        log.exception("The relay failed by a fault of our own")
                        self._stop.wait(_FAULT_PAUSE_S)
                    self._wait()
        finally:
            with suppress(InboxUnavailable):
                self._lease.release()

    def stop(self) -> None:
        """Have :meth:`run` end after the deliveries that are under way."""
        self._stop.set()

    def _step(self, pool: ThreadPoolExecutor) -> None:
        """Set out with whatever is due."""
        now_s = time.monotonic()
        if now_s >= self._round_s:
            self._round_s = now_s + self._policy.round_s
            # Whoever stands by says 0, so that a sum over all machines is right.
            count = self._outbox.count_pending(self._name) if self._lease.renew() else 0
            metrics.PENDING.labels(self._name).set(count)
        if not self._lease.is_held():
            return
        ways: list[Lane | Redriver] = [self._redriver]
        for integration in self._outbox.waiting(self._name):
            if integration not in self._lanes:
                self._lanes[integration] = Lane(
                    self._outbox, self._sink, self._name, integration, self._policy
                )
            ways.append(self._lanes[integration])
        busy = set(self._busy.values())
        for way in ways:
            if way not in busy and way.due_s <= now_s:
                self._busy[pool.submit(self._drive, way)] = way

    def _wait(self) -> None:
        """Wait until a lane is done, or it is time to look for new events."""
        if not self._busy:
            self._stop.wait(self._policy.poll_s)
            return
        done, _ = wait(self._busy, self._policy.poll_s, FIRST_COMPLETED)
        for future in done:
            way = self._busy.pop(future)
            if isinstance(way, Lane):
                self._note(way.delivered_s)

    def _note(self, delivered_s: float) -> None:
        """When a sink is back after long, no lane waits any longer."""
        if delivered_s <= self._delivered_s:
            return
        if delivered_s - self._delivered_s > self._policy.longest_pause_s:
            busy = set(self._busy.values())
            for lane in self._lanes.values():
                if lane.is_away and lane not in busy:
                    lane.due_s = 0.0
        self._delivered_s = delivered_s

    def _may_go_on(self) -> bool:
        return not self._stop.is_set() and self._lease.is_held()

    def _drive(self, way: Lane | Redriver) -> None:
        try:
            way.drive(self._may_go_on)
        except InboxUnavailable as error:
            log.warning(str(error))
            way.due_s = time.monotonic() + self._policy.round_s
        except Exception:  # the edge of the thread: no lane ends by a fault
            log.exception("A delivery failed by a fault of our own")
            way.due_s = time.monotonic() + _FAULT_PAUSE_S
