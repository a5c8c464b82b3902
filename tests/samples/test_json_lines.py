"""Requests from JSON lines: bodies, or whole requests."""

from __future__ import annotations

import json

import pytest

from nbincoming.export.example import EXAMPLE_BODY
from nbincoming.samples.request_files import MOST_PROBLEMS
from tests.samples.reading import NOW_MS, problems, read


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


def test_a_member_called_body_makes_no_request() -> None:
    """Bodies have one, too; headers or a method make the difference."""
    lines = ['{"body": "hello"}', '{"body": {"a": 1}, "received_at": "2024-06-10"}']
    found = read("\n".join(lines))
    assert [each.body.decode() for each in found] == lines
    assert [each.received_at_ms for each in found] == [NOW_MS, NOW_MS]


@pytest.mark.parametrize(
    "body",
    [
        '{"body": "Hello", "headers": "From: me"}',
        '{"body": [[1, 2]], "headers": ["Name", "Age"]}',
        '{"body": [[1, 2]], "headers": []}',
        '{"body": "Hello", "headers": {"Customer name": "Jane"}}',
        '{"body": "Hello", "headers": {"size": 2}}',
        '{"body": "Hello", "headers": {"From": "me"}, "subject": "Hi"}',
        '{"body": "Hello", "method": "card"}',
        '{"body": "Hello", "method": ["POST"]}',
    ],
)
def test_what_cannot_be_headers_or_a_method_makes_no_request(body: str) -> None:
    """A table, a mail and a payment are bodies."""
    assert [each.body.decode() for each in read(body)] == [body]


def test_a_method_makes_a_request() -> None:
    """So a request without headers can be written."""
    (found,) = read('{"body": {"a": 1}, "method": "PUT", "received_at_ms": 5}')
    assert (found.method, found.body, found.received_at_ms) == ("PUT", b'{"a":1}', 5)


def test_one_request_makes_the_others_clear() -> None:
    """Beside a request, an object that may be one is one."""
    found = read('{"body": [1]}\n{"body": [2], "headers": {}}')
    assert [each.body for each in found] == [b"[1]", b"[2]"]


def test_bodies_and_requests_in_one_text_are_refused() -> None:
    """Nobody guesses; the message says how to tell."""
    (found,) = problems('{"a": 1}\n\n{"body": {}, "method": "POST"}')
    assert found == (
        "line 1: This is a body, but line 3 is a whole request. Split the text, or say which they "
        "are by format='bodies' or format='requests'."
    )


def test_the_format_decides_what_a_line_is() -> None:
    """Whatever its members are."""
    line = '{"body": "hello", "headers": {"X-A": "1"}}'
    assert [each.body.decode() for each in read(line, format="bodies")] == [line]
    (found,) = read('{"body": {"a": 1}, "more": 2}', format="requests")
    assert found.body == b'{"a":1}'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{'a': 1}", "line 2: This is not JSON"),
        ("5", "line 2: A request must be an object with the member body"),
        ('{"a": 1}', "line 2: A request must have the member body"),
        ('[{"body": {}}, 5]', "line 2, element 1: A request must be an object"),
        ('{"body": {}, "headers": 5}', "line 2: headers must be an object"),
        ('{"body": {}, "headers": {"a": 5}}', "line 2: A header must be a text, but it is 5"),
        ('{"body": {}, "received_at": "yesterday"}', "line 2: received_at must be a date"),
        ('{"body": {}, "received_at_ms": "5"}', "line 2: received_at_ms must be a whole number"),
    ],
)
def test_a_bad_line_is_named(line: str, words: str) -> None:
    """All of them at once, by their numbers."""
    found = problems(f'{{"body": 1}}\n{line}\n{{"body": 1}}\n{{', format="requests")
    assert words in found[0]
    assert found[1].startswith("line 4: ")


def test_a_file_of_another_kind_has_not_a_thousand_problems() -> None:
    """The first ones say enough."""
    found = problems("nonsense\n" * 1_000)
    assert len(found) == MOST_PROBLEMS + 1
    assert "980 more" in found[-1]
