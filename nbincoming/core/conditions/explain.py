"""Why a condition is true or false for a request, leaf by leaf."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final, TypeVar, assert_never

from nbincoming.core.conditions.evaluation import Scope, compile_bound, getter, readings
from nbincoming.core.conditions.label import Reference
from nbincoming.core.conditions.operands import Context, OperandError, prepare, read_operand
from nbincoming.core.conditions.tree import (
    All,
    AnyOf,
    Condition,
    ElementLeaf,
    Leaf,
    Name,
    Not,
    with_article,
)
from nbincoming.core.request.masking import MASK, is_secret_value
from nbincoming.core.request.parameters import Parameters
from nbincoming.core.request.values import KINDS, MISSING, Missing, Value, shorten

#: Most elements of an array that an explanation shows.
MAX_ELEMENTS: Final = 3

_Seen = TypeVar("_Seen", Value, Value | Missing)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a condition is true or false.

    Attributes
    ----------
    holds : bool
        Whether the condition is true.
    sentence : str
        The condition in words.
    reason : str
        For a leaf, the value in the request; for a group, how many parts are true.
    parameter : str
        Label of a leaf; empty for a group.
    seen
        A leaf's value, or :data:`~nbincoming.core.request.values.MISSING`. The value of a
        header that looks like a credential is masked.
    kind : str
        Type of the value, or ``"missing"``; empty for a group.
    parts : tuple of Explanation
        The parts of a group, or the elements that explain the result.
    """

    holds: bool
    sentence: str
    reason: str
    parameter: str = ""
    seen: Value | Missing = MISSING
    kind: str = ""
    parts: tuple[Explanation, ...] = ()

    def leaves(self) -> Iterator[Explanation]:
        """Yield the leaves in reading order, including those on elements."""
        if self.parameter:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def __str__(self) -> str:
        return "\n".join(self._lines(0))

    def _lines(self, depth: int) -> Iterator[str]:
        mark = "✓" if self.holds else "✗"
        text = f"{self.sentence} — {self.reason}" if self.parameter else self.reason
        yield f"{'  ' * depth}{mark} {text}"
        for part in self.parts:
            yield from part._lines(depth + 1)


def explain(
    condition: Condition, parameters: Parameters, *, now_ms: int = 0, zone: tzinfo = UTC
) -> Explanation:
    """Explain a condition leaf by leaf.

    The result agrees with :func:`~nbincoming.core.conditions.evaluation.matches`.
    """
    return _Explainer(now_ms, zone).explain(condition, parameters.roots())


