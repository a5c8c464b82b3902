"""What the relay's side of every inbox promises.

A test module subclasses :class:`OutboxContract` and has the fixtures ``inbox``, ``outbox`` and
``other``: a second outbox on the same store, as another process has it.
"""

from __future__ import annotations

import dataclasses
import json

import pytest

from nbincoming.core.events import Event
from nbincoming.core.outcomes import Accepted
from nbincoming.inbox.outbox import DeadLetter, Outbox
from nbincoming.inbox.protocol import Inbox
from tests.inbox.contract import NOW_MS, Sender

SINK = "https://host/path"
OTHER_SINK = "jsonl:out.jsonl"

#: Later than whatever a store takes for the time of an event.
FAR_MS = 10**14


def fill(inbox: Inbox, send: Sender, count: int, *, start: int = 0) -> list[str]:
    """Have events accepted, in order; return their ids."""
    claimed = inbox.claim(
        [
            send(f"k{n}", body=b'{"n":%d}' % n, triggers=("a", "b"), at_ms=NOW_MS + n)
            for n in range(start, start + count)
        ]
    )
    return [each.event_id for each in claimed if isinstance(each, Accepted)]


def pending(outbox: Outbox, send: Sender, sink: str = SINK, limit: int = 100) -> list[str]:
    """Return the ids of what a sink has not taken yet."""
    return [event.id for _, event in outbox.pending(sink, send.integration, limit=limit)]


def advance(outbox: Outbox, send: Sender, count: int, sink: str = SINK) -> None:
    """Take the next events."""
    rows = outbox.pending(sink, send.integration, limit=count)
    assert len(rows) == count
    outbox.advance(sink, send.integration, rows[-1][0], count)


def mark_dead(outbox: Outbox, send: Sender, sink: str = SINK, reason: str = "HTTP 400") -> Event:
    """Give up on the next event."""
    ((position, event),) = outbox.pending(sink, send.integration, limit=1)
    outbox.mark_dead(sink, send.integration, position, reason, NOW_MS + 1_000)
    return event


@pytest.fixture
def send() -> Sender:
    """Make candidates of one integration."""
    return Sender()


