"""A redacted request keeps what decides, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from nbincoming.core.examples import expectation
from nbincoming.core.gateway import Rules
from nbincoming.core.request.flattening import flatten
from nbincoming.core.request.message import Request
from nbincoming.core.request.reading import decode
from nbincoming.core.spec.model import Spec
from nbincoming.review.redaction import REDACTED, redact
from tests.samples.making import COMPLAINT, judged_requests, request, spec, triggered, when


def redacted(body: Any, judge: Spec, headers: dict[str, str] | None = None) -> Any:
    """Redact a request and return its body."""
    found = redact(request(body, headers), judge)
    assert found is not None
    return decode(found.body)


def test_what_decides_nothing_is_replaced() -> None:
    """Texts and numbers go; names, kinds, true, false and null stay."""
    assert redacted(COMPLAINT, spec()) == {
        "id": REDACTED,
        "priority": REDACTED,
        "total": 0,
        "customer": {"name": REDACTED, "email": REDACTED, "vip": True, "note": None},
        "lines": [{"sku": REDACTED, "name": REDACTED}] * 2,
    }


def test_what_a_key_reads_stays() -> None:
    """The key of an example is the one that the request had."""
    found = redacted(COMPLAINT, spec(deduplication={"parameters": ["body.id", "body.customer"]}))
    assert (found["id"], found["customer"]) == ("cmp-1", COMPLAINT["customer"])
    assert found["priority"] == REDACTED


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        (when("body.priority", "equals", "high"), {"body.priority"}),
        (when("body.priority", "equals", {"parameter": "body.id"}), {"body.priority", "body.id"}),
        ({"not": when("body.lines[1].sku", "equals", "x")}, {"body.lines[1].sku"}),
        (when("body.total", "greater_than", 5), {"body.total"}),
        (
            when("body.lines", "any_element", when("body.lines[*].sku", "equals", "x")),
            {"body.lines[0].sku", "body.lines[1].sku"},
        ),
        (when("body.customer", "exists"), set()),
        (when("body.customer.email", "is_not_null"), set()),
        (when("body.customer.email", "is_not_empty"), set()),
        (when("body.lines", "length_equals", 2), set()),
        (when("body.lines", "no_element", when("body.lines[*].name", "missing")), set()),
        (
            when("body.lines", "length_equals", {"parameter": "body.total"}),
            {"body.total"},
        ),
    ],
)  # fmt: skip
def test_a_condition_keeps_just_the_values_that_it_compares(
    condition: dict[str, Any], kept: set[str]
) -> None:
    """To ask whether something is there, or how many, no value is needed."""
    before, after = flatten(COMPLAINT), flatten(redacted(COMPLAINT, triggered(condition)))
    changed = {label for label in before if before[label] != after[label]}
    replaceable = {label for label, value in before.items() if type(value) in (str, int)}
    assert changed == replaceable - kept


def test_an_empty_text_stays_empty() -> None:
    """It tells nothing of anybody, and conditions may ask for it."""
    assert redacted({"a": "", "b": "x"}, spec()) == {"a": "", "b": REDACTED}


def test_headers_are_redacted_like_the_body() -> None:
    """Those that decide stay; credentials and what tells of the network go."""
    judge = triggered(when("headers.x-event", "equals", "new"))
    found = redact(
        request(
            {},
            {
                "Host": "10.0.0.7", "Authorization": "Bearer sesame", "X-Event": "new",
                "User-Agent": "Jane's script", "X-Empty": "",
            },
        ),
        judge,
    )  # fmt: skip
    assert found is not None
    assert found.headers == (
        (b"content-type", b"application/json"),
        (b"x-event", b"new"),
        (b"user-agent", REDACTED.encode()),
        (b"x-empty", b""),
    )


def test_a_repeated_header_that_is_read_in_part_stays() -> None:
    """Its values are told apart by their places, so all of them are kept."""
    made = request({})
    made = Request(
        "POST", "/", (*made.headers, (b"X-Tag", b"a"), (b"X-Tag", b"b")), b"{}", made.received_at_ms
    )
    judge = triggered(when("headers.x-tag[1]", "equals", "b"))
    found = redact(made, judge)
    assert found is not None
    assert [value for name, value in found.headers if name == b"x-tag"] == [b"a", b"b"]


@pytest.mark.parametrize("body", [b"{", b"1", b"\xff"])
def test_what_is_not_json_cannot_be_redacted(body: bytes) -> None:
    """Nobody can tell what is in it, so it is left out."""
    assert redact(request(body), spec()) is None


def test_a_header_that_is_not_utf_8_cannot_be_kept() -> None:
    """A spec is text, so such a request is left out."""
    made = request({})
    headers = (*made.headers, (b"X-Event", b"\xff"))
    judge = triggered(when("headers.x-event", "exists"), when("headers.x-event", "equals", "a"))
    made = Request("POST", "/", headers, b"{}", made.received_at_ms)
    assert redact(made, judge) is None


@given(judged=judged_requests())
@settings(max_examples=100)
def test_a_redacted_request_has_the_same_outcome(judged: tuple[Request, Spec, set[str]]) -> None:
    """Whatever the body and the spec: outcome, triggers and key are as they were."""
    made, judge, _ = judged
    found = redact(made, judge)
    assert found is not None
    assert expectation(found, Rules(judge)) == expectation(made, Rules(judge))


@given(judged=judged_requests())
@settings(max_examples=100)
def test_nothing_is_left_that_no_condition_reads(judged: tuple[Request, Spec, set[str]]) -> None:
    """Every text and number that decides nothing is replaced, names and kinds are not."""
    made, judge, read = judged
    found = redact(made, judge)
    assert found is not None
    before, after = flatten(decode(made.body)), flatten(decode(found.body))
    assert list(before) == list(after)
    for label, value in after.items():
        assert type(value) is type(before[label]) or value == 0
        if label not in read:
            assert value in ("", REDACTED, 0, True, False, None, [], {})
