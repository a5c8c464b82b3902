"""Golden examples: redacted, and still with the outcome that they must have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbincoming.core.flattening import flatten
from nbincoming.core.gateway import Accepted, Rules
from nbincoming.core.message import Request
from nbincoming.core.parameters import decode
from nbincoming.core.spec import Spec, read_spec
from nbincoming.history.examples import MAX_EXAMPLES, REDACTED, choose_examples, redact
from nbincoming.history.replay import check_examples, expectation
from nbincoming.history.samples import Samples
from tests.core.strategies import documents
from tests.history.making import candidate, request, samples, spec

COMPLAINT = {
    "id": "cmp-1",
    "priority": "high",
    "total": 12,
    "customer": {"name": "Jane", "email": "jane@example.com", "vip": True, "note": None},
    "lines": [{"sku": "x", "name": "Lamp"}, {"sku": "y", "name": "Desk"}],
}


def when(parameter: str, operator: str, *value: Any) -> dict[str, Any]:
    """Write a condition."""
    leaf: dict[str, Any] = {"parameter": parameter, "operator": operator}
    return {**leaf, "value": value[0]} if value else leaf


def triggered(*conditions: dict[str, Any], **members: Any) -> Spec:
    """Make a spec with a trigger for each condition."""
    triggers = [{"name": f"t{n}", "when": each} for n, each in enumerate(conditions)]
    return spec(triggers=triggers, **members)


def redacted(body: Any, judge: Spec, headers: dict[str, str] | None = None) -> Any:
    """Redact a request and return its body."""
    found = redact(request(body, headers), judge)
    assert found is not None
    return decode(found.body)


# --- redaction -------------------------------------------------------------------------


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


def test_a_header_that_is_dropped_elsewhere_stays_where_it_decides() -> None:
    """A condition on the host keeps it."""
    judge = triggered(when("headers.host", "equals", "a.example"))
    (example,) = choose_examples(
        [Samples().add(request({}, {"Host": "a.example"}), Accepted("e"))], judge
    )
    assert ("host", "a.example") in example.headers
    assert example.outcome == "accepted"


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


@st.composite
def judged_requests(draw: st.DrawFn) -> tuple[Request, Spec, set[str]]:
    """A request, a spec that reads some of its parameters, and which these are."""
    body = draw(documents)
    flat = flatten(body)
    labels = st.lists(st.sampled_from(sorted(flat)), max_size=3, unique=True)
    keys, asked = draw(labels), draw(labels)
    conditions = []
    for label in asked:
        value = flat[label]
        match value:
            case str():
                conditions.append(when(label, draw(st.sampled_from(["equals", "contains"])), value))
            case bool():
                conditions.append(when(label, "is_true"))
            case None:
                conditions.append(when(label, "is_null"))
            case dict() | list():
                conditions.append(when(label, "is_empty"))
            case _:
                conditions.append(when(label, "less_than", draw(st.sampled_from([0, 1, value]))))
    if conditions and draw(st.booleans()):
        conditions = [{"any": conditions}]
    shape = draw(st.sampled_from(sorted(flat)))
    conditions.append(when(shape, draw(st.sampled_from(["exists", "is_empty", "is_not_null"]))))
    deduplication = {"parameters": keys} if keys else None
    return request(body), triggered(*conditions, deduplication=deduplication), {*keys, *asked}


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


# --- choosing ----------------------------------------------------------------------------


def test_there_is_one_example_for_each_outcome_and_set_of_triggers() -> None:
    """The first of each, named after what becomes of it."""
    judge = triggered(
        when("body.priority", "equals", "high"), when("body.total", "greater_than", 5)
    )
    kept = samples(
        {"priority": "high"}, {"priority": "high", "n": 2}, {"priority": "low"},
        {"priority": "high", "total": 9}, {"total": 9}, {"total": 8},
    )  # fmt: skip
    chosen = choose_examples(list(kept), judge)
    assert [example.name for example in chosen] == [
        "accepted-t0", "filtered", "accepted-t0-t1", "accepted-t1",
    ]  # fmt: skip
    assert json.loads(chosen[0].body) == {"priority": "high"}


def test_names_are_told_apart_where_triggers_read_the_same() -> None:
    """The triggers a and b together are not the trigger a-b, and the file can be read."""
    flags = {"a": "body.a", "b": "body.b", "a-b": "body.ab"}
    judge = spec(
        triggers=[{"name": name, "when": when(label, "is_true")} for name, label in flags.items()]
    )
    chosen = choose_examples(list(samples({"a": True, "b": True}, {"ab": True})), judge)
    assert [example.name for example in chosen] == ["accepted-a-b", "accepted-a-b-2"]
    made = judge.model_copy(update={"examples": chosen})
    assert read_spec(made.text()).examples == chosen


def test_the_number_of_examples_is_bounded() -> None:
    """However many sets of triggers there are, a person can look through the file."""
    labels = [f"f{number}" for number in range(MAX_EXAMPLES + 5)]
    judge = triggered(*(when(f"body.{label}", "exists") for label in labels))
    chosen = choose_examples(list(samples(*({label: 1} for label in labels))), judge)
    assert len(chosen) == MAX_EXAMPLES


def test_examples_agree_with_the_spec_they_are_for() -> None:
    """Whoever runs the spec finds each of them as it says."""
    judge = triggered(
        when("body.priority", "equals", "high"), deduplication={"parameters": ["body.id"]}
    )
    chosen = choose_examples(list(samples(COMPLAINT, {**COMPLAINT, "priority": "low"})), judge)
    assert len(chosen) == 2
    made = judge.model_copy(update={"examples": chosen})
    assert check_examples(made) == []
    assert check_examples(read_spec(made.text())) == []


def test_an_example_discloses_nobody() -> None:
    """No text of the request that decides nothing is in the file, nor any credential."""
    judge = triggered(when("body.priority", "equals", "high"))
    made = request(COMPLAINT, {"Authorization": "Bearer sesame", "X-From": "Jane"})
    kept = Samples().add(made, Accepted("e"), candidate(made, judge))
    text = judge.model_copy(update={"examples": choose_examples([kept], judge)}).text()
    assert "accepted-t0" in text
    for secret in ("Jane", "jane@example.com", "sesame", "Lamp", "cmp-1"):
        assert secret not in text


def test_a_sample_of_another_time_of_day_keeps_its_time() -> None:
    """Now is the time of receipt, so conditions on the clock hold as they did."""
    judge = triggered({**when("body.at", "matches_current", "day"), "type": "datetime"})
    (example,) = choose_examples(list(samples({"at": "2024-06-10T00:00:00Z"})), judge)
    assert example.outcome == "accepted"


@given(judged=judged_requests())
@settings(max_examples=100)
def test_whatever_was_captured_makes_a_spec_that_can_be_read(
    judged: tuple[Request, Spec, set[str]],
) -> None:
    """Examples never stand in the way of publishing."""
    made, judge, _ = judged
    chosen = choose_examples([Samples().add(made, Accepted("e"))], judge)
    assert len(chosen) == 1
    text = judge.model_copy(update={"examples": chosen}).text()
    assert check_examples(read_spec(text)) == []
