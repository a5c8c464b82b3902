"""Recorded requests, out of a file."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from nbincoming.core.events import EVENT_TYPE
from nbincoming.core.gateway import Rules
from nbincoming.core.request.reading import (
    DEFAULT_LIMITS,
    decode,
)
from nbincoming.core.request.values import json_text, same
from nbincoming.errors import SamplesError
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.review.recorded import bodies_of, read_history
from tests.core.strategies import documents
from tests.samples.making import NOW_MS, candidate, request, spec


@given(body=documents)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_event_of_a_sink_is_its_request_again(body: Any, tmp_path: Path) -> None:
    """Body, headers and time survive the CloudEvent, exactly."""
    inbox = MemoryInbox()
    made = request(body, {"X-A": "ż"})
    inbox.claim([candidate(made)])
    ((_, event),) = inbox.events()
    path = tmp_path / "events.jsonl"
    path.write_text(json_text(event.cloud_event()) + "\n", encoding="utf-8")
    (read,) = read_history(path)
    assert same(decode(read.body), decode(made.body))
    assert read.received_at_ms == NOW_MS
    assert Rules(spec()).consider(read).parameters.headers == {
        "content-type": "application/json", "x-a": "ż",
    }  # fmt: skip


def test_an_event_of_somebody_else_is_a_body(tmp_path: Path) -> None:
    """A sender may post CloudEvents, and even call them as we do."""
    path = tmp_path / "events.jsonl"
    bodies = [{"type": "com.example", "data": {"body": 1, "headers": {}}}, {"type": EVENT_TYPE}]
    path.write_text("".join(json_text(each) + "\n" for each in bodies))
    assert bodies_of(read_history(path), DEFAULT_LIMITS) == bodies


def test_without_times_all_came_at_the_epoch(tmp_path: Path) -> None:
    """A comparison gives the same result tomorrow; packed files are unpacked."""
    path = tmp_path / "history.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"body": [1]}\n{"body": [2], "received_at_ms": 5}\n'))
    assert [each.received_at_ms for each in read_history(path)] == [0, 5]


def test_what_would_be_refused_has_no_body(tmp_path: Path) -> None:
    """Schemas are inferred from the others."""
    path = tmp_path / "history.jsonl"
    path.write_text('{"body": "{"}\n{"body": {"a": 1}}\n')
    assert bodies_of(read_history(path), DEFAULT_LIMITS) == [{"a": 1}]


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    """By its number."""
    path = tmp_path / "history.jsonl"
    path.write_text('{"body": [1]}\n{\n')
    with pytest.raises(SamplesError, match="line 2"):
        read_history(path)
