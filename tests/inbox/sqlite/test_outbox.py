"""The relay's side of a SQLite inbox."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.sqlite.inbox import SqliteInbox
from nbincoming.inbox.sqlite.outbox import SqliteOutbox
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import (
    FAR_MS,
    SINK,
    OutboxContract,
    advance,
    fill,
    pending,
    send,
)
from tests.inbox.sqlite.store import inbox, other, outbox, url

__all__ = ["inbox", "other", "outbox", "send", "url"]


class TestSqliteOutbox(OutboxContract):
    """The contract."""


def test_a_locked_file_is_said(inbox: SqliteInbox, send: Sender, tmp_path: Path) -> None:
    """Nothing was noted, and it works when the lock is gone."""
    outbox = SqliteOutbox(tmp_path / "inbox.db", busy_timeout_s=0.05)
    fill(inbox, send, 2)
    blocker = sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(InboxUnavailable, match="database is locked"):
        advance(outbox, send, 1)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert len(pending(outbox, send)) == 2
    advance(outbox, send, 1)
    assert len(pending(outbox, send)) == 1
    outbox.close()


def test_a_purge_looks_at_no_more_than_is_old(
    inbox: SqliteInbox, outbox: SqliteOutbox, send: Sender
) -> None:
    """More than one transaction's worth goes, and what is too young stays."""
    fill(inbox, send, 1_200)
    advance(outbox, send, 1_200)
    ((_, last),) = inbox.events(after=1_100, limit=1)
    assert outbox.purge(last.received_at_ms, [SINK]) == 1_100
    assert outbox.purge(last.received_at_ms, [SINK]) == 0
    assert outbox.purge(FAR_MS, [SINK]) == 100


def test_a_lease_ends_with_its_process(outbox: SqliteOutbox, tmp_path: Path) -> None:
    """However it ends: the system lets go of the lock."""
    code = (
        "import sys; from nbincoming.inbox.sqlite.outbox import SqliteOutbox\n"
        f"lease = SqliteOutbox({str(tmp_path / 'inbox.db')!r}).lease({SINK!r})\n"
        "print(lease.renew(), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code]
    lease = outbox.lease(SINK)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        assert not lease.renew()
        process.kill()
    assert lease.renew()
    lease.release()
