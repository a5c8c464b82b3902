"""Conditions in words: the sentence, and why it did or did not hold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import TypeAdapter

from nbincoming.core.conditions.builder import P
from nbincoming.core.conditions.explain import (
    MAX_ELEMENTS,
    Explanation,
    explain,
)
from nbincoming.core.conditions.operators import OPERATORS
from nbincoming.core.conditions.tree import Condition, Node
from nbincoming.core.request.parameters import Parameters
from nbincoming.core.request.values import MISSING
from tests.core import naive

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
x = P.body.x


def why(condition: Any, body: Any, **options: Any) -> Explanation:
    """Explain a condition on a body."""
    return explain(condition, Parameters(body), **options)


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (x == "a", 'body.x equals "a"'),
        (x != 5, "body.x does not equal 5"),
        (x > Decimal("2.50"), "body.x is more than 2.5"),
        (x.is_in(["a", "b"]), 'body.x is one of ["a","b"]'),
        (x.between(1, 5), "body.x is between 1 and 5"),
        (
            x.between("2024-06-01", "2024-06-30"),
            'body.x is between "2024-06-01" and "2024-06-30" (to the end of that day)',
        ),
        (
            x.between("2024-06-01", "2024-06-30T12:00"),
            'body.x is between "2024-06-01" and "2024-06-30T12:00"',
        ),
        (x == P.body.y, "body.x equals body.y"),
        (x.in_last("P7D"), "body.x is in the last P7D"),
        (x.in_last(P.body.window), "body.x is in the last body.window"),
        (x.in_current("day"), "body.x is in the current day"),
        (x.exists(), "body.x exists"),
        (x.contains(None), "body.x contains null"),
        (x.length >= 2, "body.x has a length of at least 2"),
        (x.ignoring_case() == "A", 'body.x equals "A" (ignoring case)'),
        (x.as_number() > 5, "body.x is more than 5 (as a number)"),
        (x.as_datetime() == "2024-06-10", 'body.x is at "2024-06-10" (as a datetime)'),
        (~x.exists(), "not (body.x exists)"),
        (
            (x == 1) & ((x == 2) | (x > 3)),
            "body.x equals 1 and (body.x equals 2 or body.x is more than 3)",
        ),
        (
            P.body.items.any_element(lambda item: (item.a == 1) & ~(item.b == P.body.c)),
            "body.items has an element where (body.items[*].a equals 1 and "
            "not (body.items[*].b equals body.c))",
        ),
    ],
)  # fmt: skip
def test_a_condition_is_said_as_a_sentence(condition: Any, sentence: str) -> None:
    """Parameter, operator and value, in the order of a spoken sentence."""
    assert condition.describe() == sentence == str(condition)


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: f"{row.name}-{row.type}")
def test_every_row_has_its_phrase_in_the_sentence(row: Any) -> None:
    """The sentence is read off the table."""
    data: dict[str, Any] = {"parameter": "body.x", "operator": row.name, "type": row.type}
    if row.operand == "condition":
        data["value"] = {"parameter": "body.x[*]", "operator": "exists"}
    elif row.operand != "none":
        data["value"] = row.example
    assert CONDITION.validate_python(data).describe().startswith(f"body.x {row.phrase}")


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(naive.conditions(max_leaves=4), naive.worlds)
def test_every_explanation_can_be_read(data: dict[str, Any], world: naive.World) -> None:
    """Whatever was asked and seen, there are lines, marked by what holds."""
    condition = CONDITION.validate_python(data)
    parameters = Parameters(world.roots["body"], world.roots["headers"])
    explained = explain(condition, parameters, now_ms=world.now_ms, zone=world.zone)
    lines = str(explained).splitlines()
    assert lines[0][0] == ("✓" if explained.holds else "✗")
    assert all(line.lstrip(" ")[0] in "✓✗" for line in str(explained).split("\n"))
    assert explained.sentence == condition.describe()
    for leaf in explained.leaves():
        assert leaf.reason.startswith(("it", "its", "none", *"123456789"))
        assert (leaf.kind == "missing") is (leaf.seen is MISSING)


@pytest.mark.parametrize(
    ("condition", "seen", "reason"),
    [
        (x == "a", "b", 'it is "b"'),
        (x == "a", MISSING, "it is missing"),
        (x > 5, "5", 'it is "5", a string, not a number'),
        (x > 5, None, "it is null, not a number"),
        (x > 5, [5], "it is [5], an array, not a number"),
        (x == 5, "5", 'it is "5", a string, not a number'),
        (x == "5", 5, "it is 5, a number, not a string"),
        (x == P.body.y, True, "it is true, a boolean, not a string or a number"),
        (x.is_true(), "true", 'it is "true", a string, not a boolean'),
        (x.contains("a"), {}, "it is {}, an object, not a string or an array"),
        (x.as_number() > 5, "five", 'it is "five", which cannot be read as a number'),
        (x.as_number() > 5, "6", 'it is "6"'),
        (x.before("2024-06-10"), "soon", 'it is "soon", which cannot be read as a datetime'),
        (x == P.body.y, 5, "it is 5 and body.y is missing"),
        (x == P.body.z, 5, "it is 5 and body.z is 7"),
        (x == P.body.z, "5", 'it is "5" and body.z is 7, and the two cannot be compared'),
        (x.any_element(lambda each: each > 5), 5, "it is 5, a number, not an array"),
        (x.any_element(lambda each: each > 5), MISSING, "it is missing"),
        (x.any_element(lambda each: each > 5), [], "it is empty"),
        (x.any_element(lambda each: each > 5), [6], "it has 1 element, for which this is true"),
        (x.all_elements(lambda each: each > 5), [5], "it has 1 element, for which this is false"),
        (x.any_element(lambda each: each > 5), [5, 6], "it has 2 elements, and this is true for 1"),
        (
            x.all_elements(lambda each: each > 5), [6, 6, 5],
            "it has 3 elements, and this is true for 2",
        ),
        (
            x.no_element(lambda each: each > 5), [5] * 2_000,
            "it has 2,000 elements, and this is true for none",
        ),
    ],
)  # fmt: skip
def test_a_leaf_says_what_it_saw(condition: Any, seen: Any, reason: str) -> None:
    """Value and type, where it could not be read, and what the other parameter held."""
    body = {"z": 7} if seen is MISSING else {"x": seen, "z": 7}
    explained = why(condition, body)
    assert explained.reason == reason
    assert explained.seen == seen
    assert explained.parameter == "body.x"


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (P.headers["x-a"] == "a", 'it is "•••"'),
        (P.headers["x-a"].as_number() > 5, 'it is "•••", which cannot be read as a number'),
        (P.headers["x-b"] == "a", 'it is "•••", an array, not a string'),
        (P.headers["x-b"][1] == "a", 'it is "•••"'),
        (
            P.headers["x-a"].any_element(lambda each: each == "a"),
            'it is "•••", a string, not an array',
        ),
        (P.headers["x-event"] == P.headers["x-a"], 'it is "push" and headers.x-a is "•••"'),
        (
            P.headers["x-b"].all_elements(lambda each: each == "a"),
            "it has 2 elements, and this is true for none",
        ),
    ],
)
def test_a_header_that_looks_like_a_credential_is_masked(condition: Any, reason: str) -> None:
    """A label is judged by its name only, so a condition may read a token under another name."""
    headers: Any = {"x-a": "Bearer sesame", "x-b": ["push", "Bearer sesame"], "x-event": "push"}
    explained = explain(condition, Parameters({}, headers))
    assert explained.reason == reason
    assert "sesame" not in repr(explained)
    assert "sesame" not in str(explained)


@pytest.mark.parametrize(
    ("condition", "line"),
    [
        ((x == 1) & x.exists() & (x > 0), "✓ all of 3 are true"),
        ((x == 1) & (x == 2) & (x > 0), "✗ 2 of 3 are true, all are needed"),
        ((x == 1) & (x == 2) & (x == 3), "✗ 1 of 3 is true, all are needed"),
        ((x == 3) & (x == 2), "✗ none of 2 is true, all are needed"),
        ((x == 1) | (x == 2), "✓ 1 of 2 is true, one is needed"),
        ((x == 3) | (x == 2), "✗ none of 2 is true, one is needed"),
        (~(x == 1), "✗ not: the condition below is true"),
        (~(x == 2), "✓ not: the condition below is false"),
    ],
)
def test_a_group_says_how_many_of_its_parts_hold(condition: Any, line: str) -> None:
    """And how many are needed; its parts follow, indented."""
    explained = why(condition, {"x": 1})
    first, *rest = str(explained).splitlines()
    assert first == line
    assert len(rest) == len(explained.parts)
    assert all(each.startswith("  ") for each in rest)


def decided(condition: Node, array: Any) -> list[str]:
    """Name the elements that an explanation goes into."""
    (explained,) = [e for e in why(condition, {"x": array}).leaves() if e.parameter == "body.x"]
    return [part.parameter for part in explained.parts]


def test_the_elements_that_decided_are_explained() -> None:
    """The ones that meet the condition where that decides, else the ones that do not."""
    some = x.any_element(lambda each: each > 5)
    every = x.all_elements(lambda each: each > 5)
    none = x.no_element(lambda each: each > 5)
    assert decided(some, [1, 9, 2]) == ["body.x[1]"]
    assert decided(some, [1, 2]) == ["body.x[0]", "body.x[1]"]
    assert decided(every, [9, 1, 9]) == ["body.x[1]"]
    assert decided(every, [9, 8]) == ["body.x[0]", "body.x[1]"]
    assert decided(none, [1, 9, 2]) == ["body.x[1]"]
    assert decided(none, [1, 2]) == ["body.x[0]", "body.x[1]"]
    assert len(decided(some, [1] * 100)) == MAX_ELEMENTS
    assert decided(some, []) == []


def test_elements_are_named_by_their_index_at_every_level() -> None:
    """body.orders[1].lines[0] is what a reader looks up, not body.orders[*].lines[*]."""
    condition = P.body.orders.any_element(
        lambda order: order.lines.any_element(lambda line: line.sku == order.sku)
    )
    orders = [{"lines": []}, {"sku": "a", "lines": [{"sku": "a"}]}]
    leaf = [*why(condition, {"orders": orders}).leaves()][-1]
    assert leaf.parameter == "body.orders[1].lines[0].sku"
    assert leaf.sentence == "body.orders[1].lines[0].sku equals body.orders[1].sku"
    assert leaf.reason == 'it is "a" and body.orders[1].sku is "a"'


def test_a_whole_explanation_reads_from_top_to_bottom() -> None:
    """As it is printed in a notebook."""
    condition = (x == "a") & ~(P.body.n > 5) & P.body.l.any_element(lambda e: (e.p == 1) | (e == 2))
    assert str(why(condition, {"x": "a", "n": "5", "l": [{"p": 3}]})) == "\n".join(
        [
            "✗ 2 of 3 are true, all are needed",
            '  ✓ body.x equals "a" — it is "a"',
            "  ✓ not: the condition below is false",
            '    ✗ body.n is more than 5 — it is "5", a string, not a number',
            "  ✗ body.l has an element where (body.l[*].p equals 1 or body.l[*] equals 2) — "
            "it has 1 element, for which this is false",
            "    ✗ none of 2 is true, one is needed",
            "      ✗ body.l[0].p equals 1 — it is 3",
            '      ✗ body.l[0] equals 2 — it is {"p":3}, an object, not a number',
        ]
    )
