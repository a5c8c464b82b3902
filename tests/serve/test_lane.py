"""One integration's way to a sink: order, failures, dead letters."""

from __future__ import annotations

import threading
import time

from nbincoming.core.events import Event
from nbincoming.inbox.sqlite import SqliteInbox
from nbincoming.inbox.sqlite_outbox import SqliteOutbox
from nbincoming.serve.sinks import Undelivered
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import SINK, fill, send
from tests.inbox.sqlite_store import inbox, outbox
from tests.serve.relaying import QUICK, ScriptedSink, away, refusal, relaying, wait_until
from tests.servers import WAIT_S

__all__ = ["inbox", "outbox", "send"]


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
