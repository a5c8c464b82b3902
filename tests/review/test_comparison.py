"""Two versions over the same requests: what comes out otherwise."""

from __future__ import annotations

from typing import Any

import nbincoming as nbi
from nbincoming.core.spec.model import Spec
from nbincoming.review.comparison import compare
from nbincoming.review.example_choice import choose_examples
from tests.samples.making import samples, spec

BODIES: list[Any] = [
    {"id": 1, "n": 1}, {"id": 1, "n": 5}, {"id": 2, "n": 5}, {"id": 3, "n": 9}, b"{",
]  # fmt: skip


def above(number: int, name: str = "large", **members: Any) -> Spec:
    """Make a spec whose trigger asks for more than a number."""
    when = {"parameter": "body.n", "operator": "greater_than", "value": number}
    members = {"deduplication": {"parameters": ["body.id"]}, **members}
    return spec(triggers=[{"name": name, "when": when}], **members)


def test_every_request_has_a_fate_under_both() -> None:
    """Each version starts with an empty inbox; refused requests are counted, too."""
    found = compare(above(3), above(7), samples(*BODIES))
    assert [(fate.before, fate.after) for fate in found.fates] == [
        ("filtered", "filtered"),
        ("duplicate", "duplicate"),
        ("accepted", "filtered"),
        ("accepted", "accepted"),
        ("rejected", "rejected"),
    ]
    assert [fate.index for fate in found.changed] == [2]
    assert found.counts()["accepted", "filtered"] == 1


def test_it_is_said_in_lines() -> None:
    """In meaning first, then by outcome."""
    assert str(compare(above(3), above(7), samples(*BODIES))).splitlines() == [
        "- The trigger 'large' was: body.n is more than 3. It is: body.n is more than 7.",
        "",
        "1 of 5 requests come out otherwise:",
        "  1 accepted (large) → filtered",
    ]
    assert str(compare(above(3), above(3), samples(*BODIES))).splitlines() == [
        "The two mean the same.", "", "All 5 requests come out the same.",
    ]  # fmt: skip
    assert str(compare(above(3), above(3))) == "The two mean the same."


def test_another_trigger_is_another_outcome() -> None:
    """An event that starts another workflow did change."""
    found = compare(above(3), above(3, "huge"), samples(*BODIES))
    assert [(fate.triggers_before, fate.triggers_after) for fate in found.changed] == [
        (("large",), ("huge",))
    ] * 2


def test_without_requests_the_examples_of_both_serve() -> None:
    """Each once, though both versions have it, and as the first of its key."""
    old, new = above(3), above(7)
    captured = samples(*BODIES)
    old, new = (
        each.model_copy(update={"examples": choose_examples(captured, each)}) for each in (old, new)
    )
    found = compare(old, new)
    assert [(fate.before, fate.after) for fate in found.fates] == [
        ("filtered", "filtered"), ("accepted", "filtered"), ("accepted", "accepted"),
    ]  # fmt: skip


def test_the_changed_ones_are_a_frame() -> None:
    """One row each, with when it came."""
    frame = nbi.compare(above(3), above(7), samples(*BODIES)).frame()
    assert frame.to_dict("records") == [
        {
            "request": 2,
            "received_at": "2024-06-10T09:15:32.000Z",
            "before": "accepted",
            "after": "filtered",
            "triggers_before": "large",
            "triggers_after": "",
        }
    ]
