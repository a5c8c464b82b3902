"""The RabbitMQ sink, against a real node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from nbincoming.relay.sinks.opening import open_sink
from nbincoming.relay.sinks.sink import (
    SinkError,
    Undelivered,
)
from tests.relay.sinks.contract import (
    SinkContract,
    batches,
    deliver_at_last,
    event,
    events,
    ids,
)
from tests.servers import HOST
from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitServer


class RabbitReceiver:
    """A queue of its own, behind a wire."""

    def __init__(self, server: RabbitServer) -> None:
        self.server = server
        self.wire = Proxy(server.port)
        self.queue = f"events-{uuid4().hex[:8]}"
        server.declare(self.queue)
        self.url = f"amqp://guest@{HOST}:{self.wire.port}/{self.queue}#env:RABBIT"
        self.secrets = {"env:RABBIT": b"guest"}
        self.messages: list[Any] = []

    def texts(self, count: int) -> list[bytes]:
        """Wait for messages, and take them."""
        self.messages += self.server.messages(self.queue, count - len(self.messages))
        return [message.body for message in self.messages]

    def go_away(self) -> None:
        """Cut the wire."""
        self.wire.cut()

    def come_back(self) -> None:
        """Mend it."""
        self.wire.mend()


@pytest.fixture
def receiver(rabbitmq: RabbitServer) -> Iterator[RabbitReceiver]:
    """Return a queue."""
    receiver = RabbitReceiver(rabbitmq)
    yield receiver
    receiver.wire.close()


class TestRabbitSink(SinkContract):
    """The contract."""


def test_a_message_survives_the_broker(receiver: RabbitReceiver) -> None:
    """It is persistent, and names its id and type in properties, too."""
    sink, given = open_sink(receiver.url, receiver.secrets), event()
    sink.deliver([given])
    sink.close()
    receiver.texts(1)
    (message,) = receiver.messages
    assert message.delivery_mode == 2
    assert message.message_id == given.id
    assert message.content_type == "application/cloudevents+json"
    assert message.type == "nbincoming.request.accepted"


def test_a_queue_that_is_not_there_is_waited_for(rabbitmq: RabbitServer) -> None:
    """What no queue takes is not dropped in silence."""
    queue = f"events-{uuid4().hex[:8]}"
    sink, given = open_sink(f"amqp://{HOST}:{rabbitmq.port}/{queue}", {}), event()
    with pytest.raises(Undelivered, match="has no queue for it") as caught:
        sink.deliver([given])
    assert not caught.value.is_refusal
    rabbitmq.declare(queue)
    deliver_at_last(sink, given)
    sink.close()
    assert len(rabbitmq.messages(queue, 1)) == 1


def test_an_exchange_routes_by_its_key(rabbitmq: RabbitServer) -> None:
    """The path is exchange and routing key; an exchange that is not there is waited for."""
    name = f"events-{uuid4().hex[:8]}"
    sink, given = open_sink(f"amqp://{HOST}:{rabbitmq.port}/{name}/complaints.new", {}), event()
    with pytest.raises(Undelivered) as caught:
        sink.deliver([given])
    assert not caught.value.is_refusal

    async def declare(channel: Any) -> None:
        exchange = await channel.declare_exchange(name, "topic", durable=True)
        queue = await channel.declare_queue(name, durable=True)
        await queue.bind(exchange, "complaints.*")

    rabbitmq.run(declare)
    deliver_at_last(sink, given)
    sink.close()
    (message,) = rabbitmq.messages(name, 1)
    assert message.routing_key == "complaints.new"


def test_a_full_queue_is_waited_for(rabbitmq: RabbitServer) -> None:
    """The broker's "no" to a full queue is about the queue, and nothing overtakes."""
    queue = f"events-{uuid4().hex[:8]}"
    rabbitmq.declare(queue, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    sink, given = open_sink(f"amqp://{HOST}:{rabbitmq.port}/{queue}", {}), events(4)
    with pytest.raises(Undelivered, match="refused it") as caught:
        sink.deliver(given)
    assert not caught.value.is_refusal
    delivered = caught.value.delivered
    assert delivered in (2, 3)  # the limit is checked a little later than it is reached
    taken = rabbitmq.messages(queue, delivered)
    for each in given[delivered:]:
        deliver_at_last(sink, each)
    sink.close()
    taken += rabbitmq.messages(queue, len(given) - delivered)
    assert [message.message_id for message in taken] == [each.id for each in given]


def test_a_wrong_password_is_waited_for_and_not_shown(receiver: RabbitReceiver) -> None:
    """Whoever sets it right needs no redelivery of dead letters."""
    sink = open_sink(receiver.url, {"env:RABBIT": b"sesame"})
    with pytest.raises(Undelivered) as caught:
        sink.deliver([event()])
    sink.close()
    assert not caught.value.is_refusal
    assert "sesame" not in str(caught.value)


def test_the_order_outlives_a_cut(receiver: RabbitReceiver) -> None:
    """However often the wire is cut, first arrivals are in order."""
    sink, given = open_sink(receiver.url, receiver.secrets), events(20)
    for number, each in enumerate(given):
        deliver_at_last(sink, each)
        if number % 5 == 4:
            receiver.go_away()
            receiver.come_back()
    sink.close()
    assert ids(receiver, 20) == [each.id for each in given]


def test_a_window_keeps_the_order(receiver: RabbitReceiver) -> None:
    """Several events that are on their way together arrive as they were given."""
    sink, given = open_sink(receiver.url.replace("#", "?window=50#"), receiver.secrets), events(200)
    for some in batches(given, 50):
        sink.deliver(some)
    sink.close()
    assert ids(receiver, 200) == [each.id for each in given]


def test_a_window_says_what_was_taken_before_a_refusal(rabbitmq: RabbitServer) -> None:
    """The first ones that are confirmed, and none after the one that was refused."""
    queue = f"events-{uuid4().hex[:8]}"
    rabbitmq.declare(queue, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    sink = open_sink(f"amqp://{HOST}:{rabbitmq.port}/{queue}?window=8", {})
    given = events(20)
    with pytest.raises(Undelivered, match="refused it") as caught:
        sink.deliver(given)
    sink.close()
    delivered = caught.value.delivered
    assert delivered < 20
    taken = [message.message_id for message in rabbitmq.messages(queue, delivered)]
    assert taken[:delivered] == [each.id for each in given[:delivered]]


@pytest.mark.parametrize("window", ["0", "51", "-1", "all", ""])
def test_a_window_has_its_limits(window: str) -> None:
    """A delivery is no larger."""
    with pytest.raises(SinkError, match="takes a window from 1 to 50"):
        open_sink(f"amqp://{HOST}/queue?window={window}", {})


@pytest.mark.parametrize("path", ["", "/", "/a/b/c"])
def test_a_queue_or_an_exchange_is_named(path: str) -> None:
    """One part is a queue, two are exchange and key; anything else is a mistake."""
    with pytest.raises(SinkError, match="a queue, or an exchange and a routing key"):
        open_sink(f"amqp://{HOST}{path}", {})
