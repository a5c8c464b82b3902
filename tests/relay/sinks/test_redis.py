"""The Redis sink, against a real Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis

from nbincoming.relay.sinks.opening import open_sink
from nbincoming.relay.sinks.sink import (
    SinkError,
    Undelivered,
)
from tests.inbox.server import Server
from tests.relay.sinks.contract import SinkContract, event, events
from tests.servers import HOST
from tests.servers.proxy import Proxy


class RedisReceiver:
    """A stream of its own, behind a wire."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.wire = Proxy(server.port)
        self.stream = f"events-{uuid4().hex[:8]}"
        self.url = f"redis://{HOST}:{self.wire.port}/0/{self.stream}"
        self.secrets: dict[str, bytes] = {}

    def entries(self) -> list[dict[bytes, bytes]]:
        """Return the entries of the stream, as any consumer sees them."""
        with redis.Redis(port=self.server.port) as client:
            return [fields for _, fields in client.xrange(self.stream)]

    def texts(self, count: int) -> list[bytes]:
        """Return the events."""
        found = [fields[b"event"] for fields in self.entries()]
        assert len(found) >= count
        return found

    def go_away(self) -> None:
        """Cut the wire."""
        self.wire.cut()

    def come_back(self) -> None:
        """Mend it."""
        self.wire.mend()


@pytest.fixture
def receiver(valkey: Server) -> Iterator[RedisReceiver]:
    """Return a stream."""
    receiver = RedisReceiver(valkey)
    yield receiver
    receiver.wire.close()


class TestRedisSink(SinkContract):
    """The contract."""


def test_an_entry_has_the_id_beside_the_event(receiver: RedisReceiver) -> None:
    """A consumer tells by the field whether it knows the event, without reading JSON."""
    sink, given = open_sink(receiver.url, {}), events(3)
    sink.deliver(given)
    sink.close()
    assert [fields[b"id"].decode() for fields in receiver.entries()] == [e.id for e in given]
    assert all(fields.keys() == {b"id", b"event"} for fields in receiver.entries())


def test_a_key_that_is_no_stream_is_waited_for(receiver: RedisReceiver) -> None:
    """It is no fault of the event, and of a delivery nothing is left half done."""
    with redis.Redis(port=receiver.server.port) as client:
        client.set(receiver.stream, "something else")
    sink = open_sink(receiver.url, {})
    with pytest.raises(Undelivered) as caught:
        sink.deliver(events(2))
    sink.close()
    assert not caught.value.is_refusal
    assert caught.value.delivered == 0


def test_a_password_comes_by_name(receiver: RedisReceiver) -> None:
    """With the right one it delivers, with a wrong one it waits; neither is in a message."""
    with redis.Redis(port=receiver.server.port) as client:
        client.acl_setuser("relay", enabled=True, passwords=["+sesame"], keys=["*"],
                           commands=["+@all"])  # fmt: skip
    url = receiver.url.replace("redis://", "redis://relay@") + "#env:REDIS"
    sink = open_sink(url, {"env:REDIS": b"wrong"})
    with pytest.raises(Undelivered) as caught:
        sink.deliver([event()])
    sink.close()
    assert "wrong" not in str(caught.value)
    sink = open_sink(url, {"env:REDIS": b"sesame"})
    sink.deliver([event()])
    sink.close()
    assert len(receiver.entries()) == 1


@pytest.mark.parametrize("path", ["", "/0", "/stream", "/0/a/b", "/x/stream"])
def test_a_stream_is_named(path: str) -> None:
    """The number of the database comes first."""
    with pytest.raises(SinkError, match="the number of a database and a stream"):
        open_sink(f"redis://{HOST}{path}", {})
