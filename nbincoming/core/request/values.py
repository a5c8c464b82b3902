"""JSON values: their types, when two are equal, and their canonical text.

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

#: A decoded JSON value: None, bool, int, Decimal, str, list or dict. Never a float, because a
#: float would round decimals.
Value = Any

Kind = Literal["null", "boolean", "number", "string", "array", "object"]

#: The JSON type of each Python type that a decoded value can have.
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


#: The value of a parameter that the request does not have; it differs from null.
MISSING: Final = Missing.MISSING

#: Numbers with an exponent within ± this are written without one. Without this bound,
#: ``1e999999999`` would be written as a billion digits.
PLAIN_EXPONENT: Final = 40
#: Most digits before the point or the exponent. jiter and Python's int cannot read more.
PLAIN_DIGITS: Final = 4_300
_PLAIN_BOUND: Final = 10**PLAIN_EXPONENT

_quoted: Final = json.JSONEncoder(ensure_ascii=False).encode


def kind(value: Value) -> Kind:
    """Return the JSON type of a decoded value."""
    return KINDS[type(value)]


def exact(value: Value) -> Value:
    """Convert a Python value to a decoded JSON value.

    A float becomes the decimal in its repr, a tuple becomes a list. Instances of subclasses of int,
    float and str, such as NumPy scalars and enum members, become plain values.

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
            # the repr of a subclass may contain more than the number
            number = value if isinstance(value, Decimal) else Decimal(float.__repr__(value))
            if not number.is_finite():
                raise TypeError(f"JSON has no number for {value!r}.")
            return number
        case list() | tuple():
            return [exact(item) for item in value]
        case dict():
            for name in value:
                if not isinstance(name, str):
                    raise TypeError(
                        f"In JSON, names of members must be strings, not {type(name).__name__}."
                    )
            return {_exact_text(name): exact(item) for name, item in value.items()}
        case _:
            raise TypeError(f"JSON cannot represent a {type(value).__name__}.")


def _exact_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TypeError("JSON text cannot contain a lone surrogate.") from None
    return str.__str__(text)


def number_text(number: int | Decimal) -> str:
    """Write a number in canonical form: equal numbers have equal texts.

    Numbers with an exponent within ± :data:`PLAIN_EXPONENT` are written plainly (``1200``,
    ``-0.5``), others as ``<coefficient>e<exponent>`` (``12e70``). The coefficient has no zeros at
    either end. With more than :data:`PLAIN_DIGITS` digits, it has a point after the first.
    """
    if type(number) is int and -_PLAIN_BOUND < number < _PLAIN_BOUND:
        return str(number)
    # Decimal(int) is exact and, unlike str(int), has no limit of digits.
    mantissa, _, power = format(Decimal(number), "E").partition("E")
    coefficient = mantissa.lstrip("-").replace(".", "").rstrip("0")
    if not coefficient:
        return "0"
    minus = "-" if mantissa.startswith("-") else ""
    digits = len(coefficient)
    exponent = int(power) - (digits - 1)
    before_point = digits + exponent
    if abs(exponent) <= PLAIN_EXPONENT and before_point <= PLAIN_DIGITS:
        if exponent >= 0:
            return minus + coefficient + "0" * exponent
        if before_point > 0:
            return f"{minus}{coefficient[:before_point]}.{coefficient[before_point:]}"
        return f"{minus}0.{'0' * -before_point}{coefficient}"
    if digits <= PLAIN_DIGITS:
        return f"{minus}{coefficient}e{exponent}"
    return f"{minus}{coefficient[0]}.{coefficient[1:]}e{before_point - 1}"


def leaf_text(leaf: Value) -> str:
    """Write the canonical text of a leaf, with its type.

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
    """Tell whether two JSON values are equal.

    ``1`` equals ``1.0`` but neither ``"1"`` nor ``true``. The order of an object's members does not
    matter.
    """
    if KINDS[type(one)] != KINDS[type(other)]:
        return False
    if type(one) is list:
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is dict:
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return bool(one == other)


def json_text(value: Value, *, indent: int | None = None, _depth: int = 1) -> str:
    """Write a value as JSON. Decimals keep their value, members their order.

    Parameters
    ----------
    value
        A decoded JSON value.
    indent : int, optional
        Spaces for each level; without it, the text is one line without spaces.
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
            raise TypeError(f"JSON cannot represent a {type(value).__name__}.")
    if indent is None:
        return opening + ",".join(items) + closing
    margin = "\n" + " " * (indent * _depth)
    end = "\n" + " " * (indent * (_depth - 1))
    return opening + margin + ("," + margin).join(items) + end + closing


def shorten(value: Value, limit: int = 60) -> str:
    """Write a value as JSON on one line, cut to `limit` characters."""
    if type(value) is str and len(value) > limit:
        value = value[: limit - 1] + "…"
    text = json_text(value)
    return text if len(text) <= limit + 2 else text[: limit - 1] + "…"
