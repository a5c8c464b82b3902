"""SIGTERM and SIGHUP under load; ``NBINCOMING_STOPS`` sets the number of slow rounds."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbincoming.core.gateway import endpoint_path
from tests.serve.running import ENDPOINT, WAIT_S, Served, complaint, headers, publish, serving

ROUNDS = int(os.environ.get("NBINCOMING_STOPS", "10"))
OPTIONS = ("--workers", "2", "--sink", "jsonl:out.jsonl", "--watch", "0")


@contextlib.contextmanager
def load(served: Served, senders: int = 8) -> Iterator[None]:
    """Send requests from many connections until the end, whatever becomes of them."""
    ended = threading.Event()
    good, path = headers(), endpoint_path(ENDPOINT)

    def send(name: int) -> None:
        count = 0
        while not ended.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=WAIT_S)
            with contextlib.suppress(OSError, http.client.HTTPException):
                while not ended.is_set():
                    count += 1
                    connection.request("POST", path, complaint(f"{name}-{count}"), good)
                    connection.getresponse().read()
            connection.close()
            ended.wait(0.01)  # the server may have stopped

    threads = [threading.Thread(target=send, args=(name,)) for name in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("rounds", [2, pytest.param(ROUNDS, marks=pytest.mark.slow)])
@pytest.mark.timeout(300 + 20 * ROUNDS)
def test_sigterm_under_load_always_ends_it(tmp_path: Path, rounds: int, rng: random.Random) -> None:
    """All its processes end, with code 0, at whatever moment it arrives."""
    spec = publish(tmp_path)
    for _ in range(rounds):
        with serving(spec, *OPTIONS, cwd=tmp_path) as served, load(served):
            time.sleep(rng.uniform(0, 0.5))  # the moment is random on purpose
            assert served.stop() == 0
            assert served.children() == {}
        assert not [line for line in served.lines if line.get("level") == "error"]


@pytest.mark.parametrize("rounds", [2, pytest.param(ROUNDS, marks=pytest.mark.slow)])
@pytest.mark.timeout(300 + 20 * ROUNDS)
def test_sighup_under_load_always_reloads(tmp_path: Path, rounds: int, rng: random.Random) -> None:
    """The server reloads, answers, and still ends on SIGTERM."""
    spec = publish(tmp_path)
    with serving(spec, *OPTIONS, cwd=tmp_path) as served, load(served):
        for _ in range(2):
            served.wait_for("serving")
        for _ in range(rounds):
            served.process.send_signal(signal.SIGHUP)
            for _ in range(2):  # once for each worker
                served.wait_for("serving")
            time.sleep(rng.uniform(0, 0.2))  # the moment is random on purpose
        assert served.post(complaint("last")) == 200
        assert served.stop() == 0
    assert not [line for line in served.lines if line.get("level") == "error"]
