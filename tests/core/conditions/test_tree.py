"""What a spec may ask of a request, and what it may not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import TypeAdapter, ValidationError

from nbincoming.core.conditions.builder import P
from nbincoming.core.conditions.label import check_label
from nbincoming.core.conditions.operators import OPERATORS
from nbincoming.core.conditions.tree import (
    MAX_NESTING,
    All,
    AnyOf,
    Condition,
    ElementLeaf,
    Leaf,
    Not,
    leaves,
    referenced,
)
from nbincoming.core.problems import problems_of
from nbincoming.core.request.values import json_text, shorten
from nbincoming.errors import ConditionError, SpecError
from tests.core import naive, strategies

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def read(data: Any) -> Condition:
    """Read a condition from its JSON form."""
    return CONDITION.validate_python(data)


def problems(data: Any) -> list[str]:
    """List what is wrong with a condition's JSON form."""
    with pytest.raises(ValidationError) as caught:
        read(data)
    return [str(problem) for problem in problems_of(caught.value)]


def leaf(operator: str, *value: Any, **options: Any) -> dict[str, Any]:
    """Write a leaf on body.x."""
    data = {"parameter": "body.x", "operator": operator, **options}
    return {**data, "value": value[0]} if value else data


EXISTS = leaf("exists")


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(naive.conditions() | strategies.condition_data)
def test_a_condition_is_read_back_from_its_json(data: dict[str, Any]) -> None:
    """Written and read again, a condition is the same, and so is its text."""
    condition = read(data)
    again = read(condition.data())
    assert again == condition
    assert json_text(again.data()) == json_text(condition.data())


def test_the_json_form_holds_what_differs_from_the_default() -> None:
    """A leaf is written without value, type and case where it has none."""
    assert read(EXISTS).data() == EXISTS
    full = leaf("equals", "A", type="string", ignore_case=True)
    assert read(full).data() == full
    assert read(leaf("contains", None)).data() == leaf("contains", None)
    assert read(leaf("equals", {"parameter": 'body["y"]'})).data() == leaf(
        "equals", {"parameter": "body.y"}
    )
    element = {**leaf("any_element", {**EXISTS, "parameter": "body.x[*].y"}), "type": "array"}
    assert read(element).data() == element
    for group in ({"all": [EXISTS]}, {"any": [EXISTS, EXISTS]}, {"not": EXISTS}):
        assert read(group).data() == group


def test_a_label_becomes_canonical() -> None:
    """Two ways to write a label are one parameter."""
    assert read({**EXISTS, "parameter": 'body["x"][0]'}) == read(
        {**EXISTS, "parameter": "body.x[0]"}
    )
    assert check_label('body["a.b"]') == 'body["a.b"]'


