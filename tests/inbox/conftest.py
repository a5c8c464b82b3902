"""A cluster, started once for the tests of inboxes that ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.inbox.cluster import Cluster, running


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a cluster of three primaries."""
    with running(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster
