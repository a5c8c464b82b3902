"""The keys of a SQLite inbox: from the log to the table by key, among several processes."""

from __future__ import annotations

import itertools
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from nbincoming.core.outcomes import (
    Accepted,
    Candidate,
    Duplicate,
)
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.inbox.sqlite import claimed_keys as sqlite_keys
from nbincoming.inbox.sqlite import inbox as sqlite_inbox
from nbincoming.inbox.sqlite import tables as schema
from nbincoming.inbox.sqlite.claimed_keys import BUCKETS
from nbincoming.inbox.sqlite.inbox import SqliteInbox
from tests.inbox.contract import NOW_MS, WINDOW_MS, Sender, all_events, hashed, kinds

#: Claims new keys without end, with a move after each second one, and prints what it was given.
CLAIM = """
import sys
from nbincoming.inbox.sqlite import claimed_keys as sqlite_keys
from nbincoming.inbox.sqlite.inbox import SqliteInbox
from tests.inbox.contract import Sender

sqlite_keys._MOVE_EACH = 2
send = Sender()
send.integration, send.space = sys.argv[2], sys.argv[2] + "/0"
inbox = SqliteInbox(sys.argv[1])
for number in range(0, 10**9, 3):
    names = [f"{sys.argv[3]}-{number + more}" for more in range(3)]
    inbox.claim([send(name) for name in names])
    print(*names, sep="\\n", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is."""
    return tmp_path / "inbox.db"


@pytest.fixture
def two(path: Path) -> Iterator[tuple[SqliteInbox, SqliteInbox]]:
    """Return two inboxes on one file, as two processes have them."""
    with closing(SqliteInbox(path)) as one, closing(SqliteInbox(path)) as other:
        yield one, other


@pytest.fixture
def send() -> Sender:
    """Make candidates of one integration."""
    return Sender()


