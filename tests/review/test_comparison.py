"""Two versions over the same requests: which outcomes change."""

from __future__ import annotations

from typing import Any

import nbincoming as nbi
from nbincoming.core.spec.model import Spec
from nbincoming.review.comparison import compare
from nbincoming.review.golden_examples import choose_examples
from tests.samples.making import samples, spec

BODIES: list[Any] = [
    {"id": 1, "n": 1}, {"id": 1, "n": 5}, {"id": 2, "n": 5}, {"id": 3, "n": 9}, b"{",
]  # fmt: skip


def above(number: int, name: str = "large", **members: Any) -> Spec:
    """Make a spec whose trigger asks for more than a number."""
    when = {"parameter": "body.n", "operator": "greater_than", "value": number}
    members = {"deduplication": {"parameters": ["body.id"]}, **members}
    return spec(triggers=[{"name": name, "when": when}], **members)


def test_every_request_has_an_outcome_under_both() -> None:
    """Each version starts with an empty inbox; refused requests are counted, too."""
    found = compare(above(3), above(7), samples(*BODIES))
    assert [(each.before, each.after) for each in found.requests] == [
        ("filtered", "filtered"),
        ("duplicate", "duplicate"),
        ("accepted", "filtered"),
        ("accepted", "accepted"),
        ("rejected", "rejected"),
    ]
    assert [each.index for each in found.changed] == [2]
    assert found.counts()["accepted", "filtered"] == 1


def test_it_is_said_in_lines() -> None:
    """In meaning first, then by outcome."""
    assert str(compare(above(3), above(7), samples(*BODIES))).splitlines() == [
        "- The trigger 'large' was: body.n is more than 3. It is: body.n is more than 7.",
        "",
        "1 of 5 requests has another outcome:",
        "  1 accepted (large) → filtered",
    ]
    assert str(compare(above(3), above(3), samples(*BODIES))).splitlines() == [
        "Both versions mean the same.", "", "All 5 requests have the same outcome.",
    ]  # fmt: skip
    assert str(compare(above(3), above(3))) == "Both versions mean the same."


def test_another_trigger_is_another_outcome() -> None:
    """An event that starts another workflow did change."""
    found = compare(above(3), above(3, "huge"), samples(*BODIES))
    assert [(each.triggers_before, each.triggers_after) for each in found.changed] == [
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
    assert [(each.before, each.after) for each in found.requests] == [
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
