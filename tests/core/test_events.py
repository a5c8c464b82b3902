"""The event that an accepted request becomes, and its form as a CloudEvent."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbincoming.core.events import (
    Event,
    event_id,
    event_of,
    join_triggers,
    split_triggers,
    utc_text,
)
from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import Candidate
from nbincoming.core.request.message import Request
from nbincoming.core.request.reading import decode
from nbincoming.core.request.values import json_text, same
from nbincoming.core.spec.model import Spec
from tests.core.strategies import documents, texts

INTEGRATION = "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d"
KEY = hashlib.sha256(b"key").hexdigest()
NOW_MS = 1_718_010_930_123

EVENT = Event(
    id="c0ffee",
    integration=INTEGRATION,
    version=3,
    key=KEY,
    triggers=("urgent", "vip"),
    received_at_ms=NOW_MS,
    headers={"content-type": "application/json", "x-event": ["a", "b"]},
    body=b'{"complaint":{"id":12345678901234567890,"total":0.10}}',
)


def candidate(
    body: bytes = b"{}", headers: dict[str, str] | None = None, **changes: Any
) -> Candidate:
    """Make what a request becomes before it is claimed."""
    raw = [(b"Content-Type", b"application/json")]
    raw += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    request = Request("POST", "/x", tuple(raw), body, NOW_MS)
    made = Rules(Spec(name="x", endpoint=INTEGRATION, version=3)).consider(request)
    return made._replace(**changes)


# --- the CloudEvents form ------------------------------------------------------------


def test_an_event_is_a_cloud_event() -> None:
    """Its members are those of CloudEvents 1.0 and two extensions, each with its value."""
    assert EVENT.cloud_event() == {
        "specversion": "1.0",
        "id": "c0ffee",
        "source": f"urn:nbincoming:integration:{INTEGRATION}",
        "type": "nbincoming.request.accepted",
        "time": "2024-06-10T09:15:30.123Z",
        "datacontenttype": "application/json",
        "nbiversion": 3,
        "nbitriggers": "urgent,vip",
        "data": {
            "body": {"complaint": {"id": 12345678901234567890, "total": Decimal("0.10")}},
            "headers": {"content-type": "application/json", "x-event": ["a", "b"]},
        },
    }


def test_the_names_of_attributes_are_as_the_standard_wants_them() -> None:
    """Attributes are named by lower-case letters and digits, at most 20 of them."""
    names = [name for name in EVENT.cloud_event() if name != "data"]
    assert [name for name in names if not re.fullmatch("[a-z0-9]{1,20}", name)] == []


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_no_required_attribute_is_empty(name: str) -> None:
    """What the standard requires is a text that is not empty."""
    value = EVENT.cloud_event()[name]
    assert isinstance(value, str)
    assert value


@given(names=st.lists(texts.filter(bool), max_size=5))
def test_names_of_triggers_are_told_apart(names: list[str]) -> None:
    """Whatever the names hold, commas included, they are read back as they were."""
    text = join_triggers(names)
    assert split_triggers(text) == tuple(names)
    assert re.fullmatch(r"[A-Za-z0-9._~%,-]*", text)


def test_a_comma_in_a_trigger_is_escaped() -> None:
    """One trigger with a comma in its name does not read like two."""
    one = dataclasses.replace(EVENT, triggers=("a,b",)).cloud_event()
    two = dataclasses.replace(EVENT, triggers=("a", "b")).cloud_event()
    assert (one["nbitriggers"], two["nbitriggers"]) == ("a%2Cb", "a,b")


def test_without_triggers_the_attribute_is_left_out() -> None:
    """The standard has no empty attributes."""
    assert "nbitriggers" not in dataclasses.replace(EVENT, triggers=()).cloud_event()


@given(document=documents)
@settings(max_examples=100)
def test_the_data_is_the_body_exactly(document: Any) -> None:
    """Written as JSON and read again, the body has each digit that the sender wrote."""
    event = event_of(candidate(json_text(document).encode()), "id")
    written = decode(json_text(event.cloud_event()).encode())
    assert same(written["data"]["body"], document)


@pytest.mark.parametrize(
    "body",
    [b"[" * 100 + b"1" + b"]" * 100, b"[%s]" % b",".join([b"1"] * 20_000)],
    ids=["deep", "wide"],
)
def test_what_a_generous_spec_accepted_is_an_event(body: bytes) -> None:
    """A body beyond the default limits, let in by its spec's own, is written in full."""
    spec = Spec(name="x", endpoint=INTEGRATION, max_depth=120, max_parameters=30_000)
    headers = ((b"Content-Type", b"application/json"),)
    made = Rules(spec).consider(Request("POST", "/", headers, body, NOW_MS))
    data: Any = event_of(made, "id").cloud_event()["data"]
    assert data["body"] == json.loads(body)


# --- what an event holds -------------------------------------------------------------


def test_an_event_is_what_the_candidate_was() -> None:
    """Integration, version, key, triggers, time, headers and raw body are carried over."""
    made = candidate(b'{ "a" : 1 }', {"X-Event": "new"}, key=KEY, triggers=("urgent",))
    assert event_of(made, "the-id") == Event(
        id="the-id",
        integration=INTEGRATION,
        version=3,
        key=KEY,
        triggers=("urgent",),
        received_at_ms=NOW_MS,
        headers={"content-type": "application/json", "x-event": "new"},
        body=b'{ "a" : 1 }',
    )


@pytest.mark.parametrize(
    "name",
    ["Authorization", "Cookie", "X-Hub-Signature-256", "X-Api-Key", "webhook-signature", "X-Token"],
)
def test_headers_with_credentials_stay_behind(name: str) -> None:
    """A header that carries credentials is in no event, not even masked."""
    event = event_of(candidate(headers={name: "sesame"}), "id")
    assert list(event.headers) == ["content-type"]
    assert "sesame" not in repr(event)


# --- its id ----------------------------------------------------------------------------


def test_an_event_id_never_changes() -> None:
    """Receivers remember ids, so this one is for good."""
    assert event_id(INTEGRATION, KEY, NOW_MS) == "c2fccde5b33e68a962b22289def15cb6"


@given(
    one=st.tuples(texts, texts, st.integers(0, 10**15)),
    other=st.tuples(texts, texts, st.integers(0, 10**15)),
)
def test_equal_makings_have_equal_ids(
    one: tuple[str, str, int], other: tuple[str, str, int]
) -> None:
    """Two ids are equal where integration, key and first claim are, and only there."""
    uuid = [hashlib.sha256(name.encode()).hexdigest() for name, _, _ in (one, other)]
    keys = [hashlib.sha256(key.encode()).hexdigest() for _, key, _ in (one, other)]
    ids = [event_id(uuid[0], keys[0], one[2]), event_id(uuid[1], keys[1], other[2])]
    assert (ids[0] == ids[1]) == (one == other)


# --- its time --------------------------------------------------------------------------


@given(ms=st.integers(0, 253_402_300_799_999))
def test_a_time_is_read_back(ms: int) -> None:
    """A time in ISO 8601 is the millisecond that it was, in UTC."""
    text = utc_text(ms)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    moment = datetime.fromisoformat(text)
    assert round(moment.timestamp() * 1000) == ms
