"""The leaves of a spec's triggers: where each stands, and what it takes in a request."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given

from nbincoming.core.conditions.builder import P
from nbincoming.core.conditions.evaluation import compile_condition
from nbincoming.core.conditions.tree import Condition, leaves
from nbincoming.core.spec.leaves import PlacedLeaf, placed_leaves
from nbincoming.core.spec.model import Spec, Trigger, spec_from_data
from tests.core.strategies import spec_data

ENDPOINT = "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d"
b = P.body


def placed(*whens: Condition) -> list[PlacedLeaf]:
    """List the leaves of triggers with these conditions."""
    triggers = tuple(Trigger(name=f"t{n}", when=when) for n, when in enumerate(whens))
    return placed_leaves(Spec(name="x", endpoint=ENDPOINT, triggers=triggers))


def test_each_leaf_has_the_place_that_it_has_in_the_file() -> None:
    """Through groups, negations and the conditions of elements, in reading order."""
    first = (b.a == 1) & ((b.b == 2) | ~(b.c == 3))
    second = ~b.items.any_element(lambda item: (item.n > 1) & item.tags.contains("x"))
    assert [(each.trigger, each.place) for each in placed(first, second)] == [
        ("t0", "triggers[0].when.all[0]"),
        ("t0", "triggers[0].when.all[1].any[0]"),
        ("t0", "triggers[0].when.all[1].any[1].not"),
        ("t1", "triggers[1].when.not"),
        ("t1", "triggers[1].when.not.value.all[0]"),
        ("t1", "triggers[1].when.not.value.all[1]"),
    ]


@given(spec_data)
def test_none_is_forgotten(data: dict[str, Any]) -> None:
    """They are the leaves of the triggers' conditions, in their order."""
    spec = spec_from_data(data)
    wanted = [leaf for trigger in spec.triggers for leaf in leaves(trigger.when)]
    assert [each.leaf for each in placed_leaves(spec)] == wanted


@pytest.mark.parametrize(
    ("body", "truths"),
    [
        ({}, set()),
        ({"orders": []}, set()),
        ({"orders": [5, {"lines": "x"}]}, set()),
        ({"orders": [{"lines": [{"n": 1}]}]}, {False}),
        ({"orders": [{"lines": [{"n": 1}]}, {"lines": [{"n": 9}]}]}, {True, False}),
    ],
)
def test_what_is_asked_of_elements_is_asked_of_each(body: Any, truths: set[bool]) -> None:
    """Of those of arrays within arrays, too; of none where there is none."""
    *_, leaf = placed(
        b.orders.any_element(lambda order: order.lines.any_element(lambda line: line.n > 5))
    )
    assert leaf.truths({"body": body, "headers": {}}, 0, UTC) == truths


def test_a_leaf_outside_of_arrays_takes_its_one_value() -> None:
    """That of its condition by itself."""
    (leaf,) = placed(b.n > 5)
    for body in ({"n": 9}, {"n": 1}, {}):
        scope = {"body": body, "headers": {}}
        assert leaf.truths(scope, 0, UTC) == {compile_condition(b.n > 5)(scope, 0)}
