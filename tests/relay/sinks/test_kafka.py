"""The Kafka sink, against librdkafka's mock broker."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka import KafkaError

from nbincoming.relay.sinks import kafka as module
from nbincoming.relay.sinks.opening import open_sink
from nbincoming.relay.sinks.sink import (
    SinkError,
    Undelivered,
)
from tests.relay.sinks.contract import (
    INTEGRATION,
    OTHER,
    SinkContract,
    deliver_at_last,
    event,
    events,
    ids,
)
from tests.servers.kafka import KafkaServer


class KafkaReceiver:
    """A topic of its own."""

    def __init__(self, server: KafkaServer) -> None:
        self.server = server
        self.topic = f"events-{uuid4().hex[:8]}"
        server.create_topic(self.topic)
        self.url = f"kafka://{server.hosts}/{self.topic}"
        self.secrets: dict[str, bytes] = {}

    def texts(self, count: int) -> list[bytes]:
        """Wait for records."""
        return [record.value() for record in self.server.records(self.topic, count)]

    def go_away(self) -> None:
        """Let the broker be down."""
        self.server.go_away()

    def come_back(self) -> None:
        """Let it be up."""
        self.server.come_back()


@pytest.fixture
def receiver(kafka: KafkaServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaReceiver]:
    """Return a topic; only a broker that is away is given up after two seconds."""
    receiver = KafkaReceiver(kafka)

    def go_away() -> None:
        monkeypatch.setattr(module, "DELIVERY_TIMEOUT_S", 2.0)
        kafka.go_away()

    monkeypatch.setattr(receiver, "go_away", go_away)
    yield receiver
    receiver.come_back()


class TestKafkaSink(SinkContract):
    """The contract."""


def test_an_integration_has_one_partition(receiver: KafkaReceiver) -> None:
    """The key is the integration, so that its order is kept however many partitions there are."""
    sink = open_sink(receiver.url, {})
    sink.deliver(events(20))
    sink.deliver(events(20, integration=OTHER))
    sink.close()
    found = receiver.server.records(receiver.topic, 40)
    places = {record.key().decode(): set() for record in found}
    for record in found:
        places[record.key().decode()].add(record.partition())
    assert {key: len(each) for key, each in places.items()} == {INTEGRATION: 1, OTHER: 1}


def test_the_content_type_is_that_of_the_binding(receiver: KafkaReceiver) -> None:
    """A consumer tells by the header that the record is a structured CloudEvent."""
    sink = open_sink(receiver.url, {})
    sink.deliver([event()])
    sink.close()
    (record,) = receiver.server.records(receiver.topic, 1)
    assert record.headers() == [("content-type", b"application/cloudevents+json")]


def test_what_is_too_large_is_refused(receiver: KafkaReceiver) -> None:
    """The ones before it are delivered, those after it wait for what becomes of it."""
    sink = open_sink(f"{receiver.url}?message.max.bytes=2000", {})
    given = [*events(3), event(3, body=b'{"text":"%s"}' % (b"x" * 4_000)), event(4)]
    with pytest.raises(Undelivered, match="MSG_SIZE_TOO_LARGE") as caught:
        sink.deliver(given)
    assert caught.value.is_refusal
    assert caught.value.delivered == 3
    sink.deliver(given[4:])
    sink.close()
    assert ids(receiver, 4) == [each.id for each in (*given[:3], given[4])]


def test_the_order_outlives_an_outage(receiver: KafkaReceiver) -> None:
    """What was on its way when the broker went is given up, so that nothing overtakes it."""
    sink = open_sink(receiver.url, {})
    given = events(12)
    for number, each in enumerate(given):
        if number % 4 == 2:
            receiver.go_away()
            with pytest.raises(Undelivered):
                sink.deliver(given[number:])
            receiver.come_back()
        deliver_at_last(sink, each)
    sink.close()
    assert ids(receiver, 12) == [each.id for each in given]


def test_an_error_of_the_broker_that_passes_is_not_seen(receiver: KafkaReceiver) -> None:
    """The client tries again by itself, neither doubling nor losing."""
    sink = open_sink(receiver.url, {})
    sink.deliver(events(1))
    receiver.server.fail_produces(KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.REQUEST_TIMED_OUT)
    sink.deliver(events(5))
    sink.close()
    assert len(receiver.texts(6)) == 6


def test_a_wrong_setting_shows_at_the_start(kafka: KafkaServer) -> None:
    """Settings that are unknown or impossible are named."""
    with pytest.raises(SinkError, match="does not know 'acks'"):
        open_sink(f"kafka://{kafka.hosts}/topic?acks=0", {})
    with pytest.raises(SinkError, match="_INVALID_ARG"):
        open_sink(f"kafka://{kafka.hosts}/topic?linger.ms=soon", {})
    with pytest.raises(SinkError, match="needs a topic"):
        open_sink(f"kafka://{kafka.hosts}", {})


def test_a_certificate_is_named_whatever_other_addresses_say(kafka: KafkaServer) -> None:
    """The client tries the addresses of a host in turn; one that is closed explains less."""
    sink = open_sink(f"kafka://{kafka.hosts}/topic", {})
    assert isinstance(sink, module.KafkaSink)
    closed = KafkaError(KafkaError._TRANSPORT, "Connection refused")
    certificate = KafkaError(KafkaError._SSL, "certificate verify failed")
    for errors in ([closed, certificate], [certificate, closed]):
        sink._reason = ""
        for error in errors:
            sink._note_error(error)
        assert sink._reason == "Kafka: the certificate is not accepted"
    sink.close()
