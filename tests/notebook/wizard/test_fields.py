"""What the fields of a form mean: values of operands, menus of operators."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from nbincoming.core.conditions.label import Reference
from nbincoming.core.conditions.operators import OPERATORS, Operand, Operator
from nbincoming.core.conditions.tree import Leaf
from nbincoming.core.request.values import same
from nbincoming.notebook.wizard.fields import (
    HINTS,
    Choice,
    FormError,
    choice_key,
    choices,
    is_simple,
    leaf_data,
    operator_of,
    text_of,
    value_of,
)
from tests.core.strategies import numbers, scalars, texts

#: The rows that a form offers, by what they are compared with.
ROWS = [row for row in OPERATORS if row.operand != "condition"]
WITH_VALUE = [row for row in ROWS if row.operand != "none"]
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name} {row.type}")


def row_for(operand: Operand) -> Operator:
    """Find a row with this operand."""
    return next(row for row in ROWS if row.operand == operand)


def leaf_of(row: Operator, value: Any = None, **members: Any) -> Leaf:
    """Make a leaf of a row."""
    data: dict[str, Any] = {"parameter": "body.a", "operator": row.name, **members}
    if row.operand != "none":
        data["value"] = value
    if row.type == "datetime":
        data["type"] = "datetime"
    return Leaf.model_validate(data)


# --- values ----------------------------------------------------------------------------


@each_row
def test_the_example_of_each_operator_can_be_written_and_read(row: Operator) -> None:
    """What a field shows of a value is read as that value."""
    leaf = leaf_of(row, row.example)
    again = Leaf.model_validate(leaf_data("body.a", choice_key(leaf), text_of(leaf)))
    assert again.data() == leaf.data()


listed = st.lists(texts, min_size=1, max_size=4)

#: For each kind of operand, values that a spec may hold.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": texts,
    "strings": listed,
    "pattern": st.sampled_from(["^a", "=", '"a"', " a ", "a,b", '"', "\\d+", "(?i)x", "\n"]),
    "number": numbers,
    "numbers": st.lists(numbers, min_size=1, max_size=4),
    "number pair": st.lists(numbers, min_size=2, max_size=2).map(sorted),
    "datetime": st.sampled_from(["2024-06-10", "2024-06-10T09:15:30.5+02:00"]),
    "datetime pair": st.just(["2024-06-01", "2024-06-30T00:00:00Z"]),
    "duration": st.sampled_from(["P7D", "PT90S"]),
    "unit": st.sampled_from(["hour", "day", "month", "year"]),
    "count": st.integers(0, 10**30),
    "value": scalars,
}  # fmt: skip


def test_every_operand_is_tried() -> None:
    """A new kind of operand needs values here, and a hint for people."""
    operands = {row.operand for row in WITH_VALUE}
    assert set(VALUES) == operands
    assert set(HINTS) == operands


@given(data=st.data(), row=st.sampled_from(WITH_VALUE))
def test_any_value_can_be_written_and_read(data: st.DataObject, row: Operator) -> None:
    """Commas, quotes, spaces and words such as true come back as what they were."""
    value = data.draw(VALUES[row.operand])
    try:
        leaf = leaf_of(row, value)
    except ValidationError:
        assume(False)  # such as text for which the operator has another row
        raise
    text = text_of(leaf)
    assert "\n" not in text
    shown = operator_of(
        choice_key(leaf)
    )  # of several rows that take the value, the one the form shows
    assert same(value_of(text, shown), value)


@given(text=texts, row=st.sampled_from(WITH_VALUE))
def test_any_text_is_read_or_refused_in_words(text: str, row: Operator) -> None:
    """Whatever is typed, nothing but a FormError is raised."""
    with suppress(FormError):
        value_of(text, row)


@pytest.mark.parametrize(
    ("operand", "text", "value"),
    [
        ("string", " high ", "high"),
        ("string", '" high "', " high "),
        ("string", "5", "5"),
        ("string", "", ""),
        ("string", "say \"hi\"", 'say "hi"'),
        ("strings", "high, urgent", ["high", "urgent"]),
        ("strings", 'a, "b, c"', ["a", "b, c"]),
        ("strings", '"say \\"hi, you\\"", b', ['say "hi, you"', "b"]),
        ("strings", 'C:\\, "b,c"', ["C:\\", "b,c"]),
        ("strings", "a,,b,", ["a", "b"]),
        ("strings", 'a, ""', ["a", ""]),
        ("number", "5", 5),
        ("number", "0.10", Decimal("0.10")),
        ("number", "12345678901234567890", 12345678901234567890),
        ("numbers", "1, 2.5", [1, Decimal("2.5")]),
        ("value", "vip", "vip"),
        ("value", "5", 5),
        ("value", '"5"', "5"),
        ("value", "true", True),
        ("value", "null", None),
        ("value", "[1]", "[1]"),
        ("value", "NaN", "NaN"),
        ("string", "= body.b", {"parameter": "body.b"}),
        ("pattern", "=x", "=x"),
    ],
)  # fmt: skip
def test_what_a_field_means(operand: Operand, text: str, value: Any) -> None:
    """As a person would expect; JSON quotes say that something is text."""
    found = value_of(text, row_for(operand))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("operand", "text"),
    [
        ("number", "five"), ("number", "true"), ("number", '"5"'), ("number", ""),
        ("number", "\ud800"), ("numbers", "1, x"), ("string", '"a" or "b"'),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(operand: Operand, text: str) -> None:
    """The message says what to write."""
    with pytest.raises(FormError, match=r"Write|is not a text"):
        value_of(text, row_for(operand))


def test_an_operator_without_a_value_takes_none() -> None:
    """Its field is hidden, and what is left in it does not matter."""
    assert leaf_data("body.a", "exists|any", "left over") == {
        "parameter": "body.a",
        "operator": "exists",
    }


@pytest.mark.parametrize("row", WITH_VALUE, ids=lambda row: f"{row.name} {row.type}")
def test_a_value_may_be_another_parameter(row: Operator) -> None:
    """After an equals sign stands the parameter's label, where the operator allows it."""
    if row.operand in ("pattern", "unit"):
        assert value_of("= body.b", row) == "= body.b"
        return
    assert value_of("= body.b", row) == {"parameter": "body.b"}
    leaf = leaf_of(row, Reference(parameter="body.b"))
    assert text_of(leaf) == "= body.b"


