"""Requests from a text or a file, in whichever format it is."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbincoming.core.auth.schemes import NoAuthorization
from nbincoming.core.events import EVENT_TYPE
from nbincoming.core.gateway import Rules
from nbincoming.core.request.reading import DEFAULT_LIMITS, decode
from nbincoming.core.request.values import json_text, same
from nbincoming.errors import SamplesError
from nbincoming.export.example import EXAMPLE_BODY
from nbincoming.export.shell import curl
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.samples.request_files import MAX_BYTES, json_bodies, read_request_file
from tests.core.strategies import documents
from tests.samples.making import NOW_MS, candidate, request, spec
from tests.samples.reading import ENTRY, har, problems, read


def test_our_own_curl_command_comes_back() -> None:
    """What the wizard copies can be pasted into it."""
    (found,) = read(curl("http://127.0.0.1:1/x", NoAuthorization()))
    assert found.body == json_text(EXAMPLE_BODY).encode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("curl http://x", "line 1: This command sends no body"),
        ("\ncurl -d @x http://x", "line 2: '@x' reads the body from a file"),
    ],
)
def test_a_bad_command_is_named(text: str, words: str) -> None:
    """By the line that it starts in."""
    assert words in problems(text)[0]


@pytest.mark.parametrize("text", ["", " \n", b"", b"\xef\xbb\xbf"])
def test_nothing_is_a_problem(text: str | bytes) -> None:
    """The answer says what to write."""
    assert "It has no request" in problems(text)[0]


def test_a_compressed_file_is_read() -> None:
    """And a byte order mark is passed over."""
    assert len(read(gzip.compress(b'\xef\xbb\xbf{"a": 1}\n{"a": 2}'))) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x1f\x8bnot gzip", "gzip compression is damaged"),
        (b'{"a": 1}\n\xff', "line 2: This is not UTF-8"),
        (gzip.compress(b" " * (MAX_BYTES + 1)), "more than 67,108,864 bytes"),
    ],
)
def test_a_bad_file_is_a_problem(content: bytes, words: str) -> None:
    """Damaged, of another encoding, or too large once it is unpacked."""
    assert words in problems(content)[0]


def test_a_format_can_be_given_and_must_be_known() -> None:
    """Where the text does not tell it."""
    assert (
        "'yaml' is not a format. Choose one of 'bodies', 'requests', 'har', 'curl'"
        in problems("{}", format="yaml")[0]
    )
    assert "It has no curl command" in problems("{}", format="curl")[0]


@given(text=st.text() | st.sampled_from([har(ENTRY), "curl -d a x"]).flatmap(
    lambda text: st.integers(0, len(text)).map(lambda end: text[:end])))  # fmt: skip
def test_no_text_fails_otherwise(text: str) -> None:
    """Whatever is pasted, there are requests or problems."""
    found: object = None
    with suppress(SamplesError):
        found = read(text)
    assert found is None or found


def test_a_problem_does_not_quote_a_secret() -> None:
    """Nor any other line: what is pasted may hold tokens."""
    assert "sesame" not in "".join(problems('{"token": "sesame"\n'))


PIECES = [
    "curl ", "-d ", "'{}'", "--json ", "-H ", '"A: b"', "$'\\n'", "http://x", "\\\n", "\n", "\x00",
    "\ud800", "{", "}", "[", "]", ":", ",", "null", "1e999", "@file", har(ENTRY),
    '{"body":1,"received_at":"x"}', '{"body":{},"headers":{"a":["b",1]}}', '{"body":{},"method":1}',
    '{"body":{},"received_at_ms":-1}', '{"log":{"entries":[{"startedDateTime":5,"request":{}}]}}',
    '{"log":{"entries":[{"request":{"headers":[{"name":1}],"postData":{"text":"{}"}}}]}}',
    '{"isBase64Encoded":true,"headers":null,"body":"x"}', '[{"body":1,"method":"POST"}]',
    '{"type":"nbincoming.request.accepted","data":{"body":5,"headers":[]},"time":"9"}',
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_no_text_of_such_pieces_fails_otherwise(text: str) -> None:
    """Also where each piece by itself would be something."""
    found: object = None
    with suppress(SamplesError):
        found = read(text)
    assert found is None or found


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('\n{"body": {}, "headers": {},\n"received_at": "x"}', "line 1"),
        ("curl http://x\ncurl -H \ud800", "line 2"),
    ],
)
def test_what_spans_lines_has_a_place_too(text: str, place: str) -> None:
    """One value over several lines, and a text that is none."""
    with pytest.raises(SamplesError) as caught:
        read(text)
    assert caught.value.problems[0].place == place


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
    (read,) = read_request_file(path)
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
    assert json_bodies(read_request_file(path), DEFAULT_LIMITS) == bodies


def test_without_times_all_came_at_the_epoch(tmp_path: Path) -> None:
    """A comparison gives the same result tomorrow; packed files are unpacked."""
    path = tmp_path / "history.jsonl.gz"
    path.write_bytes(
        gzip.compress(b'{"body": [1]}\n{"body": [2], "method": "POST", "received_at_ms": 5}\n')
    )
    assert [each.received_at_ms for each in read_request_file(path)] == [0, 5]


def test_what_would_be_refused_has_no_body(tmp_path: Path) -> None:
    """Schemas are inferred from the others."""
    path = tmp_path / "history.jsonl"
    path.write_text('{"body": "{", "method": "POST"}\n{"body": {"a": 1}}\n')
    assert json_bodies(read_request_file(path), DEFAULT_LIMITS) == [{"a": 1}]


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    """By its number."""
    path = tmp_path / "history.jsonl"
    path.write_text('{"body": [1]}\n{\n')
    with pytest.raises(SamplesError, match="line 2"):
        read_request_file(path)
