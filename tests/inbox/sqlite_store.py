"""Fixtures of a SQLite inbox with its other side, as the contract of outboxes wants them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbincoming.inbox.sqlite import SqliteInbox
from nbincoming.inbox.sqlite_outbox import SqliteOutbox


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[SqliteInbox]:
    """Return an inbox in a new file."""
    inbox = SqliteInbox(tmp_path / "inbox.db")
    yield inbox
    inbox.close()


@pytest.fixture
def outbox(inbox: SqliteInbox) -> Iterator[SqliteOutbox]:
    """Return its other side."""
    outbox = SqliteOutbox(inbox.path)
    yield outbox
    outbox.close()


@pytest.fixture
def other(inbox: SqliteInbox) -> Iterator[SqliteOutbox]:
    """Return the same, as another process has it."""
    outbox = SqliteOutbox(inbox.path)
    yield outbox
    outbox.close()
