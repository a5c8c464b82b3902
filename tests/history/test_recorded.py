"""Requests out of files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from nbincoming.core.gateway import Rules
from nbincoming.core.parameters import DEFAULT_LIMITS, decode
from nbincoming.core.values import json_text, same
from nbincoming.errors import SpecError
from nbincoming.history.recorded import bodies_of, read_requests, requests_of
from nbincoming.inbox.memory import MemoryInbox
from tests.core.strategies import documents
from tests.history.making import NOW_MS, candidate, request, spec


@given(documents)
def test_an_event_of_a_sink_is_its_request_again(body: Any) -> None:
    """Body, headers and time survive the CloudEvent, exactly."""
    inbox = MemoryInbox()
    made = request(body, {"X-A": "ż"})
    inbox.claim([candidate(made)])
    ((_, event),) = inbox.events()
    (read,) = requests_of([json_text(event.cloud_event()).encode()])
    assert same(decode(read.body), decode(made.body))
    assert read.received_at_ms == NOW_MS
    assert Rules(spec()).consider(read).parameters.headers == {
        "content-type": "application/json", "x-a": "ż",
    }  # fmt: skip


def test_the_least_is_a_body() -> None:
    """Then it is JSON and came at the epoch; a text is the raw body, whatever it holds."""
    one, raw = requests_of([b'{"body": {"a": 1}}', b"", b'{"body": "{"}'])
    assert (one.body, one.received_at_ms) == (b'{"a":1}', 0)
    assert one.headers == ((b"content-type", b"application/json"),)
    assert raw.body == b"{"
    assert bodies_of([one, raw], DEFAULT_LIMITS) == [{"a": 1}]


def test_a_repeated_header_is_a_list() -> None:
    """And a content type of one's own is not added to."""
    line = {
        "body": [],
        "headers": {"X": ["a", "b"], "Content-Type": "text/plain"},
        "time": "2024-06-10",
    }
    (read,) = requests_of([json_text(line).encode()])
    assert read.headers == ((b"X", b"a"), (b"X", b"b"), (b"Content-Type", b"text/plain"))
    assert read.received_at_ms == 1_717_977_600_000


def test_a_packed_file_is_unpacked(tmp_path: Path) -> None:
    """By its name."""
    path = tmp_path / "history.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"body": [1]}\n{"body": [2], "received_at_ms": 5}\n'))
    assert [each.received_at_ms for each in read_requests(path)] == [0, 5]


def test_every_bad_line_is_named(tmp_path: Path) -> None:
    """All at once, by their numbers, with what to write."""
    path = tmp_path / "history.jsonl"
    path.write_text('{\n[]\n{"a": 1}\n{"body": 1, "headers": []}\n{"body": 1, "time": "x"}\n'
                    '{"body": 1, "headers": {"a": 1}}\n{"body": [1]}\n')  # fmt: skip
    with pytest.raises(SpecError, match=str(path)) as caught:
        read_requests(path)
    assert [problem.place for problem in caught.value.problems] == [
        f"line {n}" for n in range(1, 7)
    ]