class OutboxContract:
    """The promises."""

    def test_events_come_in_order(self, inbox: Inbox, outbox: Outbox, send: Sender) -> None:
        """As they were accepted, as many as are asked for."""
        ids = fill(inbox, send, 30)
        assert pending(outbox, send) == ids
        assert pending(outbox, send, limit=7) == ids[:7]

    def test_an_event_is_what_was_accepted(
        self, inbox: Inbox, outbox: Outbox, send: Sender
    ) -> None:
        """Nothing is lost on the way from the inbox's side to this one."""
        fill(inbox, send, 1)
        ((_, event),) = outbox.pending(SINK, send.integration)
        assert event == inbox.events(limit=1)[0][1]
        assert json.loads(event.body) == {"n": 0}

    def test_what_was_taken_does_not_come_again(
        self, inbox: Inbox, outbox: Outbox, other: Outbox, send: Sender
    ) -> None:
        """A relay that starts anew goes on where the last one was."""
        ids = fill(inbox, send, 10)
        advance(outbox, send, 4)
        assert pending(other, send) == ids[4:]
        advance(other, send, 6)
        assert pending(outbox, send) == []

    def test_each_sink_has_a_place_of_its_own(
        self, inbox: Inbox, outbox: Outbox, send: Sender
    ) -> None:
        """What one has taken another may still want."""
        ids = fill(inbox, send, 5)
        advance(outbox, send, 5)
        assert pending(outbox, send, OTHER_SINK) == ids

    def test_integrations_are_apart(self, inbox: Inbox, outbox: Outbox, send: Sender) -> None:
        """What is taken of one is not taken of another."""
        two = Sender()
        fill(inbox, send, 3)
        ids = fill(inbox, two, 3)
        advance(outbox, send, 3)
        assert pending(outbox, two) == ids
        assert outbox.waiting(SINK) == [two.integration]

    def test_who_waits(self, inbox: Inbox, outbox: Outbox, send: Sender) -> None:
        """An integration waits while it has events that the sink has not taken."""
        assert outbox.waiting(SINK) == []
        fill(inbox, send, 2)
        assert outbox.waiting(SINK) == [send.integration]
        advance(outbox, send, 1)
        assert outbox.waiting(SINK) == [send.integration]
        advance(outbox, send, 1)
        assert outbox.waiting(SINK) == []
        assert outbox.waiting(OTHER_SINK) == [send.integration]

    def test_the_backlog_is_counted(self, inbox: Inbox, outbox: Outbox, send: Sender) -> None:
        """Over all integrations, for each sink."""
        two = Sender()
        assert outbox.count_pending(SINK) == 0
        fill(inbox, send, 10)
        fill(inbox, two, 5)
        assert outbox.count_pending(SINK) == 15
        advance(outbox, send, 4)
        mark_dead(outbox, two)
        assert outbox.count_pending(SINK) == 10
        assert outbox.count_pending(OTHER_SINK) == 15

    def test_whoever_comes_late_turns_nothing_back(
        self, inbox: Inbox, outbox: Outbox, other: Outbox, send: Sender
    ) -> None:
        """A relay that slept on its lease and wakes moves no other's place, nor buries twice."""
        ids = fill(inbox, send, 12)
        late = outbox.pending(SINK, send.integration, limit=2)
        advance(other, send, 11)
        outbox.advance(SINK, send.integration, late[-1][0], 2)
        outbox.mark_dead(SINK, send.integration, late[-1][0], "HTTP 400", NOW_MS)
        assert pending(outbox, send) == ids[11:]
        assert outbox.count_pending(SINK) == 1
        assert outbox.dead_letters() == []

    def test_a_dead_letter_has_its_event_and_reason(
        self, inbox: Inbox, outbox: Outbox, send: Sender
    ) -> None:
        """And what comes after it goes on."""
        ids = fill(inbox, send, 3)
        event = mark_dead(outbox, send, reason="HTTP 422")
        assert pending(outbox, send) == ids[1:]
        (letter,) = outbox.dead_letters()
        assert letter == DeadLetter(letter.number, SINK, event, "HTTP 422", NOW_MS + 1_000)

    def test_dead_letters_of_several_sinks(
        self, inbox: Inbox, outbox: Outbox, send: Sender
    ) -> None:
        """One event may be dead for each; they are listed together, or of one sink."""
        (identity,) = fill(inbox, send, 1)
        mark_dead(outbox, send)
        mark_dead(outbox, send, OTHER_SINK)
        letters = outbox.dead_letters()
        assert {letter.sink for letter in letters} == {SINK, OTHER_SINK}
        assert {letter.event.id for letter in letters} == {identity}
        assert len({letter.number for letter in letters}) == 2
        assert [each.sink for each in outbox.dead_letters(sink=OTHER_SINK)] == [OTHER_SINK]

    def test_the_oldest_are_listed_first(self, inbox: Inbox, outbox: Outbox, send: Sender) -> None:
        """By when they died, as many as are asked for."""
        ids = fill(inbox, send, 12)
        for number in range(12):
            ((position, _),) = outbox.pending(SINK, send.integration, limit=1)
            outbox.mark_dead(SINK, send.integration, position, "no", NOW_MS + number)
        assert [letter.event.id for letter in outbox.dead_letters()] == ids
        assert [letter.event.id for letter in outbox.dead_letters(limit=2)] == ids[:2]

    def test_some_are_redriven(self, inbox: Inbox, outbox: Outbox, send: Sender) -> None:
        """Those whose numbers are given; they stay dead letters until they are delivered."""
        fill(inbox, send, 3)
        for _ in range(3):
            mark_dead(outbox, send)
        first, second, third = outbox.dead_letters()
        assert outbox.redrive([first.number, third.number, "unknown", ""]) == [
            first.number,
            third.number,
        ]
        redriven = [dataclasses.replace(each, redriven=True) for each in (first, third)]
        assert outbox.redriven(SINK) == redriven
        assert outbox.redriven(OTHER_SINK) == []
        assert outbox.dead_letters() == [redriven[0], second, redriven[1]]

    def test_all_are_redriven(self, inbox: Inbox, outbox: Outbox, send: Sender) -> None:
        """In the order of acceptance, or those of one sink."""
        ids = fill(inbox, send, 12)
        for _ in ids:
            mark_dead(outbox, send)
        mark_dead(outbox, send, OTHER_SINK)
        assert len(outbox.redrive(sink=OTHER_SINK)) == 1
        assert outbox.redriven(SINK) == []
        assert len(outbox.redrive()) == 13
        assert [letter.event.id for letter in outbox.redriven(SINK)] == ids
        assert [letter.event.id for letter in outbox.redriven(SINK, limit=2)] == ids[:2]

    def test_one_that_was_delivered_is_gone(
        self, inbox: Inbox, outbox: Outbox, send: Sender
    ) -> None:
        """Its number names nothing any longer."""
        fill(inbox, send, 1)
        mark_dead(outbox, send)
        (number,) = outbox.redrive()
        outbox.resolve(number)
        assert outbox.dead_letters() == outbox.redriven(SINK) == []
        assert outbox.redrive([number]) == []

    def test_one_that_was_refused_again_is_dead_again(
        self, inbox: Inbox, outbox: Outbox, send: Sender
    ) -> None:
        """Under the same number, with the new reason."""
        fill(inbox, send, 1)
        mark_dead(outbox, send)
        (number,) = outbox.redrive()
        outbox.mark_dead_again(number, "HTTP 500", NOW_MS + 5_000)
        (letter,) = outbox.dead_letters()
        assert (letter.number, letter.reason) == (number, "HTTP 500")
        assert (letter.died_at_ms, letter.redriven) == (NOW_MS + 5_000, False)
        assert outbox.redriven(SINK) == []

    def test_what_all_sinks_took_is_purged(
        self, inbox: Inbox, outbox: Outbox, send: Sender
    ) -> None:
        """No sink loses what it has not taken yet."""
        ids = fill(inbox, send, 10)
        advance(outbox, send, 10)
        assert outbox.purge(FAR_MS, [SINK, OTHER_SINK]) == 0
        advance(outbox, send, 4, OTHER_SINK)
        assert outbox.purge(FAR_MS, [SINK, OTHER_SINK]) == 4
        assert pending(outbox, send, OTHER_SINK) == ids[4:]
        assert outbox.count_pending(OTHER_SINK) == 6
        assert outbox.purge(FAR_MS, [SINK]) == 6

    def test_what_is_young_is_kept(self, inbox: Inbox, outbox: Outbox, send: Sender) -> None:
        """Delivered events stay for as long as was asked for."""
        fill(inbox, send, 3)
        advance(outbox, send, 3)
        assert outbox.purge(NOW_MS - 10**12, [SINK]) == 0
        assert len(inbox.events()) == 3

    def test_a_dead_letter_outlives_the_purge(
        self, inbox: Inbox, outbox: Outbox, send: Sender
    ) -> None:
        """It can be delivered for as long as it is dead, and holds up the removal of no other."""
        fill(inbox, send, 5)
        event = mark_dead(outbox, send)
        advance(outbox, send, 4)
        assert outbox.purge(FAR_MS, [SINK]) >= 4
        (letter,) = outbox.dead_letters()
        assert letter.event == event

    def test_numbers_go_on_after_a_purge(self, inbox: Inbox, outbox: Outbox, send: Sender) -> None:
        """What comes after everything was removed is delivered."""
        fill(inbox, send, 3)
        advance(outbox, send, 3)
        outbox.purge(FAR_MS, [SINK])
        ids = fill(inbox, send, 2, start=3)
        assert pending(outbox, send) == ids
        assert outbox.count_pending(SINK) == 2
        assert outbox.count_pending(OTHER_SINK) == 2

    def test_one_relay_a_sink(self, outbox: Outbox, other: Outbox) -> None:
        """While one holds the lease no other has it; it is free again when it was let go."""
        mine, theirs = outbox.lease(SINK), other.lease(SINK)
        assert not mine.is_held()
        assert mine.renew()
        assert mine.renew()
        assert (mine.is_held(), theirs.renew(), theirs.is_held()) == (True, False, False)
        mine.release()
        assert not mine.is_held()
        assert theirs.renew()
        theirs.release()
        theirs.release()

    def test_each_sink_has_a_lease(self, outbox: Outbox, other: Outbox) -> None:
        """Two sinks may have relays in two processes."""
        one, two = outbox.lease(SINK), other.lease(OTHER_SINK)
        assert one.renew()
        assert two.renew()
        one.release()
        two.release()