@dataclass(frozen=True, slots=True)
class _Explainer:
    """Explains conditions at one time, perhaps inside an :class:`ElementLeaf`."""

    now_ms: int
    zone: tzinfo
    bound: tuple[str, ...] = ()
    name: Name = str

    def explain(self, condition: Condition, scope: Scope) -> Explanation:
        match condition:
            case All(conditions=conditions) | AnyOf(conditions=conditions):
                parts = tuple(self.explain(part, scope) for part in conditions)
                count = sum(part.holds for part in parts)
                every = isinstance(condition, All)
                return Explanation(
                    holds=count == len(parts) if every else count > 0,
                    sentence=condition.describe(name=self.name),
                    reason=_count_words(count, len(parts), every=every),
                    parts=parts,
                )
            case Not(condition=inner):
                part = self.explain(inner, scope)
                reason = f"not: the condition below is {str(part.holds).lower()}"
                sentence = condition.describe(name=self.name)
                return Explanation(not part.holds, sentence, reason, parts=(part,))
            case Leaf():
                seen = getter(condition.parameter, self.bound)(scope)
                return self._leaf(condition, scope, seen, self._reason(condition, scope, seen))
            case ElementLeaf():
                return self._elements(condition, scope)
            case _:
                assert_never(condition)

    def _leaf(
        self,
        leaf: Leaf | ElementLeaf,
        scope: Scope,
        seen: Value | Missing,
        reason: str,
        parts: tuple[Explanation, ...] = (),
    ) -> Explanation:
        return Explanation(
            holds=compile_bound(leaf, self.zone, self.bound)(scope, self.now_ms),
            sentence=leaf.describe(name=self.name),
            reason=reason,
            parameter=self.name(leaf.parameter),
            seen=_visible(leaf.parameter, seen),
            kind="missing" if seen is MISSING else KINDS[type(seen)],
            parts=parts,
        )

    def _elements(self, leaf: ElementLeaf, scope: Scope) -> Explanation:
        array = getter(leaf.parameter, self.bound)(scope)
        if type(array) is not list:
            return self._leaf(leaf, scope, array, _mismatch(leaf.parameter, array, ["array"]))
        test = compile_bound(leaf.value, self.zone, (*self.bound, leaf.element))
        results = [test({**scope, leaf.element: value}, self.now_ms) for value in array]
        # Show the elements whose result is the leaf's; for no_element, those with the opposite one.
        result = compile_bound(leaf, self.zone, self.bound)(scope, self.now_ms)
        wanted = not result if leaf.operator == "no_element" else result
        shown = [index for index, each in enumerate(results) if each is wanted][:MAX_ELEMENTS]
        parts = tuple(
            self._within(leaf, index).explain(leaf.value, {**scope, leaf.element: array[index]})
            for index in shown
        )
        return self._leaf(leaf, scope, array, _elements_words(sum(results), len(array)), parts)

    def _within(self, leaf: ElementLeaf, index: int) -> _Explainer:
        outer, element, numbered = self.name, leaf.element, f"{leaf.parameter}[{index}]"

        def name(label: str) -> str:
            return outer(numbered + label[len(element) :] if label.startswith(element) else label)

        return _Explainer(self.now_ms, self.zone, (*self.bound, element), name)

    def _reason(self, leaf: Leaf, scope: Scope, seen: Value | Missing) -> str:
        if seen is MISSING:
            return "it is missing"
        cases = readings(leaf, self.zone)
        case = cases.get(type(seen))
        if case is None:
            types: list[str] = [row.type for row, _ in leaf.rows(self.zone)]
            return _mismatch(leaf.parameter, seen, types)
        row, _, read = case
        shown = f"it is {shorten(_visible(leaf.parameter, seen))}"
        if read(seen) is MISSING:
            return f"{shown}, which cannot be read as {with_article(row.type)}"
        if not isinstance(leaf.value, Reference):
            return shown
        other = getter(leaf.value.parameter, self.bound)(scope)
        shown += f" and {self.name(leaf.value.parameter)} is "
        if other is MISSING:
            return f"{shown}missing"
        operand = read_operand(row, other, explicit=leaf.type is not None)
        shown += shorten(_visible(leaf.value.parameter, other))
        try:
            prepare(row.operand, operand, Context(self.zone, leaf.ignore_case))
        except OperandError:
            return f"{shown}, and the two cannot be compared"
        return shown


def _count_words(count: int, total: int, *, every: bool) -> str:
    if every and count == total:
        return f"all of {total} are true"
    needed = "all are needed" if every else "one is needed"
    return f"{count or 'none'} of {total} {'is' if count < 2 else 'are'} true, {needed}"


def _elements_words(count: int, total: int) -> str:
    if total < 2:
        result = str(count > 0).lower()
        return f"it has 1 element, for which this is {result}" if total else "it is empty"
    return f"it has {total:,} elements, and this is true for {count or 'none'}"


def _visible(label: str, seen: _Seen) -> _Seen | str:
    """Mask the value of a header if it looks like a credential."""
    if not label.startswith("headers"):
        return seen
    texts = seen if isinstance(seen, list) else [seen]
    secret = any(isinstance(text, str) and is_secret_value(text) for text in texts)
    return MASK if secret else seen


def _mismatch(label: str, seen: Value | Missing, types: list[str]) -> str:
    if seen is MISSING:
        return "it is missing"
    shown = shorten(_visible(label, seen))
    is_what = "null" if seen is None else f"{shown}, {with_article(KINDS[type(seen)])}"
    return f"it is {is_what}, not {' or '.join(map(with_article, dict.fromkeys(types)))}"
