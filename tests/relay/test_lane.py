"""One integration's way to a sink: order, failures, dead letters."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nbincoming.core.events import Event
from nbincoming.inbox.sqlite.inbox import SqliteInbox
from nbincoming.inbox.sqlite.outbox import SqliteOutbox
from nbincoming.relay.lane import Lane
from nbincoming.relay.sinks.sink import Undelivered
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import SINK, fill, send
from tests.inbox.sqlite.store import inbox, outbox, url
from tests.relay.relaying import QUICK, ScriptedSink, away, doubt, refusal, relaying
from tests.servers import WAIT_S, wait_until

__all__ = ["inbox", "outbox", "send", "url"]


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


# --- events in doubt -----------------------------------------------------------------


def test_an_event_in_doubt_dies_if_another_is_taken(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """Its integration goes on, in order; what was tried ahead comes again in its turn."""
    ids = fill(inbox, send, 10)
    sink = ScriptedSink(lambda event: doubt() if event.id == ids[4] else None)
    with relaying(outbox, sink):
        wait_until(lambda: len(sink.taken) == 10)
    assert sink.ids() == [*ids[:4], ids[5], *ids[5:]]
    assert [event.id for event in sink.tried].count(ids[4]) == QUICK.max_tries + 1
    (letter,) = outbox.dead_letters()
    assert letter.event.id == ids[4]
    assert letter.reason == "HTTP 504, while another event was accepted"


def test_a_run_of_events_in_doubt_dies(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """One is taken that is far enough behind."""
    ids = fill(inbox, send, 12)
    sink = ScriptedSink(lambda event: doubt() if event.id in ids[2:9] else None)
    with relaying(outbox, sink):
        wait_until(lambda: outbox.count_pending(SINK) == 0)
    assert {letter.event.id for letter in outbox.dead_letters()} == set(ids[2:9])
    assert set(sink.ids()) == {*ids[:2], *ids[9:]}


def test_an_event_in_doubt_that_holds_up_nobody_is_waited_for(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """It dies when one comes that it would hold up."""
    (identity,) = fill(inbox, send, 1)
    sink = ScriptedSink(lambda event: doubt() if event.id == identity else None)
    with relaying(outbox, sink):
        wait_until(lambda: len(sink.tried) > 3 * QUICK.max_tries)
        assert outbox.dead_letters() == []
        more = fill(inbox, send, 1, start=1)
        wait_until(lambda: [each.event.id for each in outbox.dead_letters()] == [identity])
        wait_until(lambda: outbox.count_pending(SINK) == 0)
    assert set(sink.ids()) == set(more)


def test_a_sink_that_comes_back_meanwhile_kills_nothing(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """Between the event in doubt and the other: it is tried once more, and taken."""
    ids = fill(inbox, send, 3)
    sink = ScriptedSink()
    sink.behave = lambda _: doubt() if {e.id for e in sink.tried} == {ids[0]} else None
    with relaying(outbox, sink):
        wait_until(lambda: outbox.count_pending(SINK) == 0)
    assert sink.ids() == [ids[1], *ids]
    assert outbox.dead_letters() == []


@settings(max_examples=60)
@given(
    poison=st.sets(st.integers(0, 7), max_size=4),
    begin=st.integers(0, 12),
    length=st.integers(0, 40),
)
def test_no_outage_kills_an_event(poison: set[int], begin: int, length: int) -> None:
    """Wherever it begins and ends: only what is never taken dies, and only if it is in the way."""
    with tempfile.TemporaryDirectory() as folder:
        inbox, send = SqliteInbox(Path(folder) / "inbox.db"), Sender()
        outbox = SqliteOutbox(inbox.path)
        ids = fill(inbox, send, 9)  # the last one is good
        bad = {ids[number] for number in poison}
        sink = ScriptedSink()
        sink.behave = lambda event: (
            doubt() if event.id in bad or begin < len(sink.tried) <= begin + length else None
        )
        lane = Lane(outbox, sink, SINK, send.integration, QUICK)
        while outbox.count_pending(SINK):
            lane.drive(lambda: True)
        letters = outbox.dead_letters()
        outbox.close()
        inbox.close()
    assert {letter.event.id for letter in letters} == bad
    assert set(sink.ids()) == set(ids) - bad
