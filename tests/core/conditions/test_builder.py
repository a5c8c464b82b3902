"""Conditions in Python are the conditions that a spec holds."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter

from nbincoming.core.conditions import builder
from nbincoming.core.conditions.builder import P
from nbincoming.core.conditions.operators import OPERATORS
from nbincoming.core.conditions.tree import Condition, Node
from nbincoming.errors import ConditionError, LabelError, SpecError

x = P.body.x
WRITTEN: list[tuple[Node, str, Any, dict[str, Any]]] = [
    (x == "a", "equals", "a", {}),
    (x != "a", "not_equals", "a", {}),
    (x == 1.5, "equals", Decimal("1.5"), {}),
    (x == True, "is_true", None, {}),  # noqa: E712 - that is how an analyst writes it
    (x != True, "is_false", None, {}),  # noqa: E712
    (x == None, "is_null", None, {}),  # noqa: E711
    (x != None, "is_not_null", None, {}),  # noqa: E711
    (x < 1, "less_than", 1, {}),
    (x <= 1, "less_or_equal", 1, {}),
    (x > 1, "greater_than", 1, {}),
    (x >= 1, "greater_or_equal", 1, {}),
    (x.contains("a"), "contains", "a", {}),
    (x.not_contains("a"), "not_contains", "a", {}),
    (x.starts_with("a"), "starts_with", "a", {}),
    (x.not_starts_with("a"), "not_starts_with", "a", {}),
    (x.ends_with("a"), "ends_with", "a", {}),
    (x.not_ends_with("a"), "not_ends_with", "a", {}),
    (x.matches("^a"), "matches_regex", "^a", {}),
    (x.not_matches("^a"), "not_matches_regex", "^a", {}),
    (x.is_in(("a", "b")), "in", ["a", "b"], {}),
    (x.not_in([1, 2]), "not_in", [1, 2], {}),
    (x.between(1, 2), "between", [1, 2], {}),
    (x.between("2024-01-01", "2024-02-01"), "between", ["2024-01-01", "2024-02-01"], {}),
    (x.is_true(), "is_true", None, {}),
    (x.is_false(), "is_false", None, {}),
    (x.before("2024-01-01"), "before", "2024-01-01", {}),
    (x.after("2024-01-01"), "after", "2024-01-01", {}),
    (x.in_last("P7D"), "in_last", "P7D", {}),
    (x.in_next("PT1H"), "in_next", "PT1H", {}),
    (x.in_current("day"), "matches_current", "day", {}),
    (x.length == 2, "length_equals", 2, {}),
    (x.length != 2, "length_not_equals", 2, {}),
    (x.length < 2, "length_less_than", 2, {}),
    (x.length <= 2, "length_less_or_equal", 2, {}),
    (x.length > 2, "length_greater_than", 2, {}),
    (x.length >= 2, "length_greater_or_equal", 2, {}),
    (x.exists(), "exists", None, {}),
    (x.missing(), "missing", None, {}),
    (x.is_null(), "is_null", None, {}),
    (x.is_not_null(), "is_not_null", None, {}),
    (x.is_empty(), "is_empty", None, {}),
    (x.is_not_empty(), "is_not_empty", None, {}),
    (x.as_number() > 5, "greater_than", 5, {"type": "number"}),
    (x.as_datetime() == "2024-01-01", "equals", "2024-01-01", {"type": "datetime"}),
    (x.ignoring_case() == "A", "equals", "A", {"ignore_case": True}),
    (x == P.body.y, "equals", {"parameter": "body.y"}, {}),
    (x.is_in(P.body.allowed), "in", {"parameter": "body.allowed"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("built", "operator", "value", "options"), WRITTEN)
def test_what_is_built_is_the_json_form(
    built: Node, operator: str, value: Any, options: dict[str, Any]
) -> None:
    """Operator, value and options are those of the leaf in a spec."""
    data = {"parameter": "body.x", "operator": operator, **options}
    if value is not None:
        data["value"] = value
    assert built == TypeAdapter[Condition](Condition).validate_python(data)


def test_every_operator_can_be_built() -> None:
    """The builder leaves no row of the table out."""
    built = {operator for _, operator, _, _ in WRITTEN} | {
        "any_element",
        "all_elements",
        "no_element",
    }
    assert built == {row.name for row in OPERATORS}


@pytest.mark.parametrize("name", ["any_element", "all_elements", "no_element"])
def test_a_condition_on_elements_names_the_element(name: str) -> None:
    """Inside, the element's label ends in [*]."""
    built = getattr(P.body.items, name)(lambda item: (item.sku == "x") & (item.count > 2))
    assert built.data() == {
        "parameter": "body.items",
        "operator": name,
        "value": {
            "all": [
                {"parameter": "body.items[*].sku", "operator": "equals", "value": "x"},
                {"parameter": "body.items[*].count", "operator": "greater_than", "value": 2},
            ]
        },
    }


def test_a_parameter_is_reached_by_attribute_item_and_label() -> None:
    """Names that are no Python names are items."""
    assert str(P.body["a.b"][0].c) == 'body["a.b"][0].c'
    assert str(P['body["a.b"][0].c']) == 'body["a.b"][0].c'
    assert str(P.headers["x-event"]) == "headers.x-event"
    assert repr(P) == "P"
    assert repr(x) == "P['body.x']"


