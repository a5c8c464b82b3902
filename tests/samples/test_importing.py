"""Requests from JSON lines, HAR files and curl commands."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.schemes import NoAuthorization
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import json_text
from nbincoming.errors import SamplesError
from nbincoming.export.example import EXAMPLE_BODY
from nbincoming.export.shell import curl
from nbincoming.samples.importing import MAX_BYTES, MOST_PROBLEMS, read_requests

NOW_MS = 1_718_000_000_000

#: An entry as Firefox and Chromium save them, cut to what a request has.
ENTRY: dict[str, Any] = {
    "startedDateTime": "2024-06-10T11:15:30.250+02:00",
    "time": 12.5,
    "request": {
        "method": "POST",
        "url": "https://hooks.example.com/in?token=sesame",
        "httpVersion": "HTTP/2",
        "headers": [
            {"name": ":authority", "value": "hooks.example.com"},
            {"name": "content-type", "value": "application/json"},
            {"name": "Authorization", "value": "Bearer sesame"},
        ],
        "queryString": [{"name": "token", "value": "sesame"}],
        "postData": {"mimeType": "application/json", "text": '{"id": 12345678901234567890}'},
    },
    "response": {"status": 200},
}


def har(*entries: Any) -> str:
    """Write a HAR file."""
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "x"}, "entries": entries}})


def read(text: str | bytes, **options: Any) -> list[Request]:
    """Read requests, now."""
    return read_requests(text, now_ms=NOW_MS, **options)


def problems(text: str | bytes, **options: Any) -> list[str]:
    """Read the problems of a text."""
    with pytest.raises(SamplesError) as caught:
        read(text, **options)
    return [str(each) for each in caught.value.problems]


# --- JSON lines ------------------------------------------------------------------------


def test_each_line_is_a_body_as_it_is_written() -> None:
    """Numbers and white space within a line stay; empty lines are nothing."""
    found = read('{"id": 12345678901234567890, "n": 1.0}\n\n[1]\r\n')
    assert [each.body for each in found] == [b'{"id": 12345678901234567890, "n": 1.0}', b"[1]"]
    assert found[0].headers == ((b"Content-Type", b"application/json"),)
    assert found[0].received_at_ms == NOW_MS


def test_a_line_may_be_a_whole_request() -> None:
    """Headers as an object or as pairs, a body as JSON or as its text, and a time."""
    first = {"headers": {"X-A": ["1", "2"]}, "body": {"a": 1}, "received_at_ms": 5}
    second = {"headers": [["X-A", "1"]], "body": '{"a":  1}', "received_at": "1970-01-01T00:00:01Z"}
    found = read(json.dumps(first) + "\n" + json.dumps(second))
    assert found[0].headers == ((b"X-A", b"1"), (b"X-A", b"2"))
    assert [each.received_at_ms for each in found] == [5, 1000]
    assert [each.body for each in found] == [b'{"a":1}', b'{"a":  1}']


def test_an_object_with_a_body_and_more_is_a_body() -> None:
    """Only what has the members of a request and no others is one."""
    (found,) = read('{"body": "Hello", "subject": "x"}')
    assert found.body == b'{"body": "Hello", "subject": "x"}'


def test_one_value_over_several_lines_is_one_body() -> None:
    """As an editor formats it."""
    (found,) = read(json.dumps(EXAMPLE_BODY, indent=2))
    assert json.loads(found.body) == EXAMPLE_BODY


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{'a': 1}", "line 2: This is not JSON"),
        ('{"body": {}, "headers": 5}', "line 2: headers are an object"),
        ('{"body": {}, "headers": {"a": 5}}', "line 2: a header is a text"),
        ('{"body": {}, "received_at": "yesterday"}', "line 2: received_at is a date"),
        ('{"body": {}, "received_at_ms": "5"}', "line 2: received_at_ms is a whole number"),
    ],
)
def test_a_bad_line_is_named(line: str, words: str) -> None:
    """All of them at once, by their numbers."""
    found = problems(f'{{"a": 1}}\n{line}\n{{"b": 1}}\n{{')
    assert words in found[0]
    assert found[1].startswith("line 4: ")


def test_a_file_of_another_kind_has_not_a_thousand_problems() -> None:
    """The first ones say enough."""
    found = problems("nonsense\n" * 1_000)
    assert len(found) == MOST_PROBLEMS + 1
    assert "980 more" in found[-1]


# --- HAR -------------------------------------------------------------------------------


def test_a_har_entry_is_a_request() -> None:
    """Body and headers exactly, its own time; neither HTTP/2's own headers nor the query."""
    (found,) = read(har(ENTRY))
    assert found.body == b'{"id": 12345678901234567890}'
    assert found.headers == (
        (b"content-type", b"application/json"), (b"Authorization", b"Bearer sesame"),
    )  # fmt: skip
    assert found.received_at_ms == 1_718_010_930_250
    assert "sesame" not in found.target


def test_entries_that_post_nothing_are_passed_over() -> None:
    """A page loads a hundred other things."""
    got = {"request": {"method": "GET", "url": "https://x", "headers": []}}
    assert len(read(har(got, ENTRY, got))) == 1


def test_a_body_in_base64_is_decoded() -> None:
    """As proxies write what is not text."""
    request = {**ENTRY["request"], "postData": {"text": "eyJhIjogMX0=", "encoding": "base64"}}
    (found,) = read(har({**ENTRY, "request": request}))
    assert found.body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (har(), "No entry of it posts a body"),
        (har(5), "log.entries[0]: An entry has an object named request"),
        (har({**ENTRY, "startedDateTime": "x"}), "log.entries[0]: startedDateTime is a date"),
        ('{"log": {"entries": {}}}', "log.entries: A HAR file has a list"),
    ],
)
def test_a_bad_har_says_where(text: str, words: str) -> None:
    """The entry's place, as the file has it."""
    assert words in problems(text)[0]


# --- curl ------------------------------------------------------------------------------


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


# --- all of them -----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " \n", b"", b"\xef\xbb\xbf"])
def test_nothing_is_a_problem(text: str | bytes) -> None:
    """The answer says what to write."""
    assert "There is no request in it" in problems(text)[0]


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
    assert "none of 'jsonl', 'har', 'curl'" in problems("{}", format="yaml")[0]
    assert "no curl command" in problems("{}", format="curl")[0]


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
        ('\n{"body": {},\n"received_at": "x"}', "line 1"),
        ("curl http://x\ncurl -H \ud800", "line 2"),
    ],
)
def test_what_spans_lines_has_a_place_too(text: str, place: str) -> None:
    """One value over several lines, and a text that is none."""
    with pytest.raises(SamplesError) as caught:
        read(text)
    assert caught.value.problems[0].place == place
