"""The relay: order, retries, dead letters, its lease, how it stops."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from nbincoming.core.events import Event
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.outbox import Outbox
from nbincoming.inbox.sqlite import SqliteInbox
from nbincoming.inbox.sqlite_outbox import SqliteOutbox
from nbincoming.serve import relay as relay_module
from nbincoming.serve.patience import Backoff, Patience
from nbincoming.serve.relay import Relay
from nbincoming.serve.sinks import Undelivered
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import SINK, fill, pending
from tests.servers import WAIT_S

QUICK = Patience(max_tries=3, first_pause_s=0.01, longest_pause_s=0.05, poll_s=0.01, round_s=0.05)


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
        self, behave: Callable[[Event], Exception | None] = lambda _: None, carriers: int = 1
    ) -> None:
        self.behave = behave
        self.carriers = carriers
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


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline_s = time.monotonic() + WAIT_S
    waiter = threading.Event()
    while not holds():
        assert time.monotonic() < deadline_s, "it did not happen in time"
        waiter.wait(0.005)


@contextlib.contextmanager
def relaying(outbox: Outbox, sink: ScriptedSink, patience: Patience = QUICK) -> Iterator[Relay]:
    """Run a relay."""
    relay = Relay(outbox, sink, SINK, patience)
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


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[SqliteInbox]:
    """Return an inbox in a new file."""
    inbox = SqliteInbox(tmp_path / "inbox.db")
    yield inbox
    inbox.close()


@pytest.fixture
def outbox(inbox: SqliteInbox) -> Iterator[SqliteOutbox]:
    """Return its other side."""
    outbox = SqliteOutbox(inbox.path)
    yield outbox
    outbox.close()


@pytest.fixture
def send() -> Sender:
    """Make candidates of one integration."""
    return Sender()


# --- order ---------------------------------------------------------------------------


@pytest.mark.parametrize("carriers", [1, 4])
def test_each_integration_is_delivered_in_order(
    inbox: SqliteInbox, outbox: SqliteOutbox, carriers: int
) -> None:
    """What was there before and what comes while it runs, each once."""
    senders = [Sender() for _ in range(6)]
    given = {send.integration: fill(inbox, send, 20) for send in senders}
    sink = ScriptedSink(carriers=carriers)
    with relaying(outbox, sink):
        for send in senders:
            given[send.integration] += fill(inbox, send, 20, start=20)
        wait_until(lambda: len(sink.taken) == 240)
        wait_until(lambda: outbox.count_pending(SINK) == 0)
    for send in senders:
        assert sink.ids(send) == given[send.integration]


def test_a_long_queue_leaves_others_their_turn(inbox: SqliteInbox, outbox: SqliteOutbox) -> None:
    """One integration's backlog does not go first to its end."""
    long, short = Sender(), Sender()
    fill(inbox, long, 2_000)
    ids = fill(inbox, short, 1)
    sink = ScriptedSink()
    with relaying(outbox, sink):
        wait_until(lambda: sink.ids(short) == ids)
        assert len(sink.ids(long)) < 2_000


# --- a sink that is away -------------------------------------------------------------


