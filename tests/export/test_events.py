"""The events, as those who receive them see them: CloudEvents' SDK and AsyncAPI's parser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from nbincoming.core.events import EVENT_TYPE
from nbincoming.core.gateway import Rules
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.model import Spec
from nbincoming.export.events import NoEventError, asyncapi, cloud_event, example_events
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.review.replay import example_request
from tests.core.strategies import documents
from tests.export import node
from tests.export.making import published
from tests.samples import making

PARSE = """
const {Parser} = require("@asyncapi/parser");
const text = require("fs").readFileSync(process.argv[1], "utf8");
new Parser().parse(text).then(({document, diagnostics}) => {
  const found = diagnostics.filter(each => each.severity < 2).map(each => each.message);
  const operations = document ? document.operations().all().map(each => each.action()) : [];
  console.log(JSON.stringify({found, operations}));
});
"""


def parsed(document: dict[str, Any], folder: Path) -> Any:
    """Let AsyncAPI's own parser read a document; return errors and warnings, and operations."""
    path = folder / "asyncapi.json"
    path.write_text(json_text(document))
    done = node.run(PARSE, str(path))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_by_sdk(data: dict[str, Any]) -> Any:
    """Read a CloudEvent, delivered in structured mode, by the SDK."""
    message = HTTPMessage(
        {"content-type": "application/cloudevents+json"}, json_text(data).encode()
    )
    return from_http_event(message)


# --- CloudEvents ---------------------------------------------------------------------


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


# --- AsyncAPI ------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [published(), published(triggers=[]), making.spec()])
def test_the_parser_takes_it(spec: Spec, tmp_path: Path) -> None:
    """No error and no warning that matters; one operation, which sends."""
    found = parsed(asyncapi(spec), tmp_path)
    assert found["found"] == []
    assert found["operations"] == ["send"]


def test_the_parser_refuses_another(tmp_path: Path) -> None:
    """The parser is one: an unknown action is found."""
    broken = asyncapi(published())
    broken["operations"]["deliver"]["action"] = "sendd"
    assert parsed(broken, tmp_path)["operations"] == []


def test_the_payload_describes_every_event() -> None:
    """The examples' events are valid under it, and so is one of tomorrow."""
    spec = published()
    message = asyncapi(spec)["components"]["messages"]["accepted"]
    validator = Draft202012Validator(message["payload"])
    events = [event.cloud_event() for event in example_events(spec)]
    other = {**events[0], "data": {"body": [1], "headers": {"x": ["a", "b"]}}}
    assert [list(map(str, validator.iter_errors(each))) for each in (*events, other)] == [
        [] for _ in (*events, other)
    ]
    assert not validator.is_valid({**events[0], "type": "another"})
