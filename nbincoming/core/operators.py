"""The one table of operators.

Each row says what an operator means, what it is compared with and how it reads. The
evaluator, the wizard's menu, the sentence, the exports and the docs all go by this
table, so that they cannot drift apart.

A row's ``test`` sees a value of the row's type and a prepared operand; it never sees a
missing value or one of another type, for which every comparison is false.
"""

from __future__ import annotations

import operator as op
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Any, Final, Literal

from nbincoming.core.moments import UNITS, duration_ms, epoch_us, in_same_unit, moment
from nbincoming.core.values import MISSING, Missing, Value, kind, same

Type = Literal["string", "number", "boolean", "datetime", "array", "object", "any"]

#: What a row is compared with.
Operand = Literal[
    "none", "string", "strings", "pattern", "number", "numbers", "number pair",
    "datetime", "datetime pair", "duration", "unit", "count", "value", "condition",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Context:
    """What an operand's meaning depends on besides itself.

    Attributes
    ----------
    zone : tzinfo
        Time zone of date-times that carry no offset, and of "the current day".
    ignore_case : bool
        Compare strings case-folded, on both sides.
    """

    zone: tzinfo
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Operator:
    """One row: an operator on one type.

    Attributes
    ----------
    name : str
        As a spec writes it.
    type : str
        Type of the parameter that it applies to.
    operand : str
        What it is compared with.
    phrase : str
        How it reads between the parameter and the value.
    test : callable
        ``test(seen, prepared, now_ms) -> bool``.
    example
        A value of the operand's kind, for docs and menus.
    """

    name: str
    type: Type
    operand: Operand
    phrase: str
    test: Callable[[Any, Any, int], bool]
    example: Value = None


def _not(test: Callable[[Any, Any, int], bool]) -> Callable[[Any, Any, int], bool]:
    return lambda seen, operand, now: not test(seen, operand, now)


def _compare(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any, int], bool]:
    return lambda seen, operand, now: bool(compare(seen, operand))


def _between(seen: Any, pair: tuple[Any, Any], now: int) -> bool:
    return bool(pair[0] <= seen <= pair[1])


def _length(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any, int], bool]:
    return lambda seen, operand, now: bool(compare(len(seen), operand))


def _has_element(seen: list[Value], operand: Value, now: int) -> bool:
    return any(same(element, operand) for element in seen)


def _in_last(seen: int, duration_us: int, now: int) -> bool:
    return now * 1000 - duration_us <= seen <= now * 1000


def _in_next(seen: int, duration_us: int, now: int) -> bool:
    return now * 1000 <= seen <= now * 1000 + duration_us


_equals = _compare(op.eq)
_contains = _compare(op.contains)
_starts: Callable[[Any, Any, int], bool] = lambda seen, text, now: seen.startswith(text)
_ends: Callable[[Any, Any, int], bool] = lambda seen, text, now: seen.endswith(text)
_in: Callable[[Any, Any, int], bool] = lambda seen, options, now: seen in options
_matches: Callable[[Any, Any, int], bool] = lambda seen, search, now: search(seen) is not None
_empty: Callable[[Any, Any, int], bool] = lambda seen, _, now: seen in ("", [], {})
_true: Callable[[Any, Any, int], bool] = lambda seen, _, now: True
_current: Callable[[Any, Any, int], bool] = lambda seen, current, now: current(seen, now)

_DATE = "2024-06-10T09:15:30Z"
_DATES = ["2024-06-01", "2024-06-30"]

