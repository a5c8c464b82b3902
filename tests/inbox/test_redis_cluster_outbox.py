"""The relay's side of an inbox in a cluster of Valkey servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbincoming.inbox.redis import RedisInbox
from nbincoming.inbox.redis_outbox import RedisOutbox
from tests.inbox.cluster import Cluster, empty_inbox
from tests.inbox.outbox_contract import OutboxContract, send

__all__ = ["send"]


@pytest.fixture
def inbox(cluster: Cluster) -> Iterator[RedisInbox]:
    """Return an empty inbox."""
    yield from empty_inbox(cluster)


@pytest.fixture
def outbox(cluster: Cluster) -> Iterator[RedisOutbox]:
    """Return its other side."""
    outbox = RedisOutbox(cluster.url)
    yield outbox
    outbox.close()


@pytest.fixture
def other(cluster: Cluster) -> Iterator[RedisOutbox]:
    """Return the same, as another machine has it."""
    outbox = RedisOutbox(cluster.url)
    yield outbox
    outbox.close()


class TestRedisClusterOutbox(OutboxContract):
    """The contract."""
