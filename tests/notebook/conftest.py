"""What tests of the notebook share: integrations that are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbincoming.notebook.integration import Integration
from nbincoming.notebook.listener.listener import shared

Make = Callable[..., Integration]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make integrations below a folder of the test's own; all are closed at the end."""

    def made(name: str = "orders", **options: Any) -> Integration:
        return Integration(name, **{"folder": tmp_path, **options})

    yield made
    Integration.close_all()


@pytest.fixture
def kernel() -> Iterator[None]:
    """Give a test the listener of the process, and close it afterwards."""
    shared().close()
    yield
    shared().close()
