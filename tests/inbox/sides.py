"""The other side of the inbox that a test module has, by the fixture ``url`` of the module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbincoming.inbox.opening import open_outbox
from nbincoming.inbox.outbox import Outbox


@pytest.fixture
def outbox(url: str) -> Iterator[Outbox]:
    """Return the side that a relay reads."""
    outbox = open_outbox(url)
    yield outbox
    outbox.close()


@pytest.fixture
def other(url: str) -> Iterator[Outbox]:
    """Return the same, as another process or machine has it."""
    outbox = open_outbox(url)
    yield outbox
    outbox.close()