@pytest.mark.parametrize(
    "label", ["headers", "headers.authorization", "headers.cookie", "headers.x-hub-signature-256",
              'headers["x-api-key"]', "headers.authorization[0]", "headers.Authorization",
              "headers.X-Api-Key", 'headers["X-Hub-Signature-256"]', "headers.COOKIE[0]"],
)  # fmt: skip
def test_no_condition_reads_credentials(label: str) -> None:
    """A condition that compares a secret would tell it, answer by answer."""
    assert "carries credentials" in problems({**EXISTS, "parameter": label})[0]
    assert "carries credentials" in problems(leaf("equals", {"parameter": label}))[0]


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: f"{row.name}-{row.type}")
def test_every_row_has_a_leaf(row: Any) -> None:
    """Each row of the table can be written, with its example for a value."""
    if row.operand == "condition":
        example = [{**EXISTS, "parameter": "body.x[*]"}]
    else:
        example = [] if row.operand == "none" else [row.example]
    condition = read(leaf(row.name, *example, type=row.type))
    assert isinstance(condition, Leaf | ElementLeaf)
    if isinstance(condition, Leaf):
        assert [found.type for found, _ in condition.rows()] == [row.type]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (leaf("equal", 5), "operator: 'equal' is not an operator. Did you mean equals"),
        (leaf("zzz", 5), "operator: 'zzz' is not an operator. Choose one of equals, "),
        (leaf("less_than"), "value: less_than needs a value. Add one."),
        (leaf("contains"), "value: contains needs a value. Add one."),
        (leaf("less_than", "5"), 'value: "5" is no value for less_than: write a number without'),
        (leaf("equals", None), "value: null is no value for equals: write a text in quotes; or "),
        (leaf("equals", True), "value: true is no value for equals: "),
        (leaf("exists", 5), "value: 5 is no value for exists: leave the value out."),
        (leaf("less_than", 5, type="string"), "value: less_than applies to number, not to string."),
        (leaf("equals", "x", type="array"), "value: equals applies to string or number or"),
        (leaf("equals", "x", type="datetime"), "write a date or date-time"),
        (leaf("in", "high"), "write a list of texts"),
        (leaf("in", []), "write a list of texts"),
        (leaf("between", [5, 1]), "write the lower one first; this range is empty"),
        (leaf("between", [1, 2, 3]), "a list of two, the lower and the upper; this has 3"),
        (leaf("in_last", "P1M"), "months and years have no fixed length."),
        (leaf("in_last", 7), "write a duration, such as 'P7D' or 'PT1H'."),
        (leaf("matches_current", "week"), "write 'hour', 'day', 'month' or 'year'."),
        (leaf("matches_current", ["day"]), "write 'hour', 'day', 'month' or 'year'."),
        (leaf("length_equals", -1), "write a whole number, 0 or more."),
        (leaf("length_equals", Decimal("1.5")), "write a whole number, 0 or more."),
        (leaf("contains", [5]), "write a text, a number, true, false or null."),
        (leaf("matches_regex", "("), "not a pattern in RE2 syntax (missing ): (); look-around"),
        (leaf("matches_regex", "(?=x)"), "look-around and back-references are not available"),
        (leaf("matches_regex", r"(a)\1"), "look-around and back-references are not available"),
        (leaf("matches_regex", "(x{1000}){1000}"), "not a pattern in RE2 syntax"),
        (leaf("matches_regex", "x" * 1_001), "write a pattern of at most 1,000 characters."),
        (leaf("matches_regex", 5), "write a pattern, such as"),
        (leaf("matches_regex", ""), "write a pattern, such as"),
        (leaf("exists", {"parameter": "body.y"}), "exists cannot take its value from another"),
        (leaf("matches_regex", {"parameter": "body.y"}), "matches_regex cannot take its value"),
        (leaf("equals", {"parameter": "nowhere"}), "value: 'nowhere' is not a parameter."),
        (leaf("equals", {"param": "body.y"}), 'value: Write another parameter as {"parameter": '),
        (leaf("equals", {"parameter": 5}), 'value: Write another parameter as {"parameter": '),
        (leaf("equals", float("nan")), "value: JSON has no number for nan. Write a text, number"),
        (leaf("equals", "\ud800"), "value: JSON text cannot contain a lone surrogate."),
        (leaf("equals", 10**5_000, type="string"), "write a text in quotes"),
        ({"parameter": "bod.x", "operator": "exists"}, "parameter: 'bod.x' is not a parameter."),
        ({"operator": "exists"}, "parameter: This field is required."),
        (leaf("exists", ignorecase=True), "ignorecase: This field is unknown."),
        (leaf("any_element"), "value: This field is required."),
        (leaf("any_element", 5), "value: Write a condition: "),
        (leaf("any_element", EXISTS), "This condition does not use the element."),
        (leaf("any_element", EXISTS, type="string"), "type: "),
        ({"all": []}, "all: This is empty, so it could never be true."),
        ({"any": []}, "any: This is empty, so it could never be true."),
        ({"not": {}}, "not.parameter: This field is required."),
        ({"all": [EXISTS], "any": [EXISTS]}, "any: This field is unknown."),
        ({"all": EXISTS}, "all: "),
        ("exists", 'Write a condition: {"parameter": '),
        (None, 'Write a condition: {"parameter": '),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_problem(data: Any, expected: str) -> None:
    """Each mistake is told at its place, with what to write."""
    assert expected in problems(data)[0]


