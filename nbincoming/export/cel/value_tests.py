"""Tests of one value in CEL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from nbincoming.core.conditions.operators import Operator
from nbincoming.core.conditions.tree import Leaf
from nbincoming.export.cel.terms import (
    CEL_TRUE,
    EXACT_INTEGER,
    MOMENT_PATTERN,
    NUMBER_PATTERN,
    NoFaithfulForm,
    is_kind,
    join_and,
    join_or,
    number,
    string,
)

#: Operators that are operators in CEL, too.
INFIX: Final = {
    "equals": "==",
    "not_equals": "!=",
    "less_than": "<",
    "less_or_equal": "<=",
    "greater_than": ">",
    "greater_or_equal": ">=",
    "before": "<",
    "after": ">",
}
#: Operators that are methods of strings in CEL.
METHODS: Final = {
    "contains": "contains",
    "starts_with": "startsWith",
    "ends_with": "endsWith",
    "matches_regex": "matches",
}
CASE_DIFFERS: Final = "CEL cannot ignore case as Unicode defines it"


@dataclass(frozen=True, slots=True)
class TypedExpression:
    """A value read as a type, and the tests that must come before it."""

    guards: tuple[str, ...]
    text: str
    double: bool = False


def check_case(row: Operator, value: Any) -> None:
    """Refuse to ignore case, except in a regular expression, which has a flag for this."""
    if row.operand in ("string", "strings") or (row.operand == "value" and type(value) is str):
        raise NoFaithfulForm(CASE_DIFFERS)


def presence_test(name: str, text: str) -> str:
    """Write an operator on values of any type."""
    empty = join_or(
        [
            join_and([is_kind(text, "string"), f'{text} == ""']),
            join_and([f"type({text}) in [list, map]", f"size({text}) == 0"]),
        ]
    )
    match name:
        case "exists":
            return CEL_TRUE
        case "is_null":
            return is_kind(text, "null")
        case "is_not_null":
            return f"type({text}) != null_type"
        case "is_empty":
            return empty
        case "is_not_empty":
            return f"type({text}) != null_type && !{empty}"
        case _:
            raise NoFaithfulForm(f"the operator {name} is not exported")


def string_test(row: Operator, text: str, leaf: Leaf) -> str:
    """Write an operator on a string."""
    value: Any = leaf.value
    if row.operand == "strings":
        listed = f"{text} in [{', '.join(map(string, value))}]"
        return listed if row.name == "in" else f"!({listed})"
    if row.operand == "pattern":
        pattern = f"(?i){value}" if leaf.ignore_case else value
        return comparison(row.name, text, string(pattern))
    return comparison(row.name, text, string(value))


def number_test(row: Operator, seen: TypedExpression, value: Any) -> str:
    """Write an operator on a number."""

    def literal(given: Any) -> str:
        return number(given, double=seen.double)

    match row.operand:
        case "number pair":
            return f"{seen.text} >= {literal(value[0])} && {seen.text} <= {literal(value[1])}"
        case "numbers":
            listed = " || ".join(f"{seen.text} == {literal(each)}" for each in value)
            return f"({listed})" if row.name == "in" else f"!({listed})"
        case _:
            return comparison(row.name, seen.text, literal(value))


def comparison(name: str, one: str, two: str) -> str:
    """Write an operator that compares two expressions."""
    if name in INFIX:
        return f"{one} {INFIX[name]} {two}"
    method = f"{one}.{METHODS[name.removeprefix('not_')]}({two})"
    return f"!{method}" if name.startswith("not_") else method


def as_text(text: str) -> TypedExpression:
    """Read a value as a string."""
    return TypedExpression((is_kind(text, "string"),), text)


def as_moment(text: str) -> TypedExpression:
    """Read a string as a date and time."""
    guards = (is_kind(text, "string"), f"{text}.matches({string(MOMENT_PATTERN)})")
    return TypedExpression(guards, f"timestamp({text})")


def as_numbers(text: str, *, explicit: bool) -> list[TypedExpression]:
    """Read a value as a number; if `explicit`, a string that contains a number, too."""
    readings = [TypedExpression((is_kind(text, "number"),), text)]
    if explicit:
        guards = (is_kind(text, "string"), f"{text}.matches({string(NUMBER_PATTERN)})")
        readings.append(TypedExpression(guards, f"double({text})", double=True))
    return readings


def length_test(name: str, length: Any) -> str:
    """Write the comparison that follows the size of an array."""
    if length > EXACT_INTEGER:
        raise NoFaithfulForm("CEL's integers cannot hold this count")
    return f"{INFIX[name.removeprefix('length_')]} {number(length)}"