# --- rows ------------------------------------------------------------------------------


@each_row
def test_a_choice_is_found_by_its_key(row: Operator) -> None:
    """Rows of one name are told apart by their type."""
    assert operator_of(Choice(row).key) is row


def test_no_two_choices_read_the_same() -> None:
    """In the menu of all operators, each is told apart by its words."""
    shown = [choice.text for choice in choices(())]
    assert len(set(shown)) == len(shown)


@pytest.mark.parametrize(
    ("kinds", "types"),
    [
        (["string"], {"string", "datetime", "any"}),
        (["number"], {"number", "any"}),
        (["boolean"], {"boolean", "any"}),
        (["array"], {"array", "any"}),
        (["string", "number"], {"string", "datetime", "number", "any"}),
        ([], {row.type for row in OPERATORS}),
        (["null"], {row.type for row in OPERATORS}),
    ],
)
def test_the_menu_goes_by_what_was_seen(kinds: list[str], types: set[str]) -> None:
    """Operators for other kinds of value would never hold."""
    assert {choice.operator.type for choice in choices(kinds)} == types


def test_an_object_can_be_asked_for_its_presence_only() -> None:
    """Nothing else applies to it, so nothing else is offered."""
    assert {choice.operator.type for choice in choices(["object"])} == {"any"}


def test_a_choice_that_was_made_stays_in_the_menu() -> None:
    """Whatever samples come later, the row does not lose its operator."""
    keys = [choice.key for choice in choices(["number"], keep="starts_with|string")]
    assert "starts_with|string" in keys


def test_conditions_on_elements_are_not_offered() -> None:
    """They need a condition as their value, which no field can hold."""
    assert {choice.operator.operand for choice in choices(())} & {"condition"} == set()


@pytest.mark.parametrize(
    ("key", "members", "data"),
    [
        ("equals|string", {"ignore_case": True}, {"value": "5", "ignore_case": True}),
        ("equals|number", {"ignore_case": True}, {"value": 5}),
        ("equals|string", {"negate": True}, None),
    ],
)
def test_a_row_becomes_a_condition(
    key: str, members: dict[str, Any], data: dict[str, Any] | None
) -> None:
    """Case matters only to texts; negation wraps the whole."""
    found = leaf_data("body.a", key, "5", **members)
    if data is None:
        assert found == {"not": {"parameter": "body.a", "operator": "equals", "value": "5"}}
    else:
        assert found == {"parameter": "body.a", "operator": "equals", **data}


# --- what fits into a row --------------------------------------------------------------


@each_row
def test_what_the_form_makes_is_simple(row: Operator) -> None:
    """A condition that was clicked can be opened again."""
    data = leaf_data("body.a", Choice(row).key, text_of(leaf_of(row, row.example)))
    assert is_simple(Leaf.model_validate(data))


@pytest.mark.parametrize(
    "data",
    [
        {"operator": "equals", "value": 5, "type": "number"},
        {"operator": "in", "value": [1, 2], "type": "number"},
        {"operator": "contains", "value": "x", "type": "string"},
        {"operator": "contains", "value": "x", "type": "array"},
        {"operator": "equals", "value": {"parameter": "body.b"}, "type": "string"},
        {"operator": "exists", "ignore_case": True},
        {"operator": "less_than", "value": 5, "ignore_case": True},
    ],
)
def test_what_a_row_would_change_is_left_to_code(data: dict[str, Any]) -> None:
    """To open and apply a card never changes what a condition means."""
    assert not is_simple(Leaf.model_validate({"parameter": "body.a", **data}))


@pytest.mark.parametrize(
    "data",
    [
        {"operator": "equals", "value": "x", "type": "string"},
        {"operator": "less_than", "value": 5},
        {"operator": "before", "value": "2024-06-10"},
        {"operator": "contains", "value": "x"},
        {"operator": "contains", "value": "x", "ignore_case": True},
        {"operator": "equals", "value": {"parameter": "body.b"}},
    ],
)
def test_what_a_row_keeps_can_be_edited(data: dict[str, Any]) -> None:
    """A type that changes nothing may be left out."""
    leaf = Leaf.model_validate({"parameter": "body.a", **data})
    assert is_simple(leaf)


def test_conditions_on_elements_are_left_to_code() -> None:
    """And so is what is no leaf at all."""
    leaf = Leaf(parameter="body.items[*].sku", operator="exists")
    assert is_simple(leaf)
    assert not is_simple(~leaf)
    assert not is_simple(leaf & leaf)
    assert not is_simple(None)