def test_all_problems_are_told_at_once_each_with_its_place() -> None:
    """A form shows all its red fields."""
    data = {
        "all": [
            leaf("equal", 5),
            {"any": [EXISTS, leaf("less_than", "5")]},
            {"not": {**EXISTS, "parameter": "headers.cookie"}},
            leaf("any_element", {**EXISTS, "operator": "exist", "parameter": "body.x[*]"}),
        ]
    }
    assert [text.partition(":")[0] for text in problems(data)] == [
        "all[0].operator",
        "all[1].any[1].value",
        "all[2].not.parameter",
        "all[3].value.operator",
    ]


def nested(depth: int) -> dict[str, Any]:
    """Wrap a leaf in so many groups."""
    data: dict[str, Any] = EXISTS
    for level in range(depth):
        data = {"not": data} if level % 2 else {"all": [data]}
    return data


def test_groups_nest_to_a_limit() -> None:
    """Twenty levels can be read; more are refused where they begin, without a crash."""
    assert read(nested(MAX_NESTING)).data() == nested(MAX_NESTING)
    for depth in (MAX_NESTING + 1, 100):
        assert "nested deeper than 20 levels. Flatten it." in problems(nested(depth))[0]
    with pytest.raises(SpecError, match="nested deeper than 20 levels"):
        _ = ~read(nested(MAX_NESTING))


def test_conditions_combine_into_flat_groups() -> None:
    """a & b & c is one group of three, and | within & stays a group of its own."""
    a, b, c = P.body.a.exists(), P.body.b.exists(), P.body.c.exists()
    assert a & b & c == a & (b & c) == All(conditions=(a, b, c))
    assert a | b | c == a | (b | c) == AnyOf(conditions=(a, b, c))
    assert a & (b | c) == All(conditions=(a, AnyOf(conditions=(b, c))))
    assert (~a).condition == a
    assert ~~a == Not(condition=Not(condition=a))


def test_a_condition_has_no_truth_value() -> None:
    """`and`, `or` and `not` would drop half of what was meant, so they are refused."""
    a = P.body.a.exists()
    for wrong in (lambda: a and a, lambda: not a, lambda: [a] if a else []):
        with pytest.raises(ConditionError, match="Combine conditions by &"):
            wrong()


def test_a_condition_combines_with_conditions_only() -> None:
    """A forgotten pair of parentheses is told as that."""
    a = P.body.a == 1
    for wrong in (lambda: a & 5, lambda: a | "x", lambda: 1 & a if False else a & None):
        with pytest.raises(ConditionError, match="Put parentheses around each comparison"):
            wrong()


def test_a_condition_reads_as_a_sentence() -> None:
    """Its str is the sentence."""
    assert str(P.body.a == 1) == "body.a equals 1"


def test_a_condition_does_not_change() -> None:
    """Conditions are values: shared between drafts and versions, never changed in place."""
    condition = P.body.a == 1
    with pytest.raises(ValidationError, match="frozen"):
        condition.value = 2  # type: ignore[misc]


def test_leaves_and_labels_are_gathered_in_reading_order() -> None:
    """Each leaf, elements' included; each parameter that is read, references included."""
    condition = (P.body.a == P.body.b) & ~(
        P.body.c.any_element(lambda each: each.d > P.body.e) | P.headers["x-event"].exists()
    )
    assert [found.parameter for found in leaves(condition)] == [
        "body.a", "body.c", "body.c[*].d", "headers.x-event",
    ]  # fmt: skip
    assert referenced(condition) == {
        "body.a", "body.b", "body.c", "body.c[*].d", "body.e", "headers.x-event",
    }  # fmt: skip


def test_the_base_has_no_form_of_its_own() -> None:
    """Only the kinds of condition have a JSON form."""
    from nbincoming.core.conditions.tree import Node

    with pytest.raises(NotImplementedError):
        Node().data()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"), ("a", '"a"'), (Decimal("1.50"), "1.5"), ([1, "x"], '[1,"x"]'),
        ("x" * 60, '"' + "x" * 60 + '"'), ("x" * 61, '"' + "x" * 59 + '…"'),
        (10**70, "1e70"), (["x" * 9] * 9, '["' + '","'.join(["xxxxxxxxx"] * 5) + "…"),
    ],
)  # fmt: skip
def test_a_value_is_shown_on_one_line(value: Any, shown: str) -> None:
    """Values in messages are JSON, cut to 60 characters."""
    assert shorten(value) == shown
