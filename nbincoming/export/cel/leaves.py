"""Writes a leaf of a condition as CEL."""

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
    CEL_FALSE,
    CEL_TRUE,
    GuardedPath,
    NoFaithfulForm,
    guarded_path,
    instant,
    is_kind,
    is_value,
    join_and,
    join_or,
    string,
)
from nbincoming.export.cel.value_tests import (
    CASE_DIFFERS,
    INFIX,
    METHODS,
    as_moment,
    as_numbers,
    as_text,
    check_case,
    comparison,
    length_test,
    number_test,
    presence_test,
    string_test,
)

#: The methods that return the same for all timestamps in one day, month or year.
_UNITS: Final = {
    "day": ("getFullYear", "getDayOfYear"),
    "month": ("getFullYear", "getMonth"),
    "year": ("getFullYear",),
}

#: Operators whose value may be another parameter.
_REFERABLE: Final = {*INFIX, *METHODS, *(f"not_{name}" for name in METHODS)}


@dataclass(frozen=True, slots=True)
class LeafWriter:
    """Writes leaves.

    Attributes
    ----------
    zone : tzinfo
        Time zone of the spec.
    bound : tuple of (path, str)
        For each :class:`ElementLeaf` around the leaf, outermost first: the path of its
        elements, and the variable for one element.
    """

    zone: tzinfo
    bound: tuple[tuple[Path, str], ...] = ()

    def target(self, label: str) -> GuardedPath:
        """Write a label, starting at the variable of the innermost element that contains it."""
        path = parse(label)
        for element, variable in reversed(self.bound):
            if path[: len(element)] == element:
                return guarded_path(variable, path[len(element) :])
        return guarded_path(str(path[0]), path[1:])

    # --- elements ----------------------------------------------------------------------

    def within(self, leaf: ElementLeaf) -> tuple[LeafWriter, str]:
        """Return a writer for the condition on each element, and the element's variable."""
        if self.target(leaf.parameter).rest is not None:
            raise NoFaithfulForm(
                f"{leaf.parameter} collects values of several elements; write a condition on each "
                "element"
            )
        variable = f"e{len(self.bound) + 1}"
        return LeafWriter(self.zone, (*self.bound, (parse(leaf.element), variable))), variable

    def elements(self, leaf: ElementLeaf, variable: str, held: str) -> str:
        """Write a condition on elements.

        Parameters
        ----------
        variable, held
            The variable for one element, and the condition on it in CEL.
        """
        target = self.target(leaf.parameter)
        array = is_kind(target.text, "array")
        if leaf.operator == "all_elements":
            asked = f"dyn({target.text}).all({variable}, {held})"
            return target.where(array, f"size({target.text}) > 0", asked)
        found = f"dyn({target.text}).exists({variable}, {held})"
        return target.where(array, found if leaf.operator == "any_element" else f"!{found}")

    # --- leaves ------------------------------------------------------------------------

    def leaf(self, leaf: Leaf) -> str:
        """Write a leaf; raise :class:`NoFaithfulForm` if CEL cannot express it."""
        target = self.target(leaf.parameter)
        if leaf.operator == WHEN_MISSING:
            there = target.where()
            return CEL_FALSE if there == CEL_TRUE else f"!({there})"
        if isinstance(leaf.value, Reference):
            return self._reference(leaf, target, leaf.value)
        found = [(row, operand) for row, operand in leaf.rows(self.zone)]
        if target.rest is not None:
            return self._gathered(leaf, target, [row for row, _ in found])
        return target.where(join_or([self._case(leaf, target.text, *each) for each in found]))

    def _case(self, leaf: Leaf, text: str, row: Operator, operand: Any) -> str:
        """Write one row of the table of operators, after a test of the value's type."""
        if leaf.ignore_case:
            check_case(row, leaf.value)
        match row.type:
            case "any":
                return presence_test(row.name, text)
            case "boolean":
                return join_and(
                    [is_kind(text, "boolean"), f"{text} == {str(row.name == 'is_true').lower()}"]
                )
            case "array":
                return join_and([is_kind(text, "array"), self._array(leaf, row, text)])
            case "string":
                asked = string_test(row, text, leaf)
            case "number":
                return join_or(
                    [
                        join_and([*each.guards, number_test(row, each, leaf.value)])
                        for each in as_numbers(text, explicit=leaf.type is not None)
                    ]
                )
            case "datetime":
                return join_and(
                    [*as_moment(text).guards, self._moment_test(leaf, row, text, operand)]
                )
            case _:
                raise NoFaithfulForm(f"the operator {row.name} on {row.type} is not exported")
        return join_and([is_kind(text, "string"), asked])

    def _array(self, leaf: Leaf, row: Operator, text: str) -> str:
        if row.operand == "count":
            return f"size({text}) {length_test(row.name, leaf.value)}"
        variable = f"e{len(self.bound) + 1}"
        found = f"dyn({text}).exists({variable}, {is_value(variable, leaf.value)})"
        return found if row.name == "contains" else f"!{found}"

    def _moment_test(self, leaf: Leaf, row: Operator, text: str, operand: Any) -> str:
        moment = as_moment(text).text
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
                return f"{moment} {INFIX[row.name]} {instant(operand)}"

    def _current(self, unit: str, moment: str) -> str:
        if unit not in _UNITS:
            raise NoFaithfulForm("CEL cannot tell apart the two hours when clocks go back")
        zone = string(getattr(self.zone, "key", "UTC"))
        return join_and([f"{moment}.{part}({zone}) == now.{part}({zone})" for part in _UNITS[unit]])

    # --- paths with [*] ----------------------------------------------------------------

    def _gathered(self, leaf: Leaf, target: GuardedPath, found: list[Operator]) -> str:
        """Write a leaf on the array of values that ``[*]`` collects."""
        row = next((row for row in found if row.type in ("any", "array")), None)
        if row is None or row.name == "is_null":
            return CEL_FALSE  # [*] collects an array, for which this is false
        if row.name in ("exists", "is_not_null"):
            return target.where()
        if row.operand == "count":
            return target.where(self._gathered_size(target, row, leaf))
        if row.name in ("contains", "not_contains"):
            if leaf.ignore_case:
                check_case(row, leaf.value)
            some_found = self._any_gathered(target, lambda text: is_value(text, leaf.value))
        else:
            some_found = self._any_gathered(target, lambda _: CEL_TRUE)
        wanted = row.name in ("contains", "is_not_empty")
        return target.where(some_found if wanted else f"!{some_found}")

    def _any_gathered(self, target: GuardedPath, test: Callable[[str], str], depth: int = 1) -> str:
        variable = f"e{len(self.bound) + depth}"
        inner = guarded_path(variable, target.rest or ())
        if inner.rest is None:
            asked = inner.where(test(inner.text))
        else:
            asked = inner.where(self._any_gathered(inner, test, depth + 1))
        return f"dyn({target.text}).exists({variable}, {asked})"

    def _gathered_size(self, target: GuardedPath, row: Operator, leaf: Leaf) -> str:
        variable = f"e{len(self.bound) + 1}"
        inner = guarded_path(variable, target.rest or ())
        if inner.rest is not None:
            raise NoFaithfulForm("CEL cannot count the values that two [*] collect")
        counted = f"size(dyn({target.text}).filter({variable}, {inner.where()}))"
        return f"{counted} {length_test(row.name, leaf.value)}"

    # --- another parameter's value -----------------------------------------------------

    def _reference(self, leaf: Leaf, target: GuardedPath, reference: Reference) -> str:
        other = self.target(reference.parameter)
        if leaf.operator not in _REFERABLE or target.rest is not None or other.rest is not None:
            raise NoFaithfulForm("in CEL this operator cannot take the value of a parameter")
        if leaf.ignore_case:
            raise NoFaithfulForm(CASE_DIFFERS)
        cases = [self._compared(leaf, row, target.text, other.text) for row, _ in leaf.rows()]
        return join_and([*target.guards, *other.guards, join_or(cases)])

    def _compared(self, leaf: Leaf, row: Operator, text: str, other: str) -> str:
        if row.operand == "value":
            return self._array_reference(row, text, other)
        explicit = leaf.type is not None
        if row.type == "number":
            ours, theirs = (
                as_numbers(text, explicit=explicit),
                as_numbers(other, explicit=explicit),
            )
        elif row.type == "datetime":
            ours, theirs = [as_moment(text)], [as_moment(other)]
        else:
            ours, theirs = [as_text(text)], [as_text(other)]
        return join_or(
            [
                join_and([*one.guards, *two.guards, comparison(row.name, one.text, two.text)])
                for one in ours
                for two in theirs
            ]
        )

    def _array_reference(self, row: Operator, text: str, other: str) -> str:
        variable = f"e{len(self.bound) + 1}"
        kinds = ("string", "number", "boolean", "null")
        same = join_or(
            [
                join_and([is_kind(variable, kind), is_kind(other, kind), f"{variable} == {other}"])
                for kind in kinds
            ]
        )
        scalar = join_or([is_kind(other, kind) for kind in kinds])
        found = f"dyn({text}).exists({variable}, {same})"
        wanted = found if row.name == "contains" else f"!{found}"
        return join_and([is_kind(text, "array"), scalar, wanted])
