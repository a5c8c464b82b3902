"""The parts that CEL expressions are built from: guarded paths, type tests, literals.

CEL raises an error for a missing member and for an operator on a value of the wrong type.
So every path has guards before it:
``type(body) == map && "v" in body && type(body["v"]) == string && …``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from nbincoming.core.request.labels import ELEMENTS, Path
from nbincoming.core.request.values import Value, json_text, number_text

#: Doubles tell apart all integers up to 2^53, and all decimals of up to 15 digits.
EXACT_INTEGER: Final = 2**53
EXACT_DIGITS: Final = 15

#: A JSON number, and a date-time of RFC 3339 down to the microsecond, as RE2 patterns.
NUMBER_PATTERN: Final = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
MOMENT_PATTERN: Final = (
    r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)

CEL_FALSE: Final = "false"
CEL_TRUE: Final = "true"


class NoFaithfulForm(ValueError):
    """CEL has no expression with the same meaning; the message is the reason."""


@dataclass(frozen=True, slots=True)
class GuardedPath:
    """A path as CEL, with the tests that must come before it.

    Attributes
    ----------
    guards : tuple of str
        Tests that are true if there is a value at the path.
    text : str
        The expression of the value.
    rest : tuple or None
        The segments after the first ``[*]``; None if there is no ``[*]``.
    """

    guards: tuple[str, ...]
    text: str
    rest: Path | None = None

    def where(self, *tests: str) -> str:
        """Test that there is a value and that all tests are true."""
        return join_and([*self.guards, *tests])


def guarded_path(start: str, path: Path) -> GuardedPath:
    """Write a path that starts at an expression, up to its end or the first ``[*]``."""
    guards: list[str] = []
    text = start
    for position, segment in enumerate(path):
        if isinstance(segment, str):
            name = string(segment)
            guards += [f"type({text}) == map", f"{name} in {text}"]
            text = f"{text}[{name}]"
        elif segment is ELEMENTS:
            guards.append(f"type({text}) == list")
            return GuardedPath(tuple(guards), text, path[position + 1 :])
        else:
            guards += [f"type({text}) == list", f"size({text}) > {segment}"]
            text = f"{text}[{segment}]"
    return GuardedPath(tuple(guards), text)


def join_and(terms: Sequence[str]) -> str:
    """Join terms by "and"."""
    terms = [term for term in terms if term != CEL_TRUE]
    if CEL_FALSE in terms:
        return CEL_FALSE
    return " && ".join(terms) if terms else CEL_TRUE


def join_or(terms: Sequence[str]) -> str:
    """Join terms by "or", in parentheses if there are several."""
    terms = [term for term in terms if term != CEL_FALSE]
    if not terms:
        return CEL_FALSE
    return terms[0] if len(terms) == 1 else "(" + " || ".join(f"({term})" for term in terms) + ")"


def string(text: str) -> str:
    """Write a string literal; CEL has the escapes of JSON."""
    return json_text(text)


def number(value: int | Decimal, *, double: bool = False) -> str:
    """Write a literal that is exactly this number.

    Parameters
    ----------
    value
        The number.
    double
        Write a double, to compare with a double.

    Raises
    ------
    NoFaithfulForm
        If a double cannot tell it from another number.
    """
    text = number_text(value)
    size = Decimal(value).copy_abs()  # copy_abs() does not round
    if size <= EXACT_INTEGER and size == int(size):
        return f"{text}.0" if double else text
    digits = len(text.lstrip("-").partition("e")[0].replace(".", "").strip("0"))
    if size > EXACT_INTEGER or digits > EXACT_DIGITS or size < Decimal("1e-300"):
        raise NoFaithfulForm(
            f"CEL's doubles cannot tell {text[:40]} from the next number; they are exact for "
            f"integers up to 2^53 and decimals of {EXACT_DIGITS} digits"
        )
    return text


def instant(micros: int) -> str:
    """Write a timestamp given in microseconds since the epoch."""
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    except OverflowError:
        raise NoFaithfulForm("CEL's timestamps range from the year 1 to the year 9999") from None
    return f'timestamp("{when.isoformat().replace("+00:00", "Z")}")'


def is_kind(text: str, kind: str) -> str:
    """Test the type of a value: string, number, boolean, null, array or object."""
    match kind:
        case "number":
            return f"type({text}) in [int, uint, double]"
        case "boolean":
            return f"type({text}) == bool"
        case "null":
            return f"type({text}) == null_type"
        case "array":
            return f"type({text}) == list"
        case "object":
            return f"type({text}) == map"
        case _:
            return f"type({text}) == string"


def is_value(text: str, value: Value) -> str:
    """Test that a value equals a scalar: 1 equals 1.0, but neither "1" nor true."""
    match value:
        case None:
            return is_kind(text, "null")
        case bool():
            return join_and([is_kind(text, "boolean"), f"{text} == {json_text(value)}"])
        case str():
            return join_and([is_kind(text, "string"), f"{text} == {string(value)}"])
        case _:
            return join_and([is_kind(text, "number"), f"{text} == {number(value)}"])
