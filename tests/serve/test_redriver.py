"""Dead letters that are delivered again."""

from __future__ import annotations

from nbincoming.inbox.sqlite import SqliteInbox
from nbincoming.inbox.sqlite_outbox import SqliteOutbox
from nbincoming.serve.sinks import Undelivered
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import fill, send
from tests.inbox.sqlite_store import inbox, outbox
from tests.serve.relaying import ScriptedSink, away, doubt, refusal, relaying, wait_until

__all__ = ["inbox", "outbox", "send"]


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


def test_a_redriven_letter_in_doubt_holds_up_no_other(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """It is dead again, since the next one was taken."""
    ids = fill(inbox, send, 3)
    sink = ScriptedSink(lambda _: refusal())
    with relaying(outbox, sink):
        wait_until(lambda: len(outbox.dead_letters()) == 3)
        sink.behave = lambda e: doubt() if e.id == ids[0] else None
        outbox.redrive()
        wait_until(lambda: len(outbox.dead_letters()) == 1)
        wait_until(lambda: not outbox.dead_letters()[0].redriven)
    assert sink.ids() == ids[1:]
    (letter,) = outbox.dead_letters()
    assert letter.reason == "HTTP 504, while another event was taken"


def test_redriven_letters_wait_while_all_are_in_doubt(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """As for a sink that is away: they are delivered when it is back."""
    ids = fill(inbox, send, 3)
    sink = ScriptedSink(lambda _: refusal())
    with relaying(outbox, sink):
        wait_until(lambda: len(outbox.dead_letters()) == 3)
        before = len(sink.tried)

        def is_away() -> bool:
            return [event.id for event in sink.tried[before:]].count(ids[0]) < 5

        sink.behave = lambda _: doubt() if is_away() else None
        outbox.redrive()
        wait_until(lambda: outbox.dead_letters() == [])
    assert sink.ids() == ids
