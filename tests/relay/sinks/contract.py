"""What every sink promises, whatever it leads to.

A test module of a sink subclasses :class:`SinkContract` and has a fixture ``receiver``: the
real thing that the sink delivers to, empty.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Protocol
from uuid import uuid4

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from nbincoming.core.events import Event
from nbincoming.relay.sinks.opening import open_sink
from nbincoming.relay.sinks.sink import (
    Sink,
    Undelivered,
)

INTEGRATION = "6f1f3f0e-8f0d-4f52-9d3c-2b8b0a7c9e11"
OTHER = "0b6f4c2e-57a0-4d3c-9c53-0c4d36c5a1b2"
NOW_MS = 1_718_010_930_123


def event(number: int = 1, *, integration: str = INTEGRATION, body: bytes = b"") -> Event:
    """Make an event with an id of its own."""
    return Event(
        id=f"{number:04}-{uuid4().hex}",
        integration=integration,
        version=3,
        key=None,
        triggers=("urgent", "with, comma"),
        received_at_ms=NOW_MS + number,
        headers={"content-type": "application/json"},
        body=body or b'{"number":%d}' % number,
    )


def events(count: int, *, integration: str = INTEGRATION) -> list[Event]:
    """Make events in order."""
    return [event(number, integration=integration) for number in range(count)]


class Receiver(Protocol):
    """What a sink delivers to."""

    url: str
    secrets: dict[str, bytes]

    def texts(self, count: int) -> list[bytes]:
        """Wait for so many events; return the texts of all that came, in order.

        A text that was cut is none.
        """

    def go_away(self) -> None:
        """Be where nobody can deliver to."""

    def come_back(self) -> None:
        """Be there again."""


def ids(receiver: Receiver, count: int) -> list[str]:
    """Return the ids of what came, each as it came first."""
    found = [json.loads(text)["id"] for text in receiver.texts(count)]
    return list(dict.fromkeys(found))


def parse(text: bytes) -> BaseCloudEvent:
    """Read a CloudEvent by the official SDK, which validates it."""
    return JSONFormat().read(CloudEvent, text)


class SinkContract:
    """The promises."""

    @pytest.fixture
    def sink(self, receiver: Receiver) -> Iterator[Sink]:
        """Open the sink by its URL."""
        sink = open_sink(receiver.url, receiver.secrets)
        yield sink
        sink.close()

    def test_what_was_delivered_is_there_in_order(self, sink: Sink, receiver: Receiver) -> None:
        """Events of several deliveries arrive as they were given."""
        given = events(40)
        for some in batches(given, sink.batch):
            sink.deliver(some)
        assert ids(receiver, 40) == [each.id for each in given]

    def test_what_arrives_is_the_event_exactly(self, sink: Sink, receiver: Receiver) -> None:
        """Each digit and letter of the body is as it was sent, on one line."""
        digits = "0.12345678901234567890123"
        body = f'{{"n":{2**100 + 1},"d":{digits},"t":"a\\nb żółć 😀"}}'.encode()
        sink.deliver([event(body=body)])
        (text,) = receiver.texts(1)
        exact = partial(json.loads, parse_float=Decimal)
        assert exact(text)["data"]["body"] == exact(body)
        assert digits in text.decode()
        assert b"\n" not in text

    def test_the_official_library_reads_it(self, sink: Sink, receiver: Receiver) -> None:
        """It is a CloudEvent 1.0, by the SDK of those who make the standard."""
        given = event()
        sink.deliver([given])
        (text,) = receiver.texts(1)
        read = parse(text)
        assert (read.get_id(), read.get_type()) == (given.id, "nbincoming.request.accepted")
        assert read.get_source() == f"urn:nbincoming:integration:{INTEGRATION}"
        assert read.get_extension("nbiversion") == 3
        assert read.get_extension("nbitriggers") == "urgent,with%2C%20comma"

    def test_a_large_event_arrives(self, sink: Sink, receiver: Receiver) -> None:
        """Half a mebibyte is nothing special."""
        body = b'{"text":"%s"}' % (b"x" * 524_288)
        sink.deliver([event(body=body)])
        (text,) = receiver.texts(1)
        assert json.loads(text)["data"]["body"] == json.loads(body)

    def test_what_is_given_again_has_the_same_id(self, sink: Sink, receiver: Receiver) -> None:
        """A second delivery adds nothing that a receiver could not tell from the first."""
        given = events(3)
        for each in (*given, *given):
            sink.deliver([each])
        assert ids(receiver, 3) == [each.id for each in given]

    def test_integrations_do_not_mix(self, sink: Sink, receiver: Receiver) -> None:
        """The events of each arrive in their order."""
        one, other = events(10), events(10, integration=OTHER)
        for pair in zip(one, other, strict=True):
            for each in pair:
                sink.deliver([each])
        found = ids(receiver, 20)
        for given in (one, other):
            wanted = [each.id for each in given]
            assert [each for each in found if each in wanted] == wanted

    def test_a_sink_that_is_away_is_waited_for(self, sink: Sink, receiver: Receiver) -> None:
        """It is no fault of the event; when it is back, the same sink delivers on."""
        first, second = events(2)
        sink.deliver([first])
        receiver.go_away()
        with pytest.raises(Undelivered) as caught:
            sink.deliver([second])
        assert not caught.value.is_refusal
        assert caught.value.delivered == 0
        receiver.come_back()
        deliver_at_last(sink, second)
        assert ids(receiver, 2) == [first.id, second.id]

    def test_opening_waits_for_nobody(self, receiver: Receiver) -> None:
        """A sink that is away holds up no start, and is found when it comes."""
        receiver.go_away()
        sink = open_sink(receiver.url, receiver.secrets)
        receiver.come_back()
        given = event()
        try:
            deliver_at_last(sink, given)
        finally:
            sink.close()
        assert ids(receiver, 1) == [given.id]

    def test_closing_leaves_nothing_running(self, receiver: Receiver) -> None:
        """The threads of a sink end with it."""
        before = set(threading.enumerate())
        sink = open_sink(receiver.url, receiver.secrets)
        sink.deliver([event()])
        sink.close()
        named = {each.name for each in set(threading.enumerate()) - before}
        assert {name for name in named if name.startswith("nbincoming")} == set()


def batches(given: Sequence[Event], size: int) -> Iterator[Sequence[Event]]:
    """Cut events into deliveries, as the relay does."""
    for start in range(0, len(given), size):
        yield given[start : start + size]


def deliver_at_last(sink: Sink, given: Event, *, tries: int = 200) -> None:
    """Deliver as the relay would: again, until it is taken."""
    waiter = threading.Event()
    for _ in range(tries):
        if (failure := attempt(sink, given)) is None:
            return
        assert not failure.is_refusal
        waiter.wait(0.05)
    raise AssertionError("The sink never took it.")


def attempt(sink: Sink, given: Event) -> Undelivered | None:
    """Deliver once; return what went wrong."""
    try:
        sink.deliver([given])
    except Undelivered as failure:
        return failure
    return None
