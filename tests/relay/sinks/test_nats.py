"""The NATS sink, against a real server with JetStream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from nbincoming.relay.sinks import nats as module
from nbincoming.relay.sinks.opening import open_sink
from nbincoming.relay.sinks.sink import (
    SinkError,
    Undelivered,
)
from tests.relay.sinks.contract import SinkContract, deliver_at_last, event, events, ids
from tests.servers import HOST
from tests.servers.nats import NatsServer
from tests.servers.proxy import Proxy


class NatsReceiver:
    """A stream of its own, behind a wire."""

    def __init__(self, server: NatsServer) -> None:
        self.server = server
        self.wire = Proxy(server.port)
        self.subject = f"events.{uuid4().hex[:8]}"
        server.create_stream(self.subject)
        self.url = f"nats://{HOST}:{self.wire.port}/{self.subject}"
        self.secrets: dict[str, bytes] = {}

    def texts(self, count: int) -> list[bytes]:
        """Wait for messages."""
        return [message.data for message in self.server.messages(self.subject, count)]

    def go_away(self) -> None:
        """Cut the wire."""
        self.wire.cut()

    def come_back(self) -> None:
        """Mend it."""
        self.wire.mend()


@pytest.fixture
def receiver(nats: NatsServer) -> Iterator[NatsReceiver]:
    """Return a stream."""
    receiver = NatsReceiver(nats)
    yield receiver
    receiver.wire.close()


class TestNatsSink(SinkContract):
    """The contract."""


def test_the_stream_drops_what_it_has(receiver: NatsReceiver) -> None:
    """The event's id is the message's: a second delivery soon after adds nothing."""
    sink, given = open_sink(receiver.url, {}), events(3)
    sink.deliver(given)
    sink.deliver(given)
    sink.close()
    assert len(receiver.texts(3)) == 3
    (first, *_) = receiver.server.messages(receiver.subject, 3)
    assert first.headers["Nats-Msg-Id"] == given[0].id
    assert first.headers["Content-Type"] == "application/cloudevents+json"


def test_a_subject_without_a_stream_is_waited_for(nats: NatsServer) -> None:
    """Whoever runs NATS may make it yet: a core subscriber alone would keep nothing."""
    subject = f"events.{uuid4().hex[:8]}"
    sink, given = open_sink(f"{nats.url}/{subject}", {}), event()
    with pytest.raises(Undelivered, match=f"no stream listens to {subject}") as caught:
        sink.deliver([given])
    assert not caught.value.is_refusal
    nats.create_stream(subject)
    deliver_at_last(sink, given)
    sink.close()


def test_what_is_larger_than_the_server_takes_is_refused(receiver: NatsReceiver) -> None:
    """By the server's limit; the one after it is taken."""
    sink = open_sink(receiver.url, {})
    given = [event(0), event(1, body=b'{"text":"%s"}' % (b"x" * 2_000_000)), event(2)]
    with pytest.raises(Undelivered, match="larger than the server takes") as caught:
        sink.deliver(given)
    assert (caught.value.is_refusal, caught.value.delivered) == (True, 1)
    sink.deliver(given[2:])
    sink.close()
    assert ids(receiver, 2) == [given[0].id, given[2].id]


def test_what_is_larger_than_the_stream_takes_is_refused(nats: NatsServer) -> None:
    """By the stream's own limit."""
    subject = f"events.{uuid4().hex[:8]}"
    nats.create_stream(subject, max_msg_size=1_000)
    sink = open_sink(f"{nats.url}/{subject}", {})
    with pytest.raises(Undelivered, match="message size exceeds maximum") as caught:
        sink.deliver([event(body=b'{"text":"%s"}' % (b"x" * 2_000))])
    assert caught.value.is_refusal
    sink.close()


def test_a_server_that_hangs_is_away(
    receiver: NatsReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No acknowledgement within the time is no delivery."""
    monkeypatch.setattr(module, "_STEP_S", 0.3)
    sink, given = open_sink(receiver.url, {}), events(2)
    sink.deliver(given[:1])
    receiver.wire.deafen()
    with pytest.raises(Undelivered) as caught:
        sink.deliver(given[1:])
    assert not caught.value.is_refusal
    receiver.come_back()
    deliver_at_last(sink, given[1])
    sink.close()
    assert ids(receiver, 2) == [each.id for each in given]


def test_a_password_comes_by_name(tmp_path: Path) -> None:
    """With the right one it delivers, with a wrong one it waits; neither is in a message."""
    server = NatsServer(tmp_path, "--user", "relay", "--pass", "open sesame")
    url = f"nats://relay@{HOST}:{server.port}/events#env:NATS"
    try:
        sink = open_sink(url, {"env:NATS": b"wrong"})
        with pytest.raises(Undelivered) as caught:
            sink.deliver([event()])
        assert "wrong" not in str(caught.value)
        sink.close()
        sink = open_sink(url, {"env:NATS": b"open sesame"})
        with pytest.raises(Undelivered, match="no stream listens"):
            sink.deliver([event()])
        sink.close()
    finally:
        server.close()


@pytest.mark.parametrize("path", ["", "/", "/a.*", "/a.>", "/a..b", "/a/b", "/a%20b"])
def test_a_subject_is_one(path: str) -> None:
    """No wildcards, no empty words: such a subject cannot be published to."""
    with pytest.raises(SinkError, match="subject"):
        open_sink(f"nats://{HOST}:4222{path}", {})