#: Every operator. The order is that of menus and docs.
OPERATORS: Final[tuple[Operator, ...]] = (
    Operator("equals", "string", "string", "equals", _equals, "high"),
    Operator("not_equals", "string", "string", "does not equal", _not(_equals), "high"),
    Operator("contains", "string", "string", "contains", _contains, "phone"),
    Operator("not_contains", "string", "string", "does not contain", _not(_contains), "phone"),
    Operator("starts_with", "string", "string", "starts with", _starts, "cmp-"),
    Operator("not_starts_with", "string", "string", "does not start with", _not(_starts), "cmp-"),
    Operator("ends_with", "string", "string", "ends with", _ends, ".com"),
    Operator("not_ends_with", "string", "string", "does not end with", _not(_ends), ".com"),
    Operator("matches_regex", "string", "pattern", "matches", _matches, "^cmp-[0-9]+"),
    Operator(
        "not_matches_regex", "string", "pattern", "does not match", _not(_matches), "^cmp-[0-9]+"
    ),
    Operator("in", "string", "strings", "is one of", _in, ["high", "urgent"]),
    Operator("not_in", "string", "strings", "is none of", _not(_in), ["high", "urgent"]),
    Operator("equals", "number", "number", "equals", _equals, 5),
    Operator("not_equals", "number", "number", "does not equal", _not(_equals), 5),
    Operator("less_than", "number", "number", "is less than", _compare(op.lt), 5),
    Operator("less_or_equal", "number", "number", "is at most", _compare(op.le), 5),
    Operator("greater_than", "number", "number", "is more than", _compare(op.gt), 5),
    Operator("greater_or_equal", "number", "number", "is at least", _compare(op.ge), 5),
    Operator("between", "number", "number pair", "is between", _between, [1, 5]),
    Operator("in", "number", "numbers", "is one of", _in, [1, 2]),
    Operator("not_in", "number", "numbers", "is none of", _not(_in), [1, 2]),
    Operator("is_true", "boolean", "none", "is true", lambda seen, _, now: seen is True),
    Operator("is_false", "boolean", "none", "is false", lambda seen, _, now: seen is False),
    Operator("equals", "datetime", "datetime", "is at", _equals, _DATE),
    Operator("before", "datetime", "datetime", "is before", _compare(op.lt), _DATE),
    Operator("after", "datetime", "datetime", "is after", _compare(op.gt), _DATE),
    Operator("between", "datetime", "datetime pair", "is between", _between, _DATES),
    Operator("in_last", "datetime", "duration", "is in the last", _in_last, "P7D"),
    Operator("in_next", "datetime", "duration", "is in the next", _in_next, "P7D"),
    Operator("matches_current", "datetime", "unit", "is in the current", _current, "day"),
    Operator("contains", "array", "value", "contains", _has_element, "vip"),
    Operator("not_contains", "array", "value", "does not contain", _not(_has_element), "vip"),
    Operator("length_equals", "array", "count", "has a length of", _length(op.eq), 2),
    Operator("length_not_equals", "array", "count", "has a length other than", _length(op.ne), 2),
    Operator("length_less_than", "array", "count", "has a length below", _length(op.lt), 2),
    Operator("length_less_or_equal", "array", "count", "has a length of at most", _length(op.le), 2),
    Operator("length_greater_than", "array", "count", "has a length above", _length(op.gt), 2),
    Operator(
        "length_greater_or_equal", "array", "count", "has a length of at least", _length(op.ge), 2
    ),
    Operator(
        "any_element", "array", "condition", "has an element where",
        lambda seen, holds, now: any(map(holds, seen)),
    ),
    Operator(
        "all_elements", "array", "condition", "is not empty and has only elements where",
        lambda seen, holds, now: bool(seen) and all(map(holds, seen)),
    ),
    Operator(
        "no_element", "array", "condition", "has no element where",
        lambda seen, holds, now: not any(map(holds, seen)),
    ),
    Operator("exists", "any", "none", "exists", _true),
    Operator("missing", "any", "none", "is missing", lambda seen, _, now: False),
    Operator("is_null", "any", "none", "is null", lambda seen, _, now: seen is None),
    Operator("is_not_null", "any", "none", "is not null", lambda seen, _, now: seen is not None),
    Operator("is_empty", "any", "none", "is empty", _empty),
    Operator(
        "is_not_empty", "any", "none", "is not empty",
        lambda seen, _, now: seen is not None and seen not in ("", [], {}),
    ),
)  # fmt: skip

#: The rows by name: some names apply to several types.
BY_NAME: Final[dict[str, tuple[Operator, ...]]] = {
    row.name: tuple(each for each in OPERATORS if each.name == row.name) for row in OPERATORS
}

#: The only operator that a missing parameter satisfies.
WHEN_MISSING: Final = "missing"

#: Operators whose value is a condition on the elements.
ELEMENT_OPERATORS: Final = tuple(row.name for row in OPERATORS if row.operand == "condition")

#: Longest pattern, in characters.
_PATTERN_LIMIT: Final = 1_000

_NUMBER_START: Final = "-0123456789"


class OperandError(ValueError):
    """A value that an operator cannot be compared with; the text says what it needs."""


def search_of(pattern: str, *, ignore_case: bool = False) -> Callable[[str], object]:
    """Compile a pattern to a search that takes linear time.

    Raises
    ------
    OperandError
        If RE2 does not know the syntax: look-around and back-references have no
        linear-time form.
    """
    import re2  # here, since few specs use patterns

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    if len(pattern) > _PATTERN_LIMIT:
        raise OperandError(f"write a pattern of at most {_PATTERN_LIMIT:,} characters")
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        reason = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise OperandError(
            f"this is not a pattern in RE2 syntax ({reason[:120]}); "
            "look-around and back-references are not available"
        ) from error
    search: Callable[[str], object] = compiled.search
    return search


