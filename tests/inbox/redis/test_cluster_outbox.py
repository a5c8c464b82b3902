"""The relay's side of an inbox in a cluster of Valkey servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbincoming.inbox.redis.inbox import RedisInbox
from tests.inbox.cluster import Cluster, empty_inbox
from tests.inbox.outbox_contract import OutboxContract, send
from tests.inbox.sides import other, outbox

__all__ = ["other", "outbox", "send"]


@pytest.fixture
def url(cluster: Cluster) -> str:
    """Return where the inbox is."""
    return cluster.url


@pytest.fixture
def inbox(cluster: Cluster) -> Iterator[RedisInbox]:
    """Return an empty inbox."""
    yield from empty_inbox(cluster)


class TestRedisClusterOutbox(OutboxContract):
    """The contract."""
