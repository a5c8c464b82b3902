"""Dead letters that are delivered again."""

from __future__ import annotations

from nbincoming.inbox.outbox import Outbox
from nbincoming.inbox.protocol import Inbox
from nbincoming.inbox.sqlite.inbox import SqliteInbox
from nbincoming.inbox.sqlite.outbox import SqliteOutbox
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import fill, mark_dead, send
from tests.inbox.sqlite.store import inbox, outbox, url
from tests.relay.relaying import ScriptedSink, away, doubt, refusal, relaying
from tests.servers import wait_until

__all__ = ["inbox", "outbox", "send", "url"]


def redrive(inbox: Inbox, outbox: Outbox, send: Sender, count: int) -> list[str]:
    """Give up on so many events, and ask for them to be delivered again; return their ids."""
    ids = fill(inbox, send, count)
    for _ in ids:
        mark_dead(outbox, send, reason="HTTP 400")
    outbox.redrive()
    return ids


def test_a_redriven_letter_is_delivered(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """The sink takes it under the id that it always had, and it is forgotten."""
    ids = redrive(inbox, outbox, send, 1)
    sink = ScriptedSink()
    with relaying(outbox, sink):
        wait_until(lambda: outbox.dead_letters() == [])
    assert sink.ids() == ids


def test_a_redriven_letter_that_is_refused_is_dead_again(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """After one try, with the new reason; another is not held up by it."""
    ids = redrive(inbox, outbox, send, 2)
    sink = ScriptedSink(lambda e: refusal() if e.id == ids[0] else None)
    with relaying(outbox, sink):
        wait_until(lambda: [each.reason for each in outbox.dead_letters()] == ["HTTP 422"])
    assert sink.ids() == ids[1:]
    assert len(sink.tried) == 2


def test_a_redriven_letter_waits_for_a_sink_that_is_away(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """It is not dead again for that."""
    ids = redrive(inbox, outbox, send, 1)
    script = iter([away(), away(), away(), away(), away()])
    sink = ScriptedSink(lambda _: next(script, None))
    with relaying(outbox, sink):
        wait_until(lambda: outbox.dead_letters() == [])
    assert sink.ids() == ids


def test_a_redriven_letter_in_doubt_holds_up_no_other(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """It is dead again, since the next one was taken."""
    ids = redrive(inbox, outbox, send, 3)
    sink = ScriptedSink(lambda e: doubt() if e.id == ids[0] else None)
    reason = "HTTP 504, while another event was accepted"
    with relaying(outbox, sink):
        wait_until(lambda: [each.reason for each in outbox.dead_letters()] == [reason])
    assert sink.ids() == ids[1:]


def test_redriven_letters_wait_while_all_are_in_doubt(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """As for a sink that is away: they are delivered when it is back."""
    ids = redrive(inbox, outbox, send, 3)
    sink = ScriptedSink()
    sink.behave = lambda _: (
        doubt() if [event.id for event in sink.tried].count(ids[0]) < 5 else None
    )
    with relaying(outbox, sink):
        wait_until(lambda: outbox.dead_letters() == [])
    assert sink.ids() == ids