def prepare(operand: Operand, value: Value, context: Context) -> Any:
    """Turn an operand into what a row's ``test`` takes.

    Raises
    ------
    OperandError
        If the value is not of this kind of operand.
    """
    match operand:
        case "string":
            return _string(value, context)
        case "strings":
            return frozenset(_string(item, context) for item in _list(value, "texts"))
        case "pattern":
            if type(value) is not str:
                raise OperandError("write a pattern, such as '^cmp-[0-9]+'")
            return search_of(value, ignore_case=context.ignore_case)
        case "number":
            return _number(value)
        case "numbers":
            return frozenset(_number(item) for item in _list(value, "numbers"))
        case "number pair":
            return _pair([_number(item) for item in _list(value, "two numbers")])
        case "datetime":
            return _instant(value, context)
        case "datetime pair":
            return _pair([_instant(item, context) for item in _list(value, "two date-times")])
        case "duration":
            if type(value) is not str:
                raise OperandError("write a duration, such as 'P7D' or 'PT1H'")
            try:
                return duration_ms(value) * 1000
            except ValueError as error:
                raise OperandError(f"{error}") from error
        case "unit":
            if value not in UNITS:
                raise OperandError("write 'hour', 'day', 'month' or 'year'")
            zone = context.zone
            return lambda seen, now: in_same_unit(seen, now, value, zone)
        case "count":
            if type(value) is not int or value < 0:
                raise OperandError("write a whole number, 0 or more")
            return value
        case "value":
            if kind(value) not in ("string", "number", "boolean", "null"):
                raise OperandError("write a text, a number, true, false or null")
            return _folded(value) if context.ignore_case else value
        case "none":
            return None
        case "condition":
            return value


def convert(row: Operator, value: Value, context: Context, *, explicit: bool) -> Any | Missing:
    """Turn a seen value into what a row's ``test`` takes.

    Parameters
    ----------
    explicit
        Whether the leaf itself asks for the row's type, so that a number is read out
        of a string.

    Returns
    -------
    object
        :data:`MISSING` where the value is not of the row's type, which makes every
        comparison false.
    """
    seen = kind(value)
    match row.type:
        case "any":
            return value
        case "datetime":
            instant = moment(value, context.zone) if seen == "string" else None
            if instant is None:
                return MISSING
            return instant if row.operand == "unit" else _epoch(instant)
        case "number" if seen == "string" and explicit:
            return _read_number(value)
        case "string" if seen == "string" and context.ignore_case and row.operand != "pattern":
            return value.casefold()
        case "array" if seen == "array" and context.ignore_case:
            return [_folded(element) for element in value]
        case _:
            return value if seen == row.type else MISSING


def _folded(value: Value) -> Value:
    return value.casefold() if type(value) is str else value


def _string(value: Value, context: Context) -> str:
    if type(value) is not str:
        raise OperandError("write a text in quotes")
    return value.casefold() if context.ignore_case else value


def _number(value: Value) -> int | Decimal:
    if type(value) is not int and type(value) is not Decimal:
        raise OperandError("write a number without quotes")
    return value


def _instant(value: Value, context: Context) -> int:
    instant = moment(value, context.zone) if type(value) is str else None
    read = MISSING if instant is None else _epoch(instant)
    if read is MISSING:
        raise OperandError("write a date or date-time, such as '2024-06-10T09:15:30Z'")
    assert isinstance(read, int)
    return read


def _epoch(instant: Any) -> int | Missing:
    try:
        return epoch_us(instant)
    except OverflowError:  # a zone's rules do not reach every year
        return MISSING


def _list(value: Value, what: str) -> list[Value]:
    if type(value) is not list or not value:
        raise OperandError(f"write a list of {what}, such as [a, b]")
    return value


def _pair(items: list[Any]) -> tuple[Any, Any]:
    if len(items) != 2:
        raise OperandError(f"write a list of two, the lower and the upper; this has {len(items)}")
    if items[0] > items[1]:
        raise OperandError("write the lower one first; this range is empty")
    return items[0], items[1]


def _read_number(text: str) -> int | Decimal | Missing:
    """Read a JSON number out of a string, exactly."""
    import jiter

    # A JSON number starts and ends like one, which no other JSON text does: jiter, which
    # allows white space around a value, decides on what is between.
    if text[:1] not in _NUMBER_START or text[-1:] not in _NUMBER_START[1:] or not text:
        return MISSING
    try:
        number = jiter.from_json(text.encode(), allow_inf_nan=False, float_mode="decimal")
    except ValueError:
        return MISSING
    assert isinstance(number, int | Decimal)
    return number