def test_wrong_use_is_said_at_once() -> None:
    """Where it is written, not at run time."""
    with pytest.raises(SpecError, match="write a number without quotes"):
        _ = x < "a"
    with pytest.raises(ConditionError, match="Combine conditions by &"):
        _ = (x == 1) and (x == 2)
    with pytest.raises(ConditionError, match="is not a value yet"):
        bool(x)
    with pytest.raises(ConditionError, match="needs a function that returns a condition"):
        x.any_element(lambda item: 5)  # type: ignore[arg-type,return-value]
    with pytest.raises(LabelError, match="is not a parameter"):
        P["bdy.x"]
    with pytest.raises(AttributeError):
        _ = x._private


@pytest.mark.parametrize(
    ("built", "operator", "value", "options"),
    [
        (x < date(2024, 6, 10), "before", "2024-06-10", {}),
        (x > datetime(2024, 6, 10, 9, 15, tzinfo=UTC), "after", "2024-06-10T09:15:00+00:00", {}),
        (x.after(pd.Timestamp("2024-06-10 09:15")), "after", "2024-06-10T09:15:00", {}),
        (x == date(2024, 6, 10), "equals", "2024-06-10", {"type": "datetime"}),
        (x.between(date(2024, 6, 1), "2024-06-02"), "between", ["2024-06-01", "2024-06-02"], {}),
        (x.in_last(timedelta(days=7)), "in_last", "P7D", {}),
        (x.in_last(timedelta(seconds=90)), "in_last", "PT90S", {}),
        (x.in_next(timedelta(days=1, hours=2)), "in_next", "P1DT7200S", {}),
        (x > np.int64(5), "greater_than", 5, {}),
        (x > np.float64(2.5), "greater_than", Decimal("2.5"), {}),
        (x == np.bool_(True), "is_true", None, {}),
        (x != np.bool_(True), "is_false", None, {}),
        (x.is_in(np.array([1, 2])), "in", [1, 2], {}),
        (x.is_in(pd.Series(["b", "a"])), "in", ["b", "a"], {}),
        (x.is_in({"b", "a", "c"}), "in", ["a", "b", "c"], {}),
        (x.is_in(value for value in (2, 1)), "in", [2, 1], {}),
    ],
)  # fmt: skip
def test_values_may_be_what_a_notebook_holds(
    built: Node, operator: str, value: Any, options: dict[str, Any]
) -> None:
    """Dates, durations, sets and NumPy's numbers become what a spec can hold."""
    data = {"parameter": "body.x", "operator": operator, **options}
    if value is not None:
        data["value"] = value
    assert built.data() == data


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: list(x), ConditionError, "has no elements yet"),
        (lambda: "a" in x, ConditionError, r"Use P\['body.x'\].contains\(\)"),
        (lambda: bool(x.length), ConditionError, "is not a number yet"),
        (lambda: 1 < x < 5, ConditionError, "has no truth value"),
        (lambda: x.is_in(5), SpecError, "write a list of texts"),
        (lambda: x.is_in("high"), SpecError, "write a list of texts"),
        (lambda: x.any_element(lambda _: P.body.y == 1), SpecError, "does not use the elem"),
        (lambda: x != date(2024, 6, 10), SpecError, "not to datetime"),
        (lambda: x > np.datetime64("2024-06-10"), SpecError, "cannot represent a datetime64"),
        (lambda: x.in_last(timedelta(milliseconds=1)), ConditionError, "of whole seconds"),
        (lambda: x.in_last(timedelta(days=-1)), ConditionError, "not negative"),
        (lambda: x.in_last(timedelta(0)), SpecError, "longer than zero"),
        (lambda: x[-1].exists(), SpecError, "is not a parameter from character 7 on"),
        (lambda: P.headers.authorization.exists(), SpecError, "carries credentials"),
        (lambda: hash(x), TypeError, "unhashable"),
        (lambda: hash(x.length), TypeError, "unhashable"),
    ],
)
def test_what_python_would_get_wrong_is_refused(
    wrong: Callable[[], object], error: type[Exception], message: str
) -> None:
    """Python's own protocols would loop for ever, drop a half, or compare texts."""
    with pytest.raises(error, match=message):
        wrong()


SECRET = P.headers["Authorization"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: x == SECRET, lambda: x != SECRET, lambda: x < SECRET, lambda: x <= SECRET,
        lambda: x > SECRET, lambda: x >= SECRET, lambda: x.contains(SECRET),
        lambda: x.not_contains(SECRET), lambda: x.starts_with(SECRET),
        lambda: x.not_starts_with(SECRET), lambda: x.ends_with(SECRET),
        lambda: x.not_ends_with(SECRET), lambda: x.is_in(SECRET), lambda: x.not_in(SECRET),
        lambda: x.before(SECRET), lambda: x.after(SECRET), lambda: x.in_last(SECRET),
        lambda: x.in_next(SECRET), lambda: x.length == SECRET, lambda: x.length != SECRET,
        lambda: x.length < SECRET, lambda: x.length <= SECRET, lambda: x.length > SECRET,
        lambda: x.length >= SECRET, lambda: x.any_element(lambda each: each == SECRET),
    ],
)  # fmt: skip
def test_a_parameter_that_no_condition_may_use_is_refused_as_a_value(
    wrong: Callable[[], object],
) -> None:
    """It is the same problem as on the left of the operator; its place is the value."""
    with pytest.raises(SpecError) as caught:
        wrong()
    (problem,) = caught.value.problems
    assert problem.place == "value"
    assert problem.message.startswith("'headers.Authorization' carries credentials")


def test_a_wrong_label_is_refused_as_a_value() -> None:
    """A label that names no parameter is the project's own error, too."""
    with pytest.raises(SpecError, match=r"value: .*is not a parameter from character 7 on"):
        _ = P.body.y == x[-1]


def test_the_examples_in_the_docstrings_run() -> None:
    """What a reader copies from there works."""
    assert doctest.testmod(builder) == (0, 1)