@pytest.fixture
def moves_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a bucket moved after each second claim, so that rounds are short."""
    monkeypatch.setattr(sqlite_keys, "_MOVE_EACH", 2)


def count(path: Path, table: str, where: str = "true") -> int:
    """Count rows."""
    with closing(sqlite3.connect(path)) as db:
        (number,) = db.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()
        return int(number)


def fill(inbox: SqliteInbox, send: Sender, number: int, *, at_ms: int = NOW_MS) -> None:
    """Claim keys that were never there."""
    inbox.claim([send(str(random.random()), at_ms=at_ms) for _ in range(number)])


@pytest.mark.usefixtures("moves_often")
@pytest.mark.parametrize("seed", range(8))
def test_processes_agree_with_one_that_remembers_all(path: Path, seed: int) -> None:
    """Through moves, purges, restarts and transactions taken back, answers are the memory's."""
    randomly = random.Random(seed)
    send, memory, now_ms = Sender(), MemoryInbox(), NOW_MS
    inboxes = [SqliteInbox(path) for _ in range(3)]
    for _ in range(250):
        now_ms += randomly.choice((0, 1, WINDOW_MS // 40, WINDOW_MS // 4))
        number = randomly.randrange(len(inboxes))
        candidates = [
            send(
                str(randomly.randrange(120)),
                at_ms=now_ms,
                anchor=randomly.choice(("last_request", "first_accepted")),
                wanted=randomly.random() < 0.9,
                space=send.space_named(randomly.choice("ab")),
            )
            for _ in range(randomly.choice((1, 2, 30)))
        ]
        match randomly.randrange(12):
            case 0:
                inboxes[number].purge(now_ms)
            case 1:
                inboxes[number].close()
                inboxes[number] = SqliteInbox(path)
            case 2:
                claim_in_vain(inboxes[number], candidates)
        assert inboxes[number].claim(candidates) == memory.claim(candidates)
    for inbox in inboxes:
        inbox.close()


def claim_in_vain(inbox: SqliteInbox, candidates: Sequence[Candidate]) -> None:
    """Claim with a disk that is full when the events are written, after the keys."""

    def is_full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(InboxUnavailable):
        patch.setattr(sqlite_inbox, "put_rows", is_full)
        inbox.claim(candidates)


@pytest.mark.usefixtures("moves_often")
def test_the_log_stays_short(path: Path, send: Sender) -> None:
    """However many were claimed, it has a round's claims and marks; the others are in the table."""
    with closing(SqliteInbox(path)) as inbox:
        for _ in range(40):
            fill(inbox, send, 50)
    assert count(path, "claims", "space > 0") <= 50 * BUCKETS  # a mark each claim() here
    assert count(path, "keys") > 0


@pytest.mark.usefixtures("moves_often")
def test_a_new_process_knows_what_was_moved_and_what_was_not(path: Path, send: Sender) -> None:
    """Opened again after some rounds, the inbox has each key."""
    names = [str(number) for number in range(1_500)]
    with closing(SqliteInbox(path)) as inbox:
        for two in zip(names[::2], names[1::2], strict=True):
            inbox.claim([send(name) for name in two])
    with closing(SqliteInbox(path)) as again:
        assert set(kinds(again.claim([send(name) for name in names]))) == {Duplicate}


def test_a_bucket_is_moved_after_so_many_claims(path: Path, send: Sender) -> None:
    """In a long run the log has about 256 claims for each bucket, and never many more."""
    with closing(SqliteInbox(path)) as inbox:
        for _ in range(300):
            fill(inbox, send, 257)
        assert count(path, "claims") <= BUCKETS * 259
        assert count(path, "keys") > 300 * 257 - BUCKETS * 259


@pytest.mark.usefixtures("moves_often")
def test_who_was_away_for_a_round_forgets_what_he_knew(
    two: tuple[SqliteInbox, SqliteInbox], send: Sender
) -> None:
    """A window that another process has lengthened meanwhile is the long one."""
    one, other = two
    # Of the bucket that is next in the end, the log then has no mark.
    key = next(name for name in map(str, itertools.count()) if hashed(name).startswith("01"))
    one.claim([send(key)])
    late_ms = NOW_MS + WINDOW_MS
    assert kinds(other.claim([send(key, at_ms=late_ms)])) == [Duplicate]
    for _ in range(2 * BUCKETS):
        fill(other, send, 2, at_ms=late_ms)
    assert count(one.path, "claims", "seq <= 2 or (space = 0 and key = x'01')") == 0
    assert one.claim([send(key, at_ms=late_ms + WINDOW_MS)]) == [Duplicate(NOW_MS, late_ms)]


def test_killed_at_any_moment_it_has_what_it_said(path: Path, send: Sender) -> None:
    """After each of some kills, between moves and amid them, keys and events are the same ones."""
    send.space = send.integration + "/0"
    said: list[str] = []
    for number in range(8):
        command = [sys.executable, "-c", CLAIM, str(path), send.integration, str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said += [next(process.stdout).strip() for _ in range(300 + 37 * number)]
            process.kill()
            said += process.stdout.read().splitlines()
    with closing(SqliteInbox(path)) as inbox:
        assert set(kinds(inbox.claim([send(name) for name in said]))) == {Duplicate}
        accepted = [event.key for _, event in all_events(inbox)]
    assert len(set(accepted)) == len(accepted)
    assert {hashed(name) for name in said} <= set(accepted)


def test_a_file_of_the_first_version_is_taken_over(path: Path, send: Sender) -> None:
    """Its keys are still in force, and it has the new version."""
    candidate = send("a")
    assert candidate.claim is not None
    db = sqlite3.connect(path)
    db.executescript(schema._VERSIONS[0])
    db.execute("INSERT INTO spaces (number, name) VALUES (1, ?)", (candidate.claim.space,))
    place = (1, bytes.fromhex(candidate.claim.key))
    db.execute(
        "INSERT INTO keys VALUES (?, ?, ?, ?, ?)", (*place, NOW_MS, NOW_MS, NOW_MS + WINDOW_MS)
    )
    db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()
    with closing(SqliteInbox(path)) as inbox:
        assert kinds(inbox.claim([send("a"), send("b")])) == [Duplicate, Accepted]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
