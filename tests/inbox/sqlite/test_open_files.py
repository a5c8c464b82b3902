"""Files of an inbox that are deleted, moved or replaced while it is open."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.sqlite.inbox import SqliteInbox
from nbincoming.inbox.sqlite.open_files import file_id
from nbincoming.inbox.sqlite.outbox import SqliteOutbox
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import SINK, advance, fill, pending
from tests.inbox.sqlite.store import inbox, url

__all__ = ["inbox", "url"]

SUFFIXES = ["", "-wal", "-shm"]


def beside(path: Path, suffix: str) -> Path:
    """Return one of the files of an inbox."""
    return path.with_name(path.name + suffix)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_is_accepted_into_a_deleted_file(inbox: SqliteInbox, suffix: str) -> None:
    """It would be gone after a restart; the cause says which file, and what to do."""
    fill(inbox, Sender(), 1)
    beside(inbox.path, suffix).unlink()
    for act in (lambda: inbox.claim([Sender()("b")]), inbox.probe):
        with pytest.raises(InboxUnavailable) as caught:
            act()
        said = str(caught.value.__cause__)
        assert str(inbox.path) in said
        assert "deleted, moved or replaced" in said


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_is_accepted_beside_a_file_that_replaces_it(
    inbox: SqliteInbox, suffix: str
) -> None:
    """A copy with the same content is another file."""
    path = beside(inbox.path, suffix)
    shutil.copy(path, copy := path.with_name("copy"))
    copy.replace(path)
    with pytest.raises(InboxUnavailable):
        inbox.claim([Sender()("a")])


def test_a_file_that_is_put_back_is_used_again(inbox: SqliteInbox) -> None:
    """Its keys and events are there, and what was refused meanwhile is not."""
    send = Sender()
    (first,) = fill(inbox, send, 1)
    inbox.path.rename(away := inbox.path.with_name("away.db"))
    with pytest.raises(InboxUnavailable):
        inbox.claim([send("b")])
    away.rename(inbox.path)
    inbox.probe()
    (second,) = inbox.claim([send("b")])
    assert [event.id for _, event in inbox.events()] == [first, second.event_id]  # type: ignore[union-attr]


def test_a_file_deleted_during_a_claim_is_noticed(
    inbox: SqliteInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed to a file that is gone is not called accepted."""
    claim = inbox._claim

    def claim_and_delete(*arguments: object) -> object:
        inbox.path.unlink()
        return claim(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(inbox, "_claim", claim_and_delete)
    with pytest.raises(InboxUnavailable):
        inbox.claim([Sender()("a")])


def test_what_was_accepted_before_is_still_delivered(inbox: SqliteInbox) -> None:
    """The relay goes on with the deleted file: nothing else has those events."""
    outbox, send = SqliteOutbox(inbox.path), Sender()
    ids = fill(inbox, send, 3)
    for suffix in SUFFIXES:
        beside(inbox.path, suffix).unlink()
    assert [event.id for _, event in outbox.pending(SINK, send.integration)] == ids
    advance(outbox, send, 3)
    assert pending(outbox, send) == []
    outbox.close()


def test_a_lease_whose_file_was_deleted_is_taken_anew(inbox: SqliteInbox) -> None:
    """Of two relays, one has it."""
    one, other = SqliteOutbox(inbox.path), SqliteOutbox(inbox.path)
    first, second = one.lease(SINK), other.lease(SINK)
    assert first.renew()
    for path in inbox.path.parent.glob("*.lock"):
        path.unlink()
    assert second.renew()
    assert not first.renew()
    assert not first.is_held()
    second.release()
    assert first.renew()
    first.release()
    one.close()
    other.close()


def test_a_process_that_starts_while_the_file_is_away_makes_no_other(inbox: SqliteInbox) -> None:
    """Events in another file would be lost when the file is put back; then it is used."""
    send, file = Sender(), file_id(inbox.path)
    (first,) = fill(inbox, send, 1)
    away = inbox.path.with_name("away")
    moved = [beside(inbox.path, suffix) for suffix in SUFFIXES]
    for path in moved:
        path.rename(beside(away, path.name.removeprefix(inbox.path.name)))
    with (
        closing(SqliteInbox(inbox.path, file=file)) as restarted,
        closing(SqliteOutbox(inbox.path, file=file)) as outbox,
    ):
        with pytest.raises(InboxUnavailable) as caught:
            restarted.claim([send("b")])
        assert "deleted, moved or replaced" in str(caught.value.__cause__)
        with pytest.raises(InboxUnavailable, match="deleted, moved or replaced"):
            pending(outbox, send)
        assert not inbox.path.exists()
        for path in moved:
            beside(away, path.name.removeprefix(inbox.path.name)).rename(path)
        restarted.probe()
        assert [event.id for _, event in restarted.events()] == [first]
        assert pending(outbox, send) == [first]


def test_a_process_that_starts_beside_another_file_does_not_use_it(inbox: SqliteInbox) -> None:
    """The other processes of the server still have the first one."""
    file = file_id(inbox.path)
    shutil.copy(inbox.path, copy := inbox.path.with_name("copy"))
    copy.replace(inbox.path)
    with closing(SqliteInbox(inbox.path, file=file)) as restarted:
        for _ in range(2):
            with pytest.raises(InboxUnavailable):
                restarted.probe()


def test_a_file_that_was_never_opened_can_be_closed(inbox: SqliteInbox) -> None:
    """After that it refuses, as any closed inbox does."""
    closed = SqliteInbox(inbox.path, file=file_id(inbox.path))
    closed.close()
    with pytest.raises(InboxUnavailable):
        closed.probe()
