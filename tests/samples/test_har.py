"""Requests from HAR files."""

from __future__ import annotations

import pytest

from tests.samples.reading import ENTRY, har, problems, read


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
        (har(), "No entry has a body"),
        (har(5), "log.entries[0]: An entry must have an object named request"),
        (har({**ENTRY, "startedDateTime": "x"}), "log.entries[0]: startedDateTime must be a date"),
        ('{"log": {"entries": {}}}', "log.entries: A HAR file must have a list"),
    ],
)
def test_a_bad_har_says_where(text: str, words: str) -> None:
    """The entry's place, as the file has it."""
    assert words in problems(text)[0]
