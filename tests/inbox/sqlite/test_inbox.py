"""The inbox in a SQLite file: the contract, and what a file adds to it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nbincoming.core.outcomes import (
    Accepted,
    Duplicate,
)
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.sqlite.inbox import SqliteInbox
from nbincoming.inbox.sqlite.tables import SCHEMA_VERSION, InboxError
from tests.inbox.contract import NOW_MS, WINDOW_MS, InboxContract, Sender, all_events, kinds

#: How long keys outlive their window, so that late claims still meet them.
SLACK_MS = 120_000

#: Claims the same keys as everybody else, and prints how many it got.
CLAIM = """
import sys
from nbincoming.core.gateway import Accepted
from nbincoming.inbox.sqlite.inbox import SqliteInbox
from tests.inbox.contract import Sender

send = Sender()
send.integration, send.space = sys.argv[2], sys.argv[2] + "/0"
inbox = SqliteInbox(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
mine = 0
for number in range(0, 400, 4):
    outcomes = inbox.claim([send(str(number + more)) for more in range(4)])
    mine += sum(isinstance(outcome, Accepted) for outcome in outcomes)
print(mine)
inbox.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is."""
    return tmp_path / "inbox.db"


@pytest.fixture
def inbox(path: Path) -> Iterator[SqliteInbox]:
    """Return an empty inbox that does not wait long for others."""
    inbox = SqliteInbox(path, busy_timeout_s=0.05)
    yield inbox
    inbox.close()


@pytest.fixture
def send() -> Sender:
    """Make candidates of one integration."""
    return Sender()


class TestSqliteInbox(InboxContract):
    """The contract."""

    @pytest.fixture
    def inbox(self, path: Path) -> Iterator[SqliteInbox]:
        """Return an empty inbox."""
        inbox = SqliteInbox(path)
        yield inbox
        inbox.close()


def ask(path: Path, query: str) -> object:
    """Return the one value of a query."""
    db = sqlite3.connect(path)
    try:
        return db.execute(query).fetchone()[0]
    finally:
        db.close()


def test_what_was_claimed_is_there_after_it_is_opened_again(
    inbox: SqliteInbox, path: Path, send: Sender
) -> None:
    """Keys and events outlive the process."""
    inbox.claim([send("a")])
    inbox.close()
    again = SqliteInbox(path)
    assert kinds(again.claim([send("a")])) == [Duplicate]
    assert len(all_events(again)) == 1
    again.close()


def test_the_file_is_its_owners_alone(inbox: SqliteInbox, path: Path, send: Sender) -> None:
    """It holds what was sent, and so do the files beside it."""
    inbox.claim([send("a")])
    files = list(path.parent.glob("inbox.db*"))
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_who_looks_into_the_file_does_not_take_the_log_away(
    inbox: SqliteInbox, path: Path, send: Sender
) -> None:
    """Another process that opens and closes it leaves what comes afterwards where it belongs."""
    inbox.claim([send("a")])
    look = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); print(d.execute('SELECT count(*) FROM events').fetchone()[0]); d.close()"  # noqa: E501
    command = [sys.executable, "-c", look, str(path)]
    counts = []
    for name in ("b", "c", "d"):
        counts.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        inbox.claim([send(name)])
    assert counts == ["1\n", "2\n", "3\n"]


def test_a_checkpoint_moves_the_log_to_the_file(
    inbox: SqliteInbox, path: Path, send: Sender
) -> None:
    """The file alone then has what was claimed, and claiming goes on."""
    inbox.claim([send("a")])
    alone = f"file:{path}?immutable=1"  # without the log
    for expected in (0, 1):
        with closing(sqlite3.connect(alone, uri=True)) as db:
            tables = db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'events'")
            has_tables = tables.fetchone() == (1,)
            count = db.execute("SELECT count(*) FROM events").fetchone()[0] if has_tables else 0
        assert count == expected
        inbox.checkpoint()
    assert kinds(inbox.claim([send("b")])) == [Accepted]


def test_it_waits_for_the_disk(inbox: SqliteInbox) -> None:
    """The log is synced with each commit: what is answered survives a power cut."""
    (mode,) = inbox._connections().writer.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = inbox._connections().writer.execute("PRAGMA synchronous").fetchone()
    assert (mode, synchronous) == ("wal", 2)  # 2 is FULL


def test_processes_share_a_file(inbox: SqliteInbox, path: Path, send: Sender) -> None:
    """Four that claim the same 400 keys at once get 400 together, and wait for each other."""
    command = [sys.executable, "-c", CLAIM, str(path), send.integration]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    counts = [int(process.communicate()[0]) for process in processes]
    assert sum(counts) == len(all_events(inbox)) == 400


def test_a_lock_is_tried_for_at_even_pauses(
    path: Path, send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has waited long does not wait longer each time."""
    inbox = SqliteInbox(path)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 20:
            blocker.execute("ROLLBACK")

    monkeypatch.setattr(time, "sleep", sleep)
    assert isinstance(inbox.claim([send()])[0], Accepted)
    assert len(pauses) == 20
    assert len(set(pauses)) == 1
    blocker.close()
    inbox.close()


def test_a_locked_file_refuses_all_and_keeps_none(
    inbox: SqliteInbox, path: Path, send: Sender
) -> None:
    """Of what was refused there is neither a key nor an event."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(InboxUnavailable):
        inbox.claim([send("a"), send("b")])
    with pytest.raises(InboxUnavailable):
        inbox.probe()
    other.execute("ROLLBACK")
    other.close()
    inbox.probe()
    assert kinds(inbox.claim([send("a"), send("b")])) == [Accepted, Accepted]


def test_a_full_file_refuses_all_and_keeps_none(
    inbox: SqliteInbox, path: Path, send: Sender
) -> None:
    """What fits of a group is taken back with what does not."""
    inbox._connections().writer.execute(f"PRAGMA max_page_count = {ask(path, 'PRAGMA page_count')}")
    large = send("large", body=b'{"a":"%b"}' % (b"x" * 200_000))
    with pytest.raises(InboxUnavailable):
        inbox.claim([send("small"), large])
    inbox._connections().writer.execute("PRAGMA max_page_count = 1000000")
    assert kinds(inbox.claim([send("small"), large])) == [Accepted, Accepted]


def test_expired_keys_are_purged_and_no_others(
    inbox: SqliteInbox, path: Path, send: Sender
) -> None:
    """However many there are, those in force stay."""
    inbox.claim([send(f"old {number}") for number in range(1_200)])
    late_ms = NOW_MS + WINDOW_MS
    inbox.claim([send(f"new {number}", at_ms=late_ms) for number in range(30)])
    assert inbox.purge(NOW_MS + WINDOW_MS + SLACK_MS) == 0
    assert inbox.purge(NOW_MS + WINDOW_MS + SLACK_MS + 1) == 1_200
    assert ask(path, "SELECT count(*) FROM keys") == 30


def test_a_request_that_waited_still_meets_its_key(inbox: SqliteInbox, send: Sender) -> None:
    """Purging in between makes no difference to one that came while the key was in force."""
    inbox.claim([send("a")])
    inbox.purge(NOW_MS + WINDOW_MS + 5_000)
    assert kinds(inbox.claim([send("a", at_ms=NOW_MS + WINDOW_MS)])) == [Duplicate]


def test_the_format_has_a_version(inbox: SqliteInbox, path: Path) -> None:
    """A newer one is not touched; the message says what to do."""
    assert ask(path, "PRAGMA user_version") == SCHEMA_VERSION
    inbox.close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    with pytest.raises(InboxError, match="Upgrade nbincoming"):
        SqliteInbox(path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """Nobody's address book becomes an inbox by a slip."""
    path = tmp_path / "contacts.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE people (name TEXT)")
    db.close()
    with pytest.raises(InboxError, match="the database of another program"):
        SqliteInbox(path)
    assert ask(path, "SELECT count(*) FROM sqlite_schema") == 1


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file of another kind is named, and so is a folder that is not there."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, however long " * 50)
    with pytest.raises(InboxError, match=r"notes\.txt cannot be used"):
        SqliteInbox(path)
    with pytest.raises(InboxError, match="its folder"):
        SqliteInbox(tmp_path / "absent" / "inbox.db")
