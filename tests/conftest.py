"""What every test shares: the Hypothesis profiles, and the order of the tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# In CI the examples are the same in each run, so a failure there is a change's own.
settings.register_profile(
    "default", deadline=None, max_examples=200, derandomize=bool(os.environ.get("CI"))
)
settings.register_profile("thorough", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("NBINCOMING_HYPOTHESIS", "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser tests last: what fails fast speaks first."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
