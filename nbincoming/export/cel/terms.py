"""The words of CEL that conditions are put together from: paths, guards, literals, readings.

CEL raises an error for a missing member and for an operator on the wrong type. So every
path is guarded: ``type(body) == map && "v" in body && type(body["v"]) == string && …``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from nbincoming.core.request.labels import ELEMENTS, Path
from nbincoming.core.request.values import Value, json_text, number_text

#: Doubles hold every integer up to here, and all decimals of so many digits apart.
EXACT_INTEGER: Final = 2**53
EXACT_DIGITS: Final = 15

#: A JSON number, and a date-time of RFC 3339 down to the microsecond, as RE2 patterns.
NUMBER_PATTERN: Final = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
MOMENT_PATTERN: Final = (
    r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)

NEVER: Final = "false"
ALWAYS: Final = "true"


class NoFaithfulForm(ValueError):
    """What CEL cannot say so that it means the same; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads.

    Attributes
    ----------
    guards : tuple of str
        What must hold for it to be there.
    text : str
        How it is reached where they hold.
    rest : tuple
        What is left of the path after ``[*]``; None where there is none.
    """

    guards: tuple[str, ...]
    text: str
    rest: Path | None = None

    def where(self, *tests: str) -> str:
        """Say that it is there and that all the tests hold."""
        return every([*self.guards, *tests])


def follow(start: str, path: Path) -> Place:
    """Follow a path from an expression, up to its end or the first ``[*]``."""
    guards: list[str] = []
    text = start
    for position, segment in enumerate(path):
        if isinstance(segment, str):
            name = string(segment)
            guards += [f"type({text}) == map", f"{name} in {text}"]
            text = f"{text}[{name}]"
        elif segment is ELEMENTS:
            guards.append(f"type({text}) == list")
            return Place(tuple(guards), text, path[position + 1 :])
        else:
            guards += [f"type({text}) == list", f"size({text}) > {segment}"]
            text = f"{text}[{segment}]"
    return Place(tuple(guards), text)


def every(terms: Sequence[str]) -> str:
    """Join by "and"."""
    terms = [term for term in terms if term != ALWAYS]
    if NEVER in terms:
        return NEVER
    return " && ".join(terms) if terms else ALWAYS


def some(terms: Sequence[str]) -> str:
    """Join by "or", in parentheses where there is more than one."""
    terms = [term for term in terms if term != NEVER]
    if not terms:
        return NEVER
    return terms[0] if len(terms) == 1 else "(" + " || ".join(f"({term})" for term in terms) + ")"


def string(text: str) -> str:
    """Write a string literal: JSON's escapes are CEL's, too."""
    return json_text(text)


def number(value: int | Decimal, *, double: bool = False) -> str:
    """Write a number literal that means just this number.

    Parameters
    ----------
    double
        Write it as a double, to be compared with one.
    """
    text = number_text(value)
    size = Decimal(value).copy_abs()  # exact, whatever the exponent
    if size <= EXACT_INTEGER and size == int(size):
        return f"{text}.0" if double else text
    digits = len(text.lstrip("-").partition("e")[0].replace(".", "").strip("0"))
    if size > EXACT_INTEGER or digits > EXACT_DIGITS or size < Decimal("1e-300"):
        raise NoFaithfulForm(
            f"CEL's doubles cannot tell {text[:40]} from its neighbours; they hold integers up to "
            f"2^53 and decimals of {EXACT_DIGITS} digits"
        )
    return text


def instant(micros: int) -> str:
    """Write a timestamp by its microseconds since the epoch."""
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    except OverflowError:
        raise NoFaithfulForm("CEL's timestamps go from the year 1 to the year 9999") from None
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
    """Test for one scalar: 1 is 1.0, and neither "1" nor true."""
    match value:
        case None:
            return is_kind(text, "null")
        case bool():
            return every([is_kind(text, "boolean"), f"{text} == {json_text(value)}"])
        case str():
            return every([is_kind(text, "string"), f"{text} == {string(value)}"])
        case _:
            return every([is_kind(text, "number"), f"{text} == {number(value)}"])
