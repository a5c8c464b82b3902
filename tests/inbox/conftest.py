"""A cluster, started once for the tests of inboxes that ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.inbox.cluster import Cluster, running


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a cluster of three primaries; where one is away the others go on."""
    options = ("--cluster-require-full-coverage", "no")
    with running(tmp_path_factory.mktemp("cluster"), *options) as cluster:
        yield cluster
