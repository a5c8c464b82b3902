"""A leaf as CEL: what it asks of each type of value, behind the guards of its path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from nbincoming.core.conditions.label import Reference
from nbincoming.core.conditions.operators import WHEN_MISSING, Operator
from nbincoming.core.conditions.tree import (
    ElementLeaf,
    Leaf,
)
from nbincoming.core.moments import duration_ms
from nbincoming.core.request.labels import Path, parse
from nbincoming.export.cel.terms import (
    ALWAYS,
    EXACT_INTEGER,
    MOMENT_PATTERN,
    NEVER,
    NUMBER_PATTERN,
    NoFaithfulForm,
    Place,
    every,
    follow,
    instant,
    is_kind,
    is_value,
    number,
    some,
    string,
)

#: Comparisons that CEL writes by an operator of its own.
_INFIX: Final = {
    "equals": "==",
    "not_equals": "!=",
    "less_than": "<",
    "less_or_equal": "<=",
    "greater_than": ">",
    "greater_or_equal": ">=",
    "before": "<",
    "after": ">",
}
_METHODS: Final = {
    "contains": "contains",
    "starts_with": "startsWith",
    "ends_with": "endsWith",
    "matches_regex": "matches",
}
_UNITS: Final = {
    "day": ("getFullYear", "getDayOfYear"),
    "month": ("getFullYear", "getMonth"),
    "year": ("getFullYear",),
}

_FOLDING: Final = "CEL cannot ignore case as Unicode folds it"

#: Operators whose value may come from another parameter here.
_REFERABLE: Final = {*_INFIX, *_METHODS, *(f"not_{name}" for name in _METHODS)}


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a value is read: what must hold first, and the expression then."""

    guards: tuple[str, ...]
    text: str
    double: bool = False


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes leaves, within the elements that are bound to variables.

    Attributes
    ----------
    zone : tzinfo
        Time zone of the spec.
    bound : tuple of (path, str)
        Paths of the elements in whose conditions a leaf stands, with their variables,
        outermost first.
    """

    zone: tzinfo
    bound: tuple[tuple[Path, str], ...] = ()

    def place(self, label: str) -> Place:
        """Find where a label leads."""
        path = parse(label)
        for element, variable in reversed(self.bound):
            if path[: len(element)] == element:
                return follow(variable, path[len(element) :])
        return follow(str(path[0]), path[1:])

    # --- elements ----------------------------------------------------------------------

    def within(self, leaf: ElementLeaf) -> tuple[Writer, str]:
        """Return a writer for the condition on the elements, and their variable."""
        if self.place(leaf.parameter).rest is not None:
            raise NoFaithfulForm(
                f"{leaf.parameter} gathers from the elements of an array; ask those one by one"
            )
        variable = f"e{len(self.bound) + 1}"
        return Writer(self.zone, (*self.bound, (parse(leaf.element), variable))), variable

    def elements(self, leaf: ElementLeaf, variable: str, held: str) -> str:
        """Write a condition on elements, from what is asked of each."""
        place = self.place(leaf.parameter)
        array = is_kind(place.text, "array")
        if leaf.operator == "all_elements":
            asked = f"dyn({place.text}).all({variable}, {held})"
            return place.where(array, f"size({place.text}) > 0", asked)
        found = f"dyn({place.text}).exists({variable}, {held})"
        return place.where(array, found if leaf.operator == "any_element" else f"!{found}")

    # --- leaves ------------------------------------------------------------------------

    def leaf(self, leaf: Leaf) -> str:
        """Write a leaf.

        Raises
        ------
        NoFaithfulForm
            With the reason.
        """
        place = self.place(leaf.parameter)
        if leaf.operator == WHEN_MISSING:
            there = place.where()
            return NEVER if there == ALWAYS else f"!({there})"
        if isinstance(leaf.value, Reference):
            return self._reference(leaf, place, leaf.value)
        found = [(row, operand) for row, operand in leaf.rows(self.zone)]
        if place.rest is not None:
            return self._gathered(leaf, place, [row for row, _ in found])
        return place.where(some([self._case(leaf, place.text, *each) for each in found]))

    def _case(self, leaf: Leaf, text: str, row: Operator, operand: Any) -> str:
        """Write what one row of the table asks, the type of the value included."""
        if leaf.ignore_case:
            _check_case(row, leaf.value)
        match row.type:
            case "any":
                return _presence(row.name, text)
            case "boolean":
                return every(
                    [is_kind(text, "boolean"), f"{text} == {str(row.name == 'is_true').lower()}"]
                )
            case "array":
                return every([is_kind(text, "array"), self._array(leaf, row, text)])
            case "string":
                asked = _string_test(row, text, leaf)
            case "number":
                return some(
                    [
                        every([*each.guards, _number_test(row, each, leaf.value)])
                        for each in _numbers(text, explicit=leaf.type is not None)
                    ]
                )
            case "datetime":
                return every([*_moment(text).guards, self._moment_test(leaf, row, text, operand)])
            case _:
                raise NoFaithfulForm(f"{row.name} on {row.type} is unknown here")
        return every([is_kind(text, "string"), asked])

    def _array(self, leaf: Leaf, row: Operator, text: str) -> str:
        if row.operand == "count":
            return f"size({text}) {_length_infix(row.name)} {_count(leaf.value)}"
        variable = f"e{len(self.bound) + 1}"
        found = f"dyn({text}).exists({variable}, {is_value(variable, leaf.value)})"
        return found if row.name == "contains" else f"!{found}"

    def _moment_test(self, leaf: Leaf, row: Operator, text: str, operand: Any) -> str:
        moment = _moment(text).text
        value: Any = leaf.value
        match row.operand:
            case "datetime pair":
                return f"{moment} >= {instant(operand[0])} && {moment} <= {instant(operand[1])}"
            case "duration":
                span = f'duration("{duration_ms(value) // 1000}s")'
                ends = (
                    (f"now - {span}", "now") if row.name == "in_last" else ("now", f"now + {span}")
                )
                return f"{moment} >= {ends[0]} && {moment} <= {ends[1]}"
            case "unit":
                return self._current(value, moment)
            case _:
                return f"{moment} {_INFIX[row.name]} {instant(operand)}"

    def _current(self, unit: str, moment: str) -> str:
        if unit not in _UNITS:
            raise NoFaithfulForm("CEL cannot tell the two hours that one hour of the clock can be")
        zone = string(getattr(self.zone, "key", "UTC"))
        return every([f"{moment}.{part}({zone}) == now.{part}({zone})" for part in _UNITS[unit]])

    # --- what [*] gathers --------------------------------------------------------------

    def _gathered(self, leaf: Leaf, place: Place, found: list[Operator]) -> str:
        """Write what is asked of the array that ``[*]`` gathers."""
        row = next((row for row in found if row.type in ("any", "array")), None)
        if row is None or row.name == "is_null":
            return NEVER  # it is an array, whatever the elements are
        if row.name in ("exists", "is_not_null"):
            return place.where()
        if row.operand == "count":
            return place.where(self._gathered_size(place, row, leaf))
        if row.name in ("contains", "not_contains"):
            if leaf.ignore_case:
                _check_case(row, leaf.value)
            some_found = self._any_gathered(place, lambda text: is_value(text, leaf.value))
        else:
            some_found = self._any_gathered(place, lambda _: ALWAYS)
        wanted = row.name in ("contains", "is_not_empty")
        return place.where(some_found if wanted else f"!{some_found}")

    def _any_gathered(self, place: Place, test: Callable[[str], str], depth: int = 1) -> str:
        variable = f"e{len(self.bound) + depth}"
        inner = follow(variable, place.rest or ())
        if inner.rest is None:
            asked = inner.where(test(inner.text))
        else:
            asked = inner.where(self._any_gathered(inner, test, depth + 1))
        return f"dyn({place.text}).exists({variable}, {asked})"

    def _gathered_size(self, place: Place, row: Operator, leaf: Leaf) -> str:
        variable = f"e{len(self.bound) + 1}"
        inner = follow(variable, place.rest or ())
        if inner.rest is not None:
            raise NoFaithfulForm("CEL cannot count what two [*] gather")
        counted = f"size(dyn({place.text}).filter({variable}, {inner.where()}))"
        return f"{counted} {_length_infix(row.name)} {_count(leaf.value)}"

    # --- another parameter's value -----------------------------------------------------

    def _reference(self, leaf: Leaf, place: Place, reference: Reference) -> str:
        other = self.place(reference.parameter)
        if leaf.operator not in _REFERABLE or place.rest is not None or other.rest is not None:
            raise NoFaithfulForm("CEL would need more than one comparison of two values for this")
        if leaf.ignore_case:
            raise NoFaithfulForm(_FOLDING)
        cases = [self._compared(leaf, row, place.text, other.text) for row, _ in leaf.rows()]
        return every([*place.guards, *other.guards, some(cases)])

    def _compared(self, leaf: Leaf, row: Operator, text: str, other: str) -> str:
        if row.operand == "value":
            return self._array_reference(row, text, other)
        explicit = leaf.type is not None
        if row.type == "number":
            ours, theirs = _numbers(text, explicit=explicit), _numbers(other, explicit=explicit)
        elif row.type == "datetime":
            ours, theirs = [_moment(text)], [_moment(other)]
        else:
            ours, theirs = [_text(text)], [_text(other)]
        return some(
            [
                every([*one.guards, *two.guards, _comparison(row.name, one.text, two.text)])
                for one in ours
                for two in theirs
            ]
        )

    def _array_reference(self, row: Operator, text: str, other: str) -> str:
        variable = f"e{len(self.bound) + 1}"
        kinds = ("string", "number", "boolean", "null")
        same = some(
            [
                every([is_kind(variable, kind), is_kind(other, kind), f"{variable} == {other}"])
                for kind in kinds
            ]
        )
        scalar = some([is_kind(other, kind) for kind in kinds])
        found = f"dyn({text}).exists({variable}, {same})"
        wanted = found if row.name == "contains" else f"!{found}"
        return every([is_kind(text, "array"), scalar, wanted])


def _check_case(row: Operator, value: Any) -> None:
    """Refuse to ignore case, except in a pattern, which has a flag for that."""
    if row.operand in ("string", "strings") or (row.operand == "value" and type(value) is str):
        raise NoFaithfulForm(_FOLDING)


def _presence(name: str, text: str) -> str:
    empty = some(
        [
            every([is_kind(text, "string"), f'{text} == ""']),
            every([f"type({text}) in [list, map]", f"size({text}) == 0"]),
        ]
    )
    match name:
        case "exists":
            return ALWAYS
        case "is_null":
            return is_kind(text, "null")
        case "is_not_null":
            return f"type({text}) != null_type"
        case "is_empty":
            return empty
        case "is_not_empty":
            return f"type({text}) != null_type && !{empty}"
        case _:
            raise NoFaithfulForm(f"{name} is unknown here")


def _string_test(row: Operator, text: str, leaf: Leaf) -> str:
    value: Any = leaf.value
    if row.operand == "strings":
        listed = f"{text} in [{', '.join(map(string, value))}]"
        return listed if row.name == "in" else f"!({listed})"
    if row.operand == "pattern":
        pattern = f"(?i){value}" if leaf.ignore_case else value
        return _comparison(row.name, text, string(pattern))
    return _comparison(row.name, text, string(value))


def _number_test(row: Operator, seen: _Reading, value: Any) -> str:
    def literal(given: Any) -> str:
        return number(given, double=seen.double)

    match row.operand:
        case "number pair":
            return f"{seen.text} >= {literal(value[0])} && {seen.text} <= {literal(value[1])}"
        case "numbers":
            listed = " || ".join(f"{seen.text} == {literal(each)}" for each in value)
            return f"({listed})" if row.name == "in" else f"!({listed})"
        case _:
            return _comparison(row.name, seen.text, literal(value))


def _comparison(name: str, one: str, two: str) -> str:
    if name in _INFIX:
        return f"{one} {_INFIX[name]} {two}"
    method = f"{one}.{_METHODS[name.removeprefix('not_')]}({two})"
    return f"!{method}" if name.startswith("not_") else method


def _text(text: str) -> _Reading:
    return _Reading((is_kind(text, "string"),), text)


def _moment(text: str) -> _Reading:
    guards = (is_kind(text, "string"), f"{text}.matches({string(MOMENT_PATTERN)})")
    return _Reading(guards, f"timestamp({text})")


def _numbers(text: str, *, explicit: bool) -> list[_Reading]:
    """Say how a number is read: as it is, and out of a string where that is asked for."""
    readings = [_Reading((is_kind(text, "number"),), text)]
    if explicit:
        guards = (is_kind(text, "string"), f"{text}.matches({string(NUMBER_PATTERN)})")
        readings.append(_Reading(guards, f"double({text})", double=True))
    return readings


def _length_infix(name: str) -> str:
    return _INFIX[name.removeprefix("length_")]


def _count(value: Any) -> str:
    if value > EXACT_INTEGER:
        raise NoFaithfulForm("this count is beyond CEL's integers")
    return number(value)
