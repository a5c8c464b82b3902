"""A relay in a thread, and a sink that does what it is told."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

from nbincoming.core.events import Event
from nbincoming.inbox.outbox import Outbox
from nbincoming.relay.backoff import RetryPolicy
from nbincoming.relay.relay import Relay
from nbincoming.relay.sinks.sink import Undelivered
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import SINK
from tests.servers import WAIT_S

QUICK = RetryPolicy(
    max_tries=3, first_pause_s=0.01, longest_pause_s=0.05, poll_s=0.01, round_s=0.05
)


class ScriptedSink:
    """Takes events, or does what it is told with one.

    Attributes
    ----------
    taken : list of Event
        In the order of arrival.
    tried : list of Event
        The refused ones included.
    """

    batch = 5

    def __init__(
        self, behave: Callable[[Event], Exception | None] = lambda _: None, max_threads: int = 1
    ) -> None:
        self.behave = behave
        self.max_threads = max_threads
        self.taken: list[Event] = []
        self.tried: list[Event] = []
        self._lock = threading.Lock()

    def deliver(self, events: Sequence[Event]) -> None:
        """Take events, one by one."""
        for number, event in enumerate(events):
            with self._lock:
                self.tried.append(event)
            failure = self.behave(event)
            if isinstance(failure, Undelivered):
                failure.delivered = number
            if failure is not None:
                raise failure
            with self._lock:
                self.taken.append(event)

    def close(self) -> None:
        """Nothing to let go of."""

    def ids(self, send: Sender | None = None) -> list[str]:
        """Return the ids of what was taken, of one integration or all."""
        with self._lock:
            return [e.id for e in self.taken if send is None or e.integration == send.integration]


@contextlib.contextmanager
def relaying(outbox: Outbox, sink: ScriptedSink, policy: RetryPolicy = QUICK) -> Iterator[Relay]:
    """Run a relay."""
    relay = Relay(outbox, sink, SINK, policy)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        yield relay
    finally:
        relay.stop()
        thread.join(WAIT_S)
        assert not thread.is_alive()


def away(**changes: float) -> Undelivered:
    """Make the failure of a sink that is away."""
    return Undelivered("HTTP 503", **changes)  # type: ignore[arg-type]


def refusal() -> Undelivered:
    """Make the failure of a sink that will not have an event."""
    return Undelivered("HTTP 422", is_refusal=True)


def doubt() -> Undelivered:
    """Make the failure that may be the sink's or the event's."""
    return Undelivered("HTTP 504", is_doubtful=True)
