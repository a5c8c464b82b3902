"""JSON values: their kinds, when two are the same, and their one canonical text.

The canonical text of a leaf is a one-letter tag, a colon and a text. Two leaves have the
same text if and only if they are equal:

====================  =========================================================
``z:``                null
``b:true|false``      boolean
``n:<number>``        number, see :func:`number_text`: ``1``, ``1.0`` and ``1e0``
                      are one number
``s:<text>``          string, as it is
``o:`` and ``l:``     the empty object and the empty array
====================  =========================================================
"""

from __future__ import annotations

import json
from decimal import Decimal
from enum import Enum
from numbers import Integral
from typing import Any, Final, Literal

#: A decoded JSON value: None, bool, int, Decimal, str, list or dict. Never a float:
#: a binary fraction would round what the sender wrote.
Value = Any

Kind = Literal["null", "boolean", "number", "string", "array", "object"]

#: The kind of each Python type that a decoded value can have.
KINDS: Final[dict[type, Kind]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    Decimal: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class Missing(Enum):
    """The type of :data:`MISSING`."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


#: Stands for a parameter that the request does not have. Not the same as null.
MISSING: Final = Missing.MISSING

#: Numbers whose exponent lies within ± this are written without one. A bound, since
#: ``1e999999999`` must not become a text of a billion digits.
PLAIN_EXPONENT: Final = 40
#: No more digits are written before the point or the exponent: jiter, and Python's own
#: int, read no longer integers.
PLAIN_DIGITS: Final = 4_300
_PLAIN_BOUND: Final = 10**PLAIN_EXPONENT

_quoted: Final = json.JSONEncoder(ensure_ascii=False).encode


def kind(value: Value) -> Kind:
    """Name the kind of a decoded JSON value."""
    return KINDS[type(value)]


def exact(value: Value) -> Value:
    """Turn what Python code may hold into a decoded JSON value.

    Floats become the decimal that they print as, tuples become lists, and what is a kind
    of int, float or str, such as NumPy's and the members of enumerations, a plain one.

    Raises
    ------
    TypeError
        If the value has no JSON form; NaN, the infinities and lone surrogates have none.
    """
    match value:
        case None | bool():
            return value
        case str():
            return _exact_text(value)
        case Integral():
            return int(value)
        case float() | Decimal():
            # float's own repr: a subclass's may say more than the number
            number = value if isinstance(value, Decimal) else Decimal(float.__repr__(value))
            if not number.is_finite():
                raise TypeError(f"JSON has no number for {value!r}.")
            return number
        case list() | tuple():
            return [exact(item) for item in value]
        case dict():
            for name in value:
                if not isinstance(name, str):
                    raise TypeError(f"JSON names members by strings, not by {type(name).__name__}.")
            return {_exact_text(name): exact(item) for name, item in value.items()}
        case _:
            raise TypeError(f"JSON has no form for a {type(value).__name__}.")


def _exact_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TypeError("JSON has no text with a lone surrogate.") from None
    return str.__str__(text)


def number_text(number: int | Decimal) -> str:
    """Write a number canonically: equal numbers, equal text, whatever their size.

    The coefficient has no zeros at either end. It is written plainly where the
    exponent is within ± :data:`PLAIN_EXPONENT` (``1200``, ``-0.5``), else as
    ``<coefficient>e<exponent>`` (``12e70``); where that would be more than
    :data:`PLAIN_DIGITS` digits in a row, with a point after the first.
    """
    if type(number) is int and -_PLAIN_BOUND < number < _PLAIN_BOUND:
        return str(number)
    # As d.ddd…E±power, with every digit. Decimal(int) is exact and, unlike str(int), knows
    # no limit of digits.
    mantissa, _, power = format(Decimal(number), "E").partition("E")
    coefficient = mantissa.lstrip("-").replace(".", "").rstrip("0")
    if not coefficient:
        return "0"
    minus = "-" if mantissa.startswith("-") else ""
    digits = len(coefficient)
    exponent = int(power) - (digits - 1)
    point = digits + exponent  # digits before it
    if abs(exponent) <= PLAIN_EXPONENT and point <= PLAIN_DIGITS:
        if exponent >= 0:
            return minus + coefficient + "0" * exponent
        if point > 0:
            return f"{minus}{coefficient[:point]}.{coefficient[point:]}"
        return f"{minus}0.{'0' * -point}{coefficient}"
    if digits <= PLAIN_DIGITS:
        return f"{minus}{coefficient}e{exponent}"
    return f"{minus}{coefficient[0]}.{coefficient[1:]}e{point - 1}"


def leaf_text(leaf: Value) -> str:
    """Write a leaf's canonical, type-tagged text.

    Raises
    ------
    TypeError
        If `leaf` is an object or an array that is not empty.
    """
    match leaf:
        case str():
            return "s:" + leaf
        case bool():
            return "b:true" if leaf else "b:false"
        case int() | Decimal():
            return "n:" + number_text(leaf)
        case None:
            return "z:"
        case dict() if not leaf:
            return "o:"
        case list() if not leaf:
            return "l:"
        case _:
            raise TypeError(f"A {type(leaf).__name__} with content is not a leaf.")


def same(one: Value, other: Value) -> bool:
    """Tell whether two values are the same JSON value.

    ``1`` is ``1.0`` but neither ``"1"`` nor ``true``; the order of an object's members
    does not matter.
    """
    if KINDS[type(one)] != KINDS[type(other)]:
        return False
    if type(one) is list:
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is dict:
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return bool(one == other)


def json_text(value: Value, *, indent: int | None = None, _depth: int = 1) -> str:
    """Write a value as JSON, exactly: decimals keep their value, members their order.

    Parameters
    ----------
    value
        A decoded JSON value.
    indent : int, optional
        Spaces for each level; without it the text is one line without spaces.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case int() | Decimal():
            return number_text(value)
        case dict() | list() if not value:
            return "{}" if type(value) is dict else "[]"
        case dict():
            opening, closing = "{}"
            colon = ":" if indent is None else ": "
            items = [
                _quoted(name) + colon + json_text(item, indent=indent, _depth=_depth + 1)
                for name, item in value.items()
            ]
        case list():
            opening, closing = "[]"
            items = [json_text(item, indent=indent, _depth=_depth + 1) for item in value]
        case _:
            raise TypeError(f"JSON has no form for a {type(value).__name__}.")
    if indent is None:
        return opening + ",".join(items) + closing
    margin = "\n" + " " * (indent * _depth)
    end = "\n" + " " * (indent * (_depth - 1))
    return opening + margin + ("," + margin).join(items) + end + closing


def shorten(value: Value, limit: int = 60) -> str:
    """Show a value as JSON on one line, cut to `limit` characters."""
    if type(value) is str and len(value) > limit:
        value = value[: limit - 1] + "…"
    text = json_text(value)
    return text if len(text) <= limit + 2 else text[: limit - 1] + "…"
