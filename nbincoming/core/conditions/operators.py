"""The table of operators.

A row defines what an operator means, what it compares a parameter with, and its words in a
sentence. Evaluation, the wizard's menu, sentences, exports and docs all use this table.

A row's ``test`` receives a value of the row's type and a prepared operand. If the
value is missing or has another type, the comparison is false and ``test`` is not called.
"""

from __future__ import annotations

import operator as op
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from nbincoming.core.moments import coming, last
from nbincoming.core.request.values import Value, same

#: What an operator compares a parameter with.
Operand = Literal[
    "none", "string", "strings", "pattern", "number", "numbers", "number pair",
    "datetime", "datetime pair", "duration", "unit", "count", "value", "condition",
]  # fmt: skip

#: What an operator applies to.
Type = Literal["string", "number", "boolean", "datetime", "array", "object", "any"]

#: ``test(seen, prepared) -> bool``
RowTest = Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Operator:
    """One row: an operator on one type.

    Attributes
    ----------
    name : str
        Its name in a spec.
    type : str
        Type of the parameter that it applies to.
    operand : str
        What it compares the parameter with.
    phrase : str
        The words between the parameter and the value in a sentence.
    test : callable
        ``test(seen, prepared) -> bool``.
    example
        A value of the operand's kind, for docs and menus.
    at : callable, optional
        For operators that depend on the time: ``at(prepared, now_ms)`` returns the operand
        that ``test`` receives.
    """

    name: str
    type: Type
    operand: Operand
    phrase: str
    test: RowTest
    example: Value = None
    at: Callable[[Any, int], Any] | None = None


def _not(test: RowTest) -> RowTest:
    return lambda seen, operand: not test(seen, operand)


def _among(seen: Any, options: frozenset[Any]) -> bool:
    return seen in options


def _between(seen: Any, pair: tuple[Any, Any]) -> bool:
    return bool(pair[0] <= seen <= pair[1])


def _matches(seen: str, search: Callable[[str], bool]) -> bool:
    return search(seen)


def _length(compare: Callable[[Any, Any], Any]) -> RowTest:
    return lambda seen, operand: bool(compare(len(seen), operand))


def _has_element(seen: list[Value], operand: Value) -> bool:
    return any(same(element, operand) for element in seen)


def _any_element(seen: list[Value], holds: Callable[[Value], bool]) -> bool:
    return any(map(holds, seen))


def _all_elements(seen: list[Value], holds: Callable[[Value], bool]) -> bool:
    return bool(seen) and all(map(holds, seen))


def _empty(seen: Value, _: None) -> bool:
    return seen in ("", [], {})


def _current(unit: Callable[[int], Any], now_ms: int) -> Any:
    return unit(now_ms)


_DATE = "2024-06-10T09:15:30Z"
_DATES = ["2024-06-01", "2024-06-30"]

#: All operators, in the order of menus and docs.
OPERATORS: Final[tuple[Operator, ...]] = (
    Operator("equals", "string", "string", "equals", op.eq, "high"),
    Operator("not_equals", "string", "string", "does not equal", op.ne, "high"),
    Operator("contains", "string", "string", "contains", op.contains, "phone"),
    Operator("not_contains", "string", "string", "does not contain", _not(op.contains), "phone"),
    Operator("starts_with", "string", "string", "starts with", str.startswith, "cmp-"),
    Operator(
        "not_starts_with", "string", "string", "does not start with", _not(str.startswith), "cmp-"
    ),
    Operator("ends_with", "string", "string", "ends with", str.endswith, ".com"),
    Operator("not_ends_with", "string", "string", "does not end with", _not(str.endswith), ".com"),
    Operator("matches_regex", "string", "pattern", "matches", _matches, "^cmp-[0-9]+"),
    Operator(
        "not_matches_regex", "string", "pattern", "does not match", _not(_matches), "^cmp-[0-9]+"
    ),
    Operator("in", "string", "strings", "is one of", _among, ["high", "urgent"]),
    Operator("not_in", "string", "strings", "is none of", _not(_among), ["high", "urgent"]),
    Operator("equals", "number", "number", "equals", op.eq, 5),
    Operator("not_equals", "number", "number", "does not equal", op.ne, 5),
    Operator("less_than", "number", "number", "is less than", op.lt, 5),
    Operator("less_or_equal", "number", "number", "is at most", op.le, 5),
    Operator("greater_than", "number", "number", "is more than", op.gt, 5),
    Operator("greater_or_equal", "number", "number", "is at least", op.ge, 5),
    Operator("between", "number", "number pair", "is between", _between, [1, 5]),
    Operator("in", "number", "numbers", "is one of", _among, [1, 2]),
    Operator("not_in", "number", "numbers", "is none of", _not(_among), [1, 2]),
    Operator("is_true", "boolean", "none", "is true", lambda seen, _: seen is True),
    Operator("is_false", "boolean", "none", "is false", lambda seen, _: seen is False),
    Operator("equals", "datetime", "datetime", "is at", op.eq, _DATE),
    Operator("before", "datetime", "datetime", "is before", op.lt, _DATE),
    Operator("after", "datetime", "datetime", "is after", op.gt, _DATE),
    Operator("between", "datetime", "datetime pair", "is between", _between, _DATES),
    Operator("in_last", "datetime", "duration", "is in the last", _between, "P7D", last),
    Operator("in_next", "datetime", "duration", "is in the next", _between, "P7D", coming),
    Operator(
        "matches_current", "datetime", "unit", "is in the current", _between, "day", _current
    ),
    Operator("contains", "array", "value", "contains", _has_element, "vip"),
    Operator("not_contains", "array", "value", "does not contain", _not(_has_element), "vip"),
    Operator("length_equals", "array", "count", "has a length of", _length(op.eq), 2),
    Operator("length_not_equals", "array", "count", "has a length other than", _length(op.ne), 2),
    Operator("length_less_than", "array", "count", "has a length below", _length(op.lt), 2),
    Operator(
        "length_less_or_equal", "array", "count", "has a length of at most", _length(op.le), 2
    ),
    Operator("length_greater_than", "array", "count", "has a length above", _length(op.gt), 2),
    Operator(
        "length_greater_or_equal", "array", "count", "has a length of at least", _length(op.ge), 2
    ),
    Operator("any_element", "array", "condition", "has an element where", _any_element),
    Operator(
        "all_elements", "array", "condition", "is not empty and has only elements where",
        _all_elements,
    ),
    Operator("no_element", "array", "condition", "has no element where", _not(_any_element)),
    Operator("exists", "any", "none", "exists", lambda _, __: True),
    Operator("missing", "any", "none", "is missing", lambda _, __: False),
    Operator("is_null", "any", "none", "is null", lambda seen, _: seen is None),
    Operator("is_not_null", "any", "none", "is not null", lambda seen, _: seen is not None),
    Operator("is_empty", "any", "none", "is empty", _empty),
    Operator(
        "is_not_empty", "any", "none", "is not empty",
        lambda seen, _: seen is not None and not _empty(seen, None),
    ),
)  # fmt: skip

#: The rows by name. Some names have rows for several types.
BY_NAME: Final[dict[str, tuple[Operator, ...]]] = {
    row.name: tuple(each for each in OPERATORS if each.name == row.name) for row in OPERATORS
}

#: The only operator that is true for a missing parameter.
WHEN_MISSING: Final = "missing"

#: Operators whose value is a condition on the elements.
ELEMENT_OPERATORS: Final = tuple(row.name for row in OPERATORS if row.operand == "condition")
