"""The two sides of an operator: the spec's value and the request's value.

The spec's value is prepared once. If it has the wrong type, that is a problem of the spec. The
request's value is read for each request. If it cannot be read, the comparison is false.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final, assert_never

import jiter

from nbincoming.core.conditions.operators import Operand, Operator
from nbincoming.core.moments import (
    NEVER,
    UNITS,
    Span,
    current,
    duration_ms,
    epoch_us,
    is_date,
    moment,
)
from nbincoming.core.request.values import MISSING, Kind, Missing, Value, kind

#: Converts a request's value for an operator's test; :data:`MISSING` if it cannot.
Reader = Callable[[Value], Any]

#: Longest pattern, in characters.
_PATTERN_LIMIT: Final = 1_000

_DAY_US: Final = 86_400_000_000

_NUMBER_START: Final = "-0123456789"


class OperandError(ValueError):
    """An operator cannot use a value; the message says what it needs."""


@dataclass(frozen=True, slots=True)
class Context:
    """What else a comparison depends on.

    Attributes
    ----------
    zone : tzinfo
        Time zone of date-times without an offset, and of "the current day".
    ignore_case : bool
        Ignore upper and lower case on both sides.
    """

    zone: tzinfo
    ignore_case: bool = False


# --- the spec's side -------------------------------------------------------------------


def prepare(operand: Operand, value: Value, context: Context) -> Any:
    """Convert a spec's value for an operator's ``test``.

    Raises
    ------
    OperandError
        If the value is no operand of this kind.
    """
    match operand:
        case "string":
            return _string(value, context)
        case "strings":
            return frozenset(_string(item, context) for item in _list(value, "texts"))
        case "pattern":
            return _finder(value, ignore_case=context.ignore_case)
        case "number":
            return _number(value)
        case "numbers":
            return frozenset(_number(item) for item in _list(value, "numbers"))
        case "number pair":
            return _pair([_number(item) for item in _list(value, "two numbers")])
        case "datetime":
            return _instant(value, context)
        case "datetime pair":
            items = _list(value, "two date-times")
            return _pair(
                [_instant(item, context) for item in items[:-1]] + [_end(items[-1], context)]
            )
        case "duration":
            return _duration_us(value)
        case "unit":
            return _current(value, context.zone)
        case "count":
            return _count(value)
        case "value":
            if kind(value) not in ("string", "number", "boolean", "null"):
                raise OperandError("write a text, a number, true, false or null")
            return _folded(value) if context.ignore_case else value
        case "none" | "condition":
            return value
        case _:
            assert_never(operand)


def _string(value: Value, context: Context) -> str:
    if type(value) is not str:
        raise OperandError("write a text in quotes")
    return value.casefold() if context.ignore_case else value


def _finder(pattern: Value, *, ignore_case: bool) -> Callable[[str], bool]:
    """Compile a pattern to a search that takes linear time."""
    if type(pattern) is not str or not pattern:
        raise OperandError("write a pattern, such as '^cmp-[0-9]+'")
    if len(pattern) > _PATTERN_LIMIT:
        raise OperandError(f"write a pattern of at most {_PATTERN_LIMIT:,} characters")
    import re2  # imported here, because few specs use patterns

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True  # the position of the match is not needed
    options.case_sensitive = not ignore_case
    try:
        search = re2.compile(pattern, options).search
    except re2.error as error:
        reason = error.args[0]
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise OperandError(
            f"this is not a pattern in RE2 syntax ({reason[:120]}); "
            "look-around and back-references are not available"
        ) from error
    # Search bytes: for a string, re2 would count characters to report the position.
    return lambda text: search(text.encode("utf-8", "surrogatepass")) is not None


def _number(value: Value) -> int | Decimal:
    if type(value) is not int and type(value) is not Decimal:
        raise OperandError("write a number without quotes")
    return value


def _count(value: Value) -> int | Decimal:
    # 2.0 counts as 2.
    whole = type(value) is int or (type(value) is Decimal and value == value.to_integral_value())
    if not whole or value < 0:
        raise OperandError("write a whole number, 0 or more")
    return _number(value)


def _instant(value: Value, context: Context) -> int:
    instant = read_instant(value, context.zone) if type(value) is str else MISSING
    if instant is MISSING:
        raise OperandError("write a date or date-time, such as '2024-06-10T09:15:30Z'")
    return instant


def _end(value: Value, context: Context) -> int:
    """Prepare the end of a range: a date alone means the whole day."""
    start = _instant(value, context)
    if not is_date(value):
        return start
    day = moment(value, context.zone)
    assert day is not None
    try:
        return epoch_us(day + timedelta(days=1)) - 1
    except OverflowError:  # the last day of the calendar
        return start + _DAY_US - 1


def _duration_us(value: Value) -> int:
    if type(value) is not str:
        raise OperandError("write a duration, such as 'P7D' or 'PT1H'")
    try:
        return duration_ms(value) * 1000
    except ValueError as error:
        text = str(error)
        raise OperandError(text[0].lower() + text[1:].rstrip(".")) from error


def _current(value: Value, zone: tzinfo) -> Callable[[int], Span]:
    if type(value) is not str or value not in UNITS:
        raise OperandError("write 'hour', 'day', 'month' or 'year'")
    unit = value
    known = NEVER

    def at(now_ms: int) -> Span:
        nonlocal known  # cached, because the span seldom changes
        if not known[0] <= now_ms * 1000 <= known[1]:
            known = current(unit, now_ms, zone)
        return known

    return at


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


# --- the request's side ----------------------------------------------------------------


def as_it_is(value: Value) -> Value:
    """Return a value that has the operator's type already."""
    return value


def reader(row: Operator, seen: Kind, context: Context, *, explicit: bool) -> Reader | None:
    """Return the reader of a value of this type for an operator; None if there is none.

    Parameters
    ----------
    explicit
        Whether the leaf names the type, so that a text is converted to a number.
    """
    match row.type:
        case "any":
            return as_it_is
        case "datetime":
            zone = context.zone
            return (lambda text: read_instant(text, zone)) if seen == "string" else None
        case "number" if seen == "string" and explicit:
            return read_number
        case "string" if seen == "string" and context.ignore_case and row.operand != "pattern":
            return str.casefold
        case "array" if seen == "array" and context.ignore_case and row.operand == "value":
            return lambda elements: [_folded(element) for element in elements]
        case _:
            return as_it_is if row.type == seen else None


def read_instant(text: str, zone: tzinfo) -> int | Missing:
    """Read a date-time in microseconds since the epoch; one without an offset is in `zone`."""
    instant = moment(text, zone)
    return MISSING if instant is None else epoch_us(instant)


def read_number(text: str) -> int | Decimal | Missing:
    """Convert a text that is a JSON number, exactly."""
    # Without this test, jiter would accept white space around the number, and other types.
    if not text or text[0] not in _NUMBER_START or text[-1] not in _NUMBER_START[1:]:
        return MISSING
    try:
        number: int | Decimal = jiter.from_json(
            text.encode("utf-8", "surrogatepass"), allow_inf_nan=False, float_mode="decimal"
        )
    except ValueError:  # such as 01 or 1-2, or a number out of range
        return MISSING
    return number


def read_operand(row: Operator, value: Value, *, explicit: bool) -> Value:
    """Read another parameter's value as an operand; texts become numbers if `explicit`."""
    if not explicit or row.type != "number":
        return value
    if type(value) is list:
        return [read_number(item) if type(item) is str else item for item in value]
    return read_number(value) if type(value) is str else value


def _folded(value: Value) -> Value:
    return value.casefold() if type(value) is str else value
