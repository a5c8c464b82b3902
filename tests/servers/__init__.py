"""Real servers for tests, each started on free loopback ports, without root."""

from __future__ import annotations

import os
import socket
from typing import NoReturn

import pytest

HOST = "127.0.0.1"
WAIT_S = 30


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


def missing(what: str) -> NoReturn:
    """Skip what needs a server that is not here, or fail where all must be here."""
    if os.environ.get("NBINCOMING_REQUIRE_SERVERS"):
        pytest.fail(what)
    pytest.skip(what)
