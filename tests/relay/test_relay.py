"""The relay: its lanes, faults of our own, its lease, how it stops."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import pytest

from nbincoming.core.events import Event
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.sqlite.inbox import SqliteInbox
from nbincoming.inbox.sqlite.outbox import SqliteOutbox
from nbincoming.relay import relay as relay_module
from nbincoming.relay.backoff import RetryPolicy
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import SINK, fill, pending, send
from tests.inbox.sqlite.store import inbox, other, outbox, url
from tests.relay.relaying import QUICK, ScriptedSink, away, refusal, relaying
from tests.servers import WAIT_S, wait_until

__all__ = ["inbox", "other", "outbox", "send", "url"]

# --- lanes ---------------------------------------------------------------------------


@pytest.mark.parametrize("max_threads", [1, 4])
def test_each_integration_is_delivered_in_order(
    inbox: SqliteInbox, outbox: SqliteOutbox, max_threads: int
) -> None:
    """What was there before and what comes while it runs, each once."""
    senders = [Sender() for _ in range(6)]
    given = {send.integration: fill(inbox, send, 20) for send in senders}
    sink = ScriptedSink(max_threads=max_threads)
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


def test_a_refused_event_holds_up_its_integration_only(
    inbox: SqliteInbox, outbox: SqliteOutbox
) -> None:
    """Others are delivered while it is tried again."""
    stuck, free = Sender(), Sender()
    fill(inbox, stuck, 1)
    ids = fill(inbox, free, 30)
    sink = ScriptedSink(lambda e: refusal() if e.integration == stuck.integration else None)
    with relaying(outbox, sink, RetryPolicy(first_pause_s=600, poll_s=0.01, round_s=0.05)):
        wait_until(lambda: sink.ids(free) == ids)
    assert outbox.dead_letters() == []


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
        wait_until(lambda: "A delivery failed with an exception" in caplog.text)
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
    assert caplog.text.count("The relay failed with an exception") == 3


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
    inbox: SqliteInbox, outbox: SqliteOutbox, other: SqliteOutbox, send: Sender
) -> None:
    """The second one stands by, and goes on where the first one stopped."""
    first, second = ScriptedSink(), ScriptedSink()
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
    assert time.monotonic() - began_s < 60  # far less than the pause


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
