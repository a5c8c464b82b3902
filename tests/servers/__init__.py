"""Real servers for tests, each started on free loopback ports, without root."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import pytest

HOST = "127.0.0.1"
WAIT_S = 60  # only a bound


def free_port() -> int:
    """Return a port that nobody listens on.

    It is below those that systems give to connections that go out: such a one could have it
    before the server does, or while the server is stopped.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server((HOST, port)):
            return port


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline_s = time.monotonic() + WAIT_S
    waiter = threading.Event()
    while not holds():
        assert time.monotonic() < deadline_s, "It did not happen in time."
        waiter.wait(0.005)


def missing(what: str) -> NoReturn:
    """Skip what needs a server that is not here, or fail where all must be here."""
    if os.environ.get("NBINCOMING_REQUIRE_SERVERS"):
        pytest.fail(what)
    pytest.skip(what)
