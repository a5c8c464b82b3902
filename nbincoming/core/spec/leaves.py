"""The leaves of a spec's triggers, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import assert_never

from nbincoming.core.conditions.evaluation import Scope, compile_bound, getter
from nbincoming.core.conditions.tree import All, AnyOf, Condition, ElementLeaf, Leaf, Not
from nbincoming.core.spec.model import Spec


@dataclass(frozen=True, slots=True)
class PlacedLeaf:
    """A leaf and its place.

    Attributes
    ----------
    trigger : str
        Name of its trigger.
    place : str
        Path into the spec, such as ``triggers[0].when.all[1]``.
    leaf : Leaf or ElementLeaf
        The leaf itself.
    within : tuple of ElementLeaf
        The leaves on arrays that contain it, outermost first.
    """

    trigger: str
    place: str
    leaf: Leaf | ElementLeaf
    within: tuple[ElementLeaf, ...] = ()

    def truths(self, scope: Scope, now_ms: int, zone: tzinfo) -> set[bool]:
        """Return the results of the leaf in a request.

        A leaf inside an :class:`ElementLeaf` has a result for each element: the set may have
        two results, or none.
        """
        scopes = [scope]
        for depth, outer in enumerate(self.within):
            get = getter(outer.parameter, tuple(each.element for each in self.within[:depth]))
            arrays = [(each, get(each)) for each in scopes]
            scopes = [
                {**each, outer.element: element}
                for each, array in arrays
                if type(array) is list
                for element in array
            ]
        test = compile_bound(self.leaf, zone, tuple(each.element for each in self.within))
        return {test(each, now_ms) for each in scopes}


def placed_leaves(spec: Spec) -> list[PlacedLeaf]:
    """List the leaves of all triggers in reading order, including those on elements."""
    return [
        PlacedLeaf(trigger.name, place, leaf, within)
        for index, trigger in enumerate(spec.triggers)
        for place, leaf, within in _walk(trigger.when, f"triggers[{index}].when", ())
    ]


def _walk(
    condition: Condition, place: str, within: tuple[ElementLeaf, ...]
) -> Iterator[tuple[str, Leaf | ElementLeaf, tuple[ElementLeaf, ...]]]:
    match condition:
        case All(conditions=parts):
            for index, part in enumerate(parts):
                yield from _walk(part, f"{place}.all[{index}]", within)
        case AnyOf(conditions=parts):
            for index, part in enumerate(parts):
                yield from _walk(part, f"{place}.any[{index}]", within)
        case Not(condition=part):
            yield from _walk(part, f"{place}.not", within)
        case ElementLeaf():
            yield place, condition, within
            yield from _walk(condition.value, f"{place}.value", (*within, condition))
        case Leaf():
            yield place, condition, within
        case _:
            assert_never(condition)
