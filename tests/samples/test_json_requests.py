"""Requests as other systems write them as JSON objects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.samples.reading import NOW_MS, problems, read

#: As n8n's webhook node shows its output.
N8N: dict[str, Any] = {
    "headers": {"host": "n8n.example.com", "content-type": "application/json", "x-event": "a"},
    "params": {},
    "query": {"token": "sesame"},
    "body": {"id": 12345678901234567890},
    "webhookUrl": "https://n8n.example.com/webhook/x",
    "executionMode": "production",
}

#: As API Gateway passes it to a function, version 1 of its format.
GATEWAY: dict[str, Any] = {
    "resource": "/in",
    "path": "/in",
    "httpMethod": "POST",
    "headers": {"Content-Type": "application/json", "X-A": "2"},
    "multiValueHeaders": {"Content-Type": ["application/json"], "X-A": ["1", "2"]},
    "queryStringParameters": {"token": "sesame"},
    "requestContext": {"requestTimeEpoch": 1_718_010_930_250, "httpMethod": "POST"},
    "body": '{"id":  1}',
    "isBase64Encoded": False,
}

#: The same in version 2, which function URLs have, too.
GATEWAY_2: dict[str, Any] = {
    "version": "2.0",
    "rawPath": "/in",
    "headers": {"content-type": "application/json"},
    "requestContext": {"http": {"method": "PUT", "path": "/in"}, "timeEpoch": 5},
    "body": "eyJpZCI6IDF9",
    "isBase64Encoded": True,
}


@pytest.mark.parametrize("indent", [None, 2])
def test_an_export_of_n8n_is_its_requests(indent: int | None) -> None:
    """An array of them, as it is copied there, without the query."""
    found = read(json.dumps([N8N, {**N8N, "body": {}}], indent=indent))
    assert [each.body for each in found] == [b'{"id":12345678901234567890}', b"{}"]
    assert found[0].header(b"x-event") == [b"a"]
    assert found[0].received_at_ms == NOW_MS
    assert "sesame" not in repr(tuple(found[0]))


def test_one_object_with_headers_query_and_body_is_a_request() -> None:
    """On one line or on several."""
    for indent in (None, 2):
        (found,) = read(
            json.dumps({n: N8N[n] for n in ("headers", "query", "body")}, indent=indent)
        )
        assert found.body == b'{"id":12345678901234567890}'


def test_an_event_of_api_gateway_is_its_request() -> None:
    """Its body exactly, repeated headers, its own time."""
    (found,) = read(json.dumps(GATEWAY))
    assert found.body == b'{"id":  1}'
    assert found.header(b"x-a") == [b"1", b"2"]
    assert (found.method, found.received_at_ms) == ("POST", 1_718_010_930_250)
    assert "sesame" not in repr(tuple(found))


def test_a_body_in_base64_is_decoded() -> None:
    """Where the event says so."""
    (found,) = read(json.dumps(GATEWAY_2, indent=1))
    assert (found.body, found.method, found.received_at_ms) == (b'{"id": 1}', "PUT", 5)


def test_an_event_without_a_body_is_no_request() -> None:
    """A GET beside others."""
    got = {**GATEWAY, "httpMethod": "GET", "body": None}
    assert len(read(f"{json.dumps(got)}\n{json.dumps(GATEWAY)}")) == 1
    assert "It has no request" in problems(json.dumps(got))[0]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"body": {"a": 1}}, "body must be a text"),
        ({"isBase64Encoded": True}, "body must be Base64"),
        ({"requestContext": {"requestTimeEpoch": "now"}}, "The time in requestContext must be"),
        ({"httpMethod": 5}, "The method must be a text"),
        ({"multiValueHeaders": 5}, "headers must be an object"),
    ],
)
def test_a_damaged_event_is_a_problem(members: dict[str, Any], words: str) -> None:
    """By the member that is wrong."""
    assert words in problems(json.dumps({**GATEWAY, **members}))[0]


def test_a_batch_in_a_body_is_no_list_of_requests() -> None:
    """An array is one body unless each of its elements is a request."""
    text = json.dumps([N8N, {"id": 1}])
    assert [each.body.decode() for each in read(text)] == [text]
