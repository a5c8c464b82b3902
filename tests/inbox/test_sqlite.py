"""The inbox in a SQLite file: the contract, and what a file adds to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbincoming.inbox.sqlite import SqliteInbox
from tests.inbox.contract import InboxContract


class TestSqliteInbox(InboxContract):
    """The contract."""

    @pytest.fixture
    def inbox(self, tmp_path: Path) -> Iterator[SqliteInbox]:
        inbox = SqliteInbox(tmp_path / "inbox.db")
        yield inbox
        inbox.close()
