"""What stands on either side of an operator, prepared and read."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal, localcontext
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.conditions.operands import (
    Context,
    OperandError,
    prepare,
    read_instant,
    read_number,
    read_operand,
    reader,
)
from nbincoming.core.conditions.operators import BY_NAME, Operand
from nbincoming.core.request.values import KINDS, MISSING, number_text
from tests.core import strategies

PLAIN, FOLDING = Context(UTC), Context(UTC, ignore_case=True)


@given(st.sampled_from(get_args(Operand)), strategies.json_values, st.booleans())
def test_any_value_is_prepared_or_is_no_operand(
    operand: Operand, value: Any, ignore_case: bool
) -> None:
    """Nothing but an OperandError is raised, and its text fits into a sentence."""
    said = "lower case"
    try:
        prepare(operand, value, Context(UTC, ignore_case))
    except OperandError as error:
        said = str(error)
    assert said[0].islower()
    assert not said.endswith(".")


@given(strategies.numbers)
def test_a_number_is_read_out_of_its_text(number: Any) -> None:
    """Exactly, whatever its size."""
    assert read_number(number_text(number)) == number


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_none(text: str) -> None:
    """Nothing is raised, and no other JSON value is taken for a number."""
    assert type(read_number(text)) in (int, Decimal, type(MISSING))


def test_reading_does_not_go_by_the_callers_decimal_context() -> None:
    """A notebook may have set a precision of three digits, which is its own business."""
    with localcontext(prec=3):
        assert read_number("1.23456") == Decimal("1.23456")
        assert prepare("number", Decimal("1.23456"), PLAIN) == Decimal("1.23456")


def test_a_row_reads_values_of_its_type_only() -> None:
    """Which kinds an operator sees follows from its row, and from what the leaf asks for."""
    kinds = set(KINDS.values())

    def read(name: str, number: int = 0, *, explicit: bool = False) -> set[str]:
        row = BY_NAME[name][number]
        return {kind for kind in kinds if reader(row, kind, PLAIN, explicit=explicit) is not None}

    assert read("starts_with") == {"string"}
    assert read("less_than") == {"number"}
    assert read("less_than", explicit=True) == {"number", "string"}
    assert read("before") == {"string"}
    assert read("is_true") == {"boolean"}
    assert read("length_equals") == {"array"}
    assert read("exists") == kinds


def test_folding_reaches_texts_in_arrays_and_leaves_the_rest() -> None:
    """5 has no case; neither has a pattern, whose letters may be escapes."""
    contains = BY_NAME["contains"][1]
    read = reader(contains, "array", FOLDING, explicit=False)
    assert read is not None
    assert read(["Ab", 5, None, ["Ab"]]) == ["ab", 5, None, ["Ab"]]
    assert prepare("value", "Ab", FOLDING) == "ab"
    assert prepare("value", 5, FOLDING) == 5
    found = prepare("pattern", r"^\D+$", FOLDING)
    assert found("AB")
    assert not found("12")


def test_another_parameters_numbers_are_read_out_of_texts_too() -> None:
    """Where a number is asked for, on both sides."""
    less = BY_NAME["less_than"][0]
    assert read_operand(less, "5", explicit=True) == 5
    assert read_operand(less, ["5", 6, None], explicit=True) == [5, 6, None]
    assert read_operand(less, None, explicit=True) is None
    assert read_operand(less, "5", explicit=False) == "5"
    assert read_operand(BY_NAME["equals"][0], "5", explicit=True) == "5"


def test_an_instant_is_microseconds_since_the_epoch() -> None:
    """And MISSING where the text is none."""
    assert read_instant("1970-01-01T00:00:01.5Z", UTC) == 1_500_000
    assert read_instant("soon", UTC) is MISSING


@pytest.mark.parametrize("value", [0, 2, Decimal("2.0"), Decimal("1E+999999999999999999")])
def test_a_count_is_whole_however_it_is_written(value: Any) -> None:
    """2.0 is 2 here as everywhere."""
    assert prepare("count", value, PLAIN) == value


def test_the_current_hour_is_worked_out_once_and_again_when_it_is_over() -> None:
    """It seldom changes from one request to the next; when it does, so does the span."""
    at = prepare("unit", "hour", PLAIN)
    first = at(1_718_010_930_000)
    assert at(1_718_010_930_001) is first
    assert at(1_718_010_930_000 + 3_600_000) != first
    assert at(1_718_010_930_000) == first
