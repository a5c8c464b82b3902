"""The inbox in a cluster of Valkey servers: the contract, and what several servers add to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbincoming.inbox.redis import RedisInbox
from tests.inbox.cluster import Cluster
from tests.inbox.contract import InboxContract


class TestRedisClusterInbox(InboxContract):
    """The contract."""

    @pytest.fixture
    def inbox(self, cluster: Cluster) -> Iterator[RedisInbox]:
        """Return an empty inbox."""
        cluster.clear()
        inbox = RedisInbox(cluster.url)
        yield inbox
        inbox.close()