def test_a_sink_that_is_away_is_waited_for(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """However often it must be tried: nothing dies, and the order is kept."""
    ids = fill(inbox, send, 12)
    outages = iter([away() for _ in range(20)])
    sink = ScriptedSink(lambda _: next(outages, None))
    with relaying(outbox, sink):
        wait_until(lambda: len(sink.taken) == 12)
    assert sink.ids() == ids
    assert outbox.dead_letters() == []


def test_accepting_goes_on_while_the_sink_hangs(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """The inbox takes requests as ever."""
    released = threading.Event()

    def hang(_: Event) -> None:
        released.wait(WAIT_S)

    ids = fill(inbox, send, 1)
    sink = ScriptedSink(hang)
    with relaying(outbox, sink):
        wait_until(lambda: bool(sink.tried))
        ids += fill(inbox, send, 200, start=1)
        assert sink.taken == []
        released.set()
        wait_until(lambda: len(sink.taken) == 201)
    assert sink.ids() == ids


def test_pauses_double_and_differ() -> None:
    """From the first to the longest, each shortened by up to a half; none is shorter than asked."""
    patience = Patience(first_pause_s=1, longest_pause_s=10)
    pauses = [Backoff(patience) for _ in range(50)]
    for longest in (1, 2, 4, 8, 10, 10):
        found = [each.pause_s() for each in pauses]
        assert longest / 2 <= min(found) < max(found) <= longest
    assert pauses[0].pause_s(at_least_s=60) == 60
    assert 5 <= pauses[0].pause_s() <= 10
    for _ in range(5_000):
        assert pauses[0].pause_s() <= 10


def test_a_sink_that_is_back_after_long_is_used_at_once(
    inbox: SqliteInbox, outbox: SqliteOutbox
) -> None:
    """One lane's success tells the others, which would have waited for an hour yet."""
    patient, lucky = Sender(), Sender()
    sink = ScriptedSink(lambda _: away(retry_after_s=3_600))
    ids = fill(inbox, patient, 1)
    with relaying(outbox, sink) as relay:
        wait_until(lambda: len(sink.tried) == 1)
        relay._delivered_s -= QUICK.longest_pause_s  # as if it had been silent for so long
        sink.behave = lambda _: None
        fill(inbox, lucky, 1)
        wait_until(lambda: sink.ids(patient) == ids)


def test_a_pause_that_is_asked_for_is_kept(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """No event of the integration is tried before."""
    fill(inbox, send, 3)
    times: list[float] = []

    def once(_: Event) -> Undelivered | None:
        times.append(time.monotonic())
        return away(retry_after_s=0.3) if len(times) == 1 else None

    sink = ScriptedSink(once)
    with relaying(outbox, sink):
        wait_until(lambda: len(sink.taken) == 3)
    assert times[1] - times[0] >= 0.3


# --- dead letters --------------------------------------------------------------------


def test_a_refused_event_dies_and_the_next_is_delivered(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """After so many tries, with what the sink said."""
    ids = fill(inbox, send, 10)
    sink = ScriptedSink(lambda event: refusal() if event.id == ids[4] else None)
    with relaying(outbox, sink):
        wait_until(lambda: len(sink.taken) == 9)
    assert sink.ids() == ids[:4] + ids[5:]
    assert [event.id for event in sink.tried].count(ids[4]) == QUICK.max_tries
    (letter,) = outbox.dead_letters()
    assert (letter.event.id, letter.sink, letter.reason) == (ids[4], SINK, "HTTP 422")


def test_an_outage_does_not_count_as_refusal(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """Only refusals are counted on the way to death."""
    (identity,) = fill(inbox, send, 1)
    script = iter([refusal(), away(), away(), away(), away(), refusal(), away(), None])
    sink = ScriptedSink(lambda _: next(script))
    with relaying(outbox, sink):
        wait_until(lambda: sink.ids() == [identity])
    assert outbox.dead_letters() == []


def test_a_refused_event_holds_up_its_integration_only(
    inbox: SqliteInbox, outbox: SqliteOutbox
) -> None:
    """Others are delivered while it is tried again."""
    stuck, free = Sender(), Sender()
    fill(inbox, stuck, 1)
    ids = fill(inbox, free, 30)
    sink = ScriptedSink(lambda e: refusal() if e.integration == stuck.integration else None)
    with relaying(outbox, sink, Patience(first_pause_s=600, poll_s=0.01, round_s=0.05)):
        wait_until(lambda: sink.ids(free) == ids)
    assert outbox.dead_letters() == []


def test_a_redriven_letter_is_delivered(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """The sink takes it under the id that it always had, and it is forgotten."""
    (identity,) = fill(inbox, send, 1)
    sink = ScriptedSink(lambda _: refusal())
    with relaying(outbox, sink):
        wait_until(lambda: bool(outbox.dead_letters()))
        sink.behave = lambda _: None
        outbox.redrive()
        wait_until(lambda: outbox.dead_letters() == [])
    assert sink.ids() == [identity]


def test_a_redriven_letter_that_is_refused_is_dead_again(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """After one try, with the new reason; another is not held up by it."""
    ids = fill(inbox, send, 2)
    sink = ScriptedSink(lambda _: refusal())
    with relaying(outbox, sink):
        wait_until(lambda: len(outbox.dead_letters()) == 2)
        sink.behave = lambda e: Undelivered("HTTP 410", is_refusal=True) if e.id == ids[0] else None
        before = len(sink.tried)
        outbox.redrive()
        wait_until(lambda: [each.reason for each in outbox.dead_letters()] == ["HTTP 410"])
    assert sink.ids() == ids[1:]
    assert len(sink.tried) == before + 2


def test_a_redriven_letter_waits_for_a_sink_that_is_away(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """It is not dead again for that."""
    (identity,) = fill(inbox, send, 1)
    sink = ScriptedSink(lambda _: refusal())
    with relaying(outbox, sink):
        wait_until(lambda: bool(outbox.dead_letters()))
        script = iter([away(), away(), away(), away(), away()])
        sink.behave = lambda _: next(script, None)
        outbox.redrive()
        wait_until(lambda: sink.ids() == [identity])
        wait_until(lambda: outbox.dead_letters() == [])


# --- faults of our own ---------------------------------------------------------------


def test_a_fault_ends_no_relay(
    inbox: SqliteInbox, outbox: SqliteOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    """One lane has a long pause, the others go on; the log says that there is a fault."""
    broken, good = Sender(), Sender()
    fill(inbox, broken, 1)
    ids = fill(inbox, good, 3)
    sink = ScriptedSink(
        lambda e: ZeroDivisionError("sesame") if e.integration == broken.integration else None
    )
    with relaying(outbox, sink):
        wait_until(lambda: sink.ids(good) == ids)
        wait_until(lambda: "by a fault of our own" in caplog.text)
    assert pending(outbox, broken) != []


def test_a_fault_while_looking_ends_no_relay(
    inbox: SqliteInbox,
    outbox: SqliteOutbox,
    send: Sender,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says that there is one, and it looks again."""
    monkeypatch.setattr(relay_module, "_FAULT_PAUSE_S", 0.01)
    monkeypatch.setattr(outbox, "waiting", failing_at_first(outbox.waiting, 3, ZeroDivisionError()))
    ids = fill(inbox, send, 3)
    sink = ScriptedSink()
    with relaying(outbox, sink):
        wait_until(lambda: sink.ids() == ids)
    assert caplog.text.count("The relay failed by a fault of our own") == 3


def test_an_inbox_that_is_away_is_waited_for(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it fails, the relay goes on when it is back."""
    ids = fill(inbox, send, 10)
    failing = {"waiting": 3, "pending": 3, "advance": 3, "count_pending": 3}
    error = InboxUnavailable("The inbox cannot be used: it is away.")
    for name, times in failing.items():
        monkeypatch.setattr(outbox, name, failing_at_first(getattr(outbox, name), times, error))
    sink = ScriptedSink()
    with relaying(outbox, sink):
        wait_until(lambda: len(set(sink.ids())) == 10)
        wait_until(lambda: outbox.count_pending(SINK) == 0)
    assert list(dict.fromkeys(sink.ids())) == ids


def failing_at_first(
    call: Callable[..., object], times: int, error: Exception
) -> Callable[..., object]:
    """Let a method fail so many times before it works."""
    left = iter(range(times))

    def failing(*arguments: object, **named: object) -> object:
        if next(left, None) is not None:
            raise error
        return call(*arguments, **named)

    return failing


# --- lease and stop ------------------------------------------------------------------


def test_only_one_relay_delivers_and_another_takes_over(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """The second one stands by, and goes on where the first one stopped."""
    first, second = ScriptedSink(), ScriptedSink()
    other = SqliteOutbox(inbox.path)
    ids = fill(inbox, send, 5)
    with contextlib.ExitStack() as leading:
        leading.enter_context(relaying(outbox, first))
        wait_until(lambda: first.ids() == ids)
        with relaying(other, second):
            ids += fill(inbox, send, 5, start=5)
            wait_until(lambda: first.ids() == ids)
            assert second.tried == []
            leading.close()
            more = fill(inbox, send, 5, start=10)
            wait_until(lambda: second.ids() == more)
    other.close()
    assert first.ids() == ids


class TakenLease:
    """A lease that may be lost."""

    def __init__(self) -> None:
        self.is_mine = True
        self.rounds = 0

    def renew(self) -> bool:
        """Tell whether it is ours."""
        self.rounds += 1
        return self.is_mine

    def is_held(self) -> bool:
        """Tell whether it is ours."""
        return self.is_mine

    def release(self) -> None:
        """Let go."""


def test_whoever_loses_the_lease_stops(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a backlog, after the batch that is under way; and goes on with it again."""
    lease = TakenLease()
    monkeypatch.setattr(outbox, "lease", lambda _: lease)
    ids = fill(inbox, send, 40)

    def lose(event: Event) -> None:
        lease.is_mine = lease.is_mine and event.id != ids[11]

    sink = ScriptedSink(lose)
    with relaying(outbox, sink):
        wait_until(lambda: not lease.is_mine)
        wait_until(lambda: len(pending(outbox, send)) == 25)
        seen = lease.rounds
        wait_until(lambda: lease.rounds > seen + 2)  # it would have gone on meanwhile
        assert len(sink.taken) == 15
        lease.is_mine = True
        wait_until(lambda: len(sink.taken) == 40)
    assert sink.ids() == ids


def test_a_stop_waits_for_no_pause(inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender) -> None:
    """A sink that is away for an hour does not hold it up."""
    fill(inbox, send, 1)
    sink = ScriptedSink(lambda _: away(retry_after_s=3_600))
    with relaying(outbox, sink):
        wait_until(lambda: bool(sink.tried))
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 5


def test_a_stop_finishes_what_is_under_way(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """What the sink took is noted, so that it is not delivered again."""
    ids = fill(inbox, send, 50)
    released = threading.Event()

    def hang(_: Event) -> None:
        released.wait(WAIT_S)

    sink = ScriptedSink(hang)
    with relaying(outbox, sink) as relay:
        wait_until(lambda: bool(sink.tried))
        relay.stop()
        released.set()
    assert sink.ids() == ids[: sink.batch]
    assert pending(outbox, send) == ids[sink.batch :]
