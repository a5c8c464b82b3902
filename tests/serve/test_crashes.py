"""Processes killed under load: what was answered is kept, once, and delivered."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbincoming.core.gateway import endpoint_path
from nbincoming.inbox.opening import open_inbox
from tests.inbox.contract import all_events
from tests.inbox.server import Server
from tests.serve.running import ENDPOINT, Served, complaint, headers, publish, serving
from tests.servers import wait_until

SENDERS = 6


class Load:
    """Senders that post one complaint after the other, and note what was answered."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.answers: Counter[int] = Counter()
        self.accepted: list[str] = []
        self.settled: list[str] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(SENDERS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, count: int) -> None:
        """Wait until so many more were accepted."""
        wanted = len(self.accepted) + count
        while len(self.accepted) < wanted:
            self._stop.wait(0.005)

    def _send(self, sender: int) -> None:
        sent, number = headers(), 0
        connection = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=60)
        while not self._stop.is_set():
            name = f"{sender}-{number}"
            try:
                connection.request("POST", endpoint_path(ENDPOINT), complaint(name), sent)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()  # no answer: it is sent again, as a good sender does
                continue
            with self._lock:
                self.answers[answer.status] += 1
                if answer.status == 200:
                    self.accepted.append(name)
                if answer.status in (200, 204):
                    self.settled.append(name)
            if answer.status in (200, 204):
                number += 1
        connection.close()


def kept(url: str) -> Counter[str]:
    """Count the events by complaint."""
    inbox = open_inbox(url)
    try:
        events = all_events(inbox)
    finally:
        inbox.close()
    return Counter(json.loads(event.body)["id"].removeprefix("cmp-") for _, event in events)


@pytest.fixture(params=["sqlite", "redis"])
def inbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of an inbox that several workers may share."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/inbox.db"
        return
    server = Server(tmp_path)
    server.start()
    yield server.url
    server.kill()


@pytest.mark.parametrize("kills", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_killed_workers_lose_and_double_nothing(
    tmp_path: Path, inbox: str, kills: int, rng: random.Random
) -> None:
    """Workers are killed in the middle, many times: each complaint that was answered is kept once.

    One that was answered 204 was claimed by a worker that died before its answer.
    """
    options = ("--workers", "2", "--inbox", inbox)
    with serving(publish(tmp_path), *options, cwd=tmp_path) as served, Load(served) as load:
        for _ in range(kills):
            load.wait_for_more(rng.randrange(5, 40))
            os.kill(rng.choice(list(served.children().values())), signal.SIGKILL)
        load.wait_for_more(20)
    found = kept(inbox)
    assert set(load.answers) <= {200, 204}
    assert set(load.settled) - set(found) == set()
    assert [name for name, count in found.items() if count > 1] == []


def test_many_workers_accept_a_key_once(tmp_path: Path, inbox: str) -> None:
    """Of 200 concurrent identical requests over four workers exactly one is accepted."""
    options = ("--workers", "4", "--inbox", inbox)
    with serving(publish(tmp_path), *options, cwd=tmp_path) as served:
        assert len(served.children()) == 4
        with ThreadPoolExecutor(40) as pool:
            statuses = list(pool.map(lambda _: served.post(complaint("one")), range(200)))
    assert Counter(statuses) == {200: 1, 204: 199}
    assert kept(inbox) == {"one": 1}


@pytest.mark.parametrize("kills", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_a_killed_relay_delivers_everything(tmp_path: Path, kills: int) -> None:
    """The relay is killed in the middle, many times: each event arrives, in order.

    Some arrive again, under the id that they had.
    """
    spec, out = publish(tmp_path), tmp_path / "out.jsonl"
    with serving(spec, "--sink", f"jsonl:{out}", cwd=tmp_path) as served:
        with Load(served) as load:
            for _ in range(kills):
                load.wait_for_more(60)
                os.kill(relay_of(served), signal.SIGKILL)
                served.wait_for("A process ended and is started again", child="relay")
        expected = kept(f"sqlite:///{tmp_path}/inbox.db")
        ids = delivered(out, len(expected))
    assert set(ids) == set(event_ids(tmp_path))
    first = list(dict.fromkeys(ids))
    assert first == event_ids(tmp_path)  # in order, repetitions aside


def relay_of(served: Served) -> int:
    """Wait until the relay's process is there; return its number."""
    found: list[int] = []

    def is_there() -> bool:
        children = served.children().items()
        found[:] = [pid for name, pid in children if name.startswith("process")]
        return bool(found)

    wait_until(is_there)
    return found[0]


def event_ids(folder: Path) -> list[str]:
    """Return the ids of the events in the inbox, in order."""
    inbox = open_inbox(f"sqlite:///{folder}/inbox.db")
    try:
        return [event.id for _, event in all_events(inbox)]
    finally:
        inbox.close()


def delivered(path: Path, count: int) -> list[str]:
    """Wait until so many different events are in a file; return the ids of all lines."""
    waiter = threading.Event()
    while True:
        ids = []
        for line in path.read_text().splitlines():
            try:
                ids.append(json.loads(line)["id"])
            except ValueError:
                continue  # cut by a crash; the whole of it follows
        if len(set(ids)) >= count:
            return ids
        waiter.wait(0.05)


@pytest.mark.parametrize("stops", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_redis_stopped_and_started_under_load(tmp_path: Path, stops: int) -> None:
    """While it is away requests are refused by 503; nothing that was answered is lost."""
    server = Server(tmp_path)
    server.start()
    try:
        spec = publish(tmp_path)
        with serving(spec, "--inbox", server.url, "--log-requests", "none", cwd=tmp_path) as served:
            with Load(served) as load:
                for _ in range(stops):
                    load.wait_for_more(30)
                    server.kill()
                    before = load.answers[503]
                    while load.answers[503] < before + 5:
                        load._stop.wait(0.005)
                    server.start()
                load.wait_for_more(30)
            found = kept(server.url)
    finally:
        server.kill()
    assert {200, 503} <= set(load.answers) <= {200, 204, 503}
    assert set(load.settled) - set(found) == set()
    assert [name for name, count in found.items() if count > 1] == []
