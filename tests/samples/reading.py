"""Reading requests from a text, for the tests of each format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nbincoming.core.request.message import Request
from nbincoming.errors import SamplesError
from nbincoming.samples.request_files import read_requests

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
