"""The relay's process killed under load, many times, on every sink.

What was accepted is delivered at least once, and first arrivals are in order. Run by
``pytest -s`` these tests print what was lost, and what came twice.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from nbincoming.inbox.opening import (
    open_inbox,
    open_outbox,
)
from nbincoming.inbox.outbox import Outbox
from nbincoming.relay.settings import RelaySettings
from nbincoming.relay.sinks.opening import sink_name
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import fill
from tests.relay.sinks.contract import Receiver
from tests.relay.sinks.test_http import SignedReceiver
from tests.relay.sinks.test_kafka import KafkaReceiver
from tests.relay.sinks.test_lines import FileReceiver
from tests.relay.sinks.test_nats import NatsReceiver
from tests.relay.sinks.test_rabbitmq import RabbitReceiver
from tests.relay.sinks.test_redis import RedisReceiver
from tests.servers import HOST, WAIT_S, wait_until

#: How often in the slow rounds; the variable is for those who want to see more.
KILLS = int(os.environ.get("NBINCOMING_KILLS", "4"))
EVENTS = 150
INTEGRATIONS = 3


class RelayProcess:
    """The relay as `serve` starts it."""

    def __init__(self, inbox: str, receiver: Receiver) -> None:
        secrets = {
            name.removeprefix("env:"): value.decode() for name, value in receiver.secrets.items()
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nbincoming.relay.process"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **secrets},
            text=True,
        )
        assert self.process.stdin is not None
        settings = RelaySettings(inbox=inbox, sinks=(receiver.url,))
        self.process.stdin.write(settings.to_json() + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.wait()

    def stop(self) -> int:
        """End it in good order."""
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait for its end."""
        assert self.process.stdin is not None
        code = self.process.wait(WAIT_S)
        self.process.stdin.close()
        return code


def receivers(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Receiver]:
    """Make a receiver."""
    if kind == "jsonl":
        yield FileReceiver(folder / "out.jsonl")
    elif kind == "http":
        receiver = SignedReceiver()
        yield receiver
        receiver.close()
    elif kind == "kafka":
        yield KafkaReceiver(request.getfixturevalue("kafka"))
    else:
        server = {"nats": "nats", "rabbitmq": "rabbitmq", "redis": "valkey"}[kind]
        make = {"nats": NatsReceiver, "rabbitmq": RabbitReceiver, "redis": RedisReceiver}[kind]
        behind = make(request.getfixturevalue(server))  # type: ignore[abstract]
        yield behind
        behind.wire.close()


class Load(threading.Thread):
    """Requests that are accepted, one after the other, up to a quota that grows.

    Attributes
    ----------
    accepted : dict
        Ids in order, by integration.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._senders = [Sender() for _ in range(INTEGRATIONS)]
        self._quota = 0
        self._is_over = False
        self._changed = threading.Condition()
        self.accepted: dict[str, list[str]] = {each.integration: [] for each in self._senders}

    def run(self) -> None:
        """Accept."""
        inbox = open_inbox(self._url)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_over or self.count() < self._quota)
                if self.count() >= self._quota:
                    break
            number = self.count()
            send = self._senders[number % INTEGRATIONS]
            self.accepted[send.integration] += fill(inbox, send, 1, start=number)
        inbox.close()

    def go_on(self, more: int) -> None:
        """Have more accepted."""
        with self._changed:
            self._quota += more
            self._changed.notify()

    def end(self) -> None:
        """Accept what is left of the quota."""
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self.join()

    def count(self) -> int:
        """Count what was accepted."""
        return sum(len(ids) for ids in self.accepted.values())


def wait_for_more(load: Load, outbox: Outbox, name: str, more: int) -> None:
    """Wait until so many more were delivered."""

    def delivered() -> int:
        return load.count() - outbox.count_pending(name)

    wanted = delivered() + more
    wait_until(lambda: delivered() >= wanted)


def new_inbox(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the URL of an empty inbox."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/inbox.db"
    server = request.getfixturevalue("valkey")
    with redis.Redis(port=server.port, db=1) as client:
        client.flushdb()
    return f"redis://{HOST}:{server.port}/1"


#: Each sink, and the other inbox once: there a relay that was killed keeps its lease for seconds.
PAIRS = [
    *(("sqlite", kind) for kind in ("jsonl", "http", "kafka", "nats", "rabbitmq", "redis")),
    ("redis", "http"),
]


@pytest.mark.parametrize("kills", [1, pytest.param(KILLS, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("inbox", "sink"), PAIRS)
def test_a_relay_that_is_killed_loses_nothing(
    inbox: str,
    sink: str,
    kills: int,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    rng: random.Random,
) -> None:
    """Each accepted event arrives, and first arrivals are in order; some come twice."""
    inbox_url = new_inbox(inbox, request, tmp_path)
    with contextmanager(receivers)(sink, request, tmp_path) as receiver:
        kill_and_count(inbox_url, receiver, request.node.name, kills, rng)


def kill_and_count(
    inbox_url: str, receiver: Receiver, case: str, kills: int, rng: random.Random
) -> None:
    """Kill, count, and compare."""
    outbox, name = open_outbox(inbox_url), sink_name(receiver.url)
    load = Load(inbox_url)
    load.start()
    try:
        for _ in range(kills):
            load.go_on(EVENTS)
            relay = RelayProcess(inbox_url, receiver)
            wait_for_more(load, outbox, name, rng.randrange(1, EVENTS))
            relay.kill()
        load.go_on(EVENTS)
    finally:
        load.end()
    relay = RelayProcess(inbox_url, receiver)
    wait_until(lambda: outbox.count_pending(name) == 0)
    assert relay.stop() == 0
    outbox.close()
    arrived = [json.loads(text)["id"] for text in receiver.texts(load.count())]
    lost = {each for ids in load.accepted.values() for each in ids} - set(arrived)
    doubled = len(arrived) - len(set(arrived))
    print(  # noqa: T201 - the table of faults
        f"\n{case}: {kills} kills, {load.count()} accepted, {len(lost)} lost, {doubled} doubled"
    )
    assert lost == set()
    first = list(dict.fromkeys(arrived))
    for ids in load.accepted.values():
        assert [each for each in first if each in set(ids)] == ids
