"""The events, as CloudEvents' own SDK reads them."""

from __future__ import annotations

from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import given, settings

from nbincoming.core.events import EVENT_TYPE
from nbincoming.core.examples import example_request
from nbincoming.core.gateway import Rules
from nbincoming.core.request.values import json_text
from nbincoming.export.cloud_event import NoEventError, cloud_event, example_events
from nbincoming.inbox.memory import MemoryInbox
from tests.core.strategies import documents
from tests.export.making import published
from tests.samples import making


def read_by_sdk(data: dict[str, Any]) -> Any:
    """Read a CloudEvent, delivered in structured mode, by the SDK."""
    message = HTTPMessage(
        {"content-type": "application/cloudevents+json"}, json_text(data).encode()
    )
    return from_http_event(message)


def test_the_sdk_reads_the_example() -> None:
    """Every attribute is what it should be, and the data are the request."""
    event = read_by_sdk(cloud_event(published()))
    assert event.get_type() == EVENT_TYPE
    assert event.get_source() == f"urn:nbincoming:integration:{making.ENDPOINT}"
    assert event.get_time().timestamp() * 1000 == making.NOW_MS
    assert event.get_extension("nbitriggers") == "urgent"
    assert event.get_data()["body"]["priority"] == "high"


@given(documents)
@settings(max_examples=60)
def test_the_sdk_reads_whatever_is_accepted(body: Any) -> None:
    """An accepted request becomes a valid event, whatever its body."""
    inbox = MemoryInbox()
    inbox.claim([making.candidate(making.request(body, {"X-A": "1"}))])
    ((_, event),) = inbox.events()
    read = read_by_sdk(event.cloud_event())
    assert read.get_id() == event.id
    assert read.get_data()["headers"]["x-a"] == "1"


def test_the_example_is_what_the_inbox_would_deliver() -> None:
    """The id follows from integration, key and time, as in production."""
    spec = published()
    inbox = MemoryInbox()
    first = next(each for each in spec.examples if each.outcome == "accepted")
    inbox.claim([Rules(spec).consider(example_request(first, spec))])
    ((_, event),) = inbox.events()
    assert example_events(spec)[0].cloud_event() == event.cloud_event()


def test_the_example_is_the_same_in_each_export() -> None:
    """Without a key, too: a file under version control does not change by itself."""
    for spec in (published(), published(deduplication=None)):
        assert cloud_event(spec) == cloud_event(spec)


def test_without_an_accepted_example_there_is_no_event() -> None:
    """The message says what to do."""
    with pytest.raises(NoEventError, match="Capture a request"):
        cloud_event(making.spec())
