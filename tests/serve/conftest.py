"""The server that is shared by the tests that leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbincoming.api_keys import KeyFile
from tests.serve.running import (
    Served,
    publish,
    serving,
)


@pytest.fixture(scope="package")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    """Make a file of API keys."""
    return KeyFile(tmp_path_factory.mktemp("keys") / "keys.json")


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory, keys: KeyFile) -> Iterator[Served]:
    """Run one server for the tests that leave nothing behind."""
    folder = tmp_path_factory.mktemp("served")
    options = ["--keys", keys.path, "--max-head-bytes", "4096"]
    with serving(publish(folder), *options, "--log-requests", "all", cwd=folder) as served:
        yield served
