"""Fixtures of a SQLite inbox with its other side, as the contract of outboxes wants them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbincoming.inbox.opening import sqlite_path
from nbincoming.inbox.sqlite.inbox import SqliteInbox
from tests.inbox.sides import other, outbox

__all__ = ["inbox", "other", "outbox", "url"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return where the inbox is: a new file."""
    return f"sqlite:///{tmp_path / 'inbox.db'}"


@pytest.fixture
def inbox(url: str) -> Iterator[SqliteInbox]:
    """Return an inbox with nothing in it."""
    inbox = SqliteInbox(sqlite_path(url))
    yield inbox
    inbox.close()
