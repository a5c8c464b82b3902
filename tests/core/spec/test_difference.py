"""How two specs differ, in sentences: what means the same is no difference."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import Candidate
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.difference import differences
from nbincoming.core.spec.evidence import Publication
from nbincoming.core.spec.model import Spec, spec_from_data
from nbincoming.errors import Refusal
from tests.core import naive
from tests.core.strategies import spec_data
from tests.samples.making import request

BASE: dict[str, Any] = {
    "name": "orders",
    "endpoint": "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d",
    "authorization": {"scheme": "jwt", "secrets": ["env:OLD"]},
    "deduplication": {"parameters": ["body.id"]},
    "triggers": [{"name": "urgent", "when": {"parameter": "body.a", "operator": "exists"}}],
}
A = {"parameter": "body.a", "operator": "exists"}
B = {"parameter": "body.b", "operator": "equals", "value": "x"}
C = {"parameter": "body.c", "operator": "greater_than", "value": 5}


def spec(**members: Any) -> Spec:
    """Make a spec, otherwise than the one above."""
    return spec_from_data({**BASE, **members})


def said(old: Spec, new: Spec) -> list[str]:
    """Return the sentences."""
    return [str(change) for change in differences(old, new)]


def when(condition: dict[str, Any], name: str = "urgent") -> Spec:
    """Make a spec with one trigger."""
    return spec(triggers=[{"name": name, "when": condition}])


# --- nothing -------------------------------------------------------------------------


@given(spec_data)
def test_a_spec_does_not_differ_from_itself(data: dict[str, Any]) -> None:
    """Nor from itself as published, by whomever and with whatever examples."""
    draft = spec_from_data(data)
    sealed = draft.sealed(version=7, publication=Publication.of(0, by="Ada"))
    assert differences(draft, sealed) == []
    assert differences(sealed, sealed.model_copy(update={"examples": (), "parameters": ()})) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"all": [A, B]}, {"all": [B, A]}),
        ({"any": [A, {"any": [B, C]}]}, {"any": [C, A, B]}),
        ({"all": [A, A]}, A),
        ({"not": {"not": A}}, A),
        ({"any": [A]}, A),
        ({**C, "value": Decimal("5.0")}, C),
    ],
)
def test_the_form_of_a_condition_is_no_difference(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    """Order, repetition, nesting of the same kind, double negation."""
    assert said(when(one), when(other)) == []


def test_a_window_written_otherwise_is_no_difference() -> None:
    """Seven days are a week, and parameters of a key have no order."""
    one = spec(deduplication={"parameters": ["body.a", "body.b"], "window": "P7D"})
    other = spec(deduplication={"parameters": ["body.b", "body.a"], "window": "P1W"})
    assert said(one, other) == []
    assert one.key_space == other.key_space


@st.composite
def reshaped(draw: st.DrawFn, data: Any) -> Any:
    """Write a condition in another form that means the same."""
    if "all" in data or "any" in data:
        kind = "all" if "all" in data else "any"
        parts = [draw(reshaped(part)) for part in data[kind]]
        data = {kind: draw(st.permutations(parts))}
    return draw(st.sampled_from([data, {"all": [data]}, {"any": [data, data]}]))


@given(st.data(), naive.conditions(max_leaves=4), st.lists(naive.bodies, max_size=4))
def test_what_is_called_the_same_decides_alike(
    drawn: st.DataObject, data: dict[str, Any], bodies: list[Any]
) -> None:
    """Where no difference is said, none is seen; a new form of a condition says none."""
    other = drawn.draw(reshaped(data) | naive.conditions(max_leaves=4))
    old, new = when(data), when(other)
    if differences(old, new):
        return
    for body in bodies:
        outcomes = [considered(each, body) for each in (old, new)]
        assert outcomes[0] == outcomes[1]


def considered(judge: Spec, body: Any) -> Any:
    """Say which triggers a body starts."""
    try:
        judged = Rules(judge).consider(request(json_text(body).encode()))
    except Refusal as refusal:
        return type(refusal)
    assert isinstance(judged, Candidate)
    return judged.triggers, judged.key


@given(st.data(), naive.conditions(max_leaves=4))
def test_another_form_is_never_called_a_difference(
    drawn: st.DataObject, data: dict[str, Any]
) -> None:
    """Whatever the condition and its new form."""
    assert differences(when(data), when(drawn.draw(reshaped(data)))) == []


# --- something -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "sentences"),
    [
        ({"icon": "🔥"}, ["The icon was 📨 and is 🔥."]),
        (
            {"endpoint": "1b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d"},
            [
                "The endpoint was 0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d and is "
                "1b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d. Senders must use the new URL."
            ],
        ),
        (
            {"max_body_bytes": 2_000},
            ["The largest body in bytes was 1,048,576 and is 2,000."],
        ),
        (
            {"authorization": {"scheme": "none"}},
            ["Authorization was jwt and is none. Anyone who knows the URL may call."],
        ),
        (
            {"authorization": {"scheme": "jwt", "secrets": ["env:OLD", "env:NEW"]}},
            ["Requests signed with env:NEW are accepted now."],
        ),
        (
            {"authorization": {"scheme": "jwt", "secrets": ["env:NEW"], "leeway_s": 5}},
            [
                "Requests signed with env:NEW are accepted now.",
                "Requests signed with env:OLD are no longer accepted.",
                "Authorization: leeway s was 60 and is 5.",
            ],
        ),
        ({"deduplication": None}, ["Requests are no longer deduplicated."]),
        (
            {"deduplication": {"parameters": ["body.a", "body.b"], "window": "PT1H"}},
            [
                "The key now has body.a and body.b.",
                "The key no longer has body.id.",
                "The window was P7D and is PT1H. Keys that were claimed before no longer count.",
            ],
        ),
        (
            {"deduplication": {"parameters": ["body.id"], "claims": "triggered"}},
            [
                "Keys are claimed by requests for which a trigger is true, no longer every "
                "request. Keys that were claimed before no longer count."
            ],
        ),
        (
            {"triggers": []},
            [
                "The trigger 'urgent' was removed: body.a exists.",
                "Without triggers, every request that is no duplicate becomes an event.",
            ],
        ),
        (
            {"triggers": [*BASE["triggers"], {"name": "new", "when": B}]},
            ["There is a new trigger 'new': body.b equals \"x\"."],
        ),
        (
            {"triggers": [{"name": "pressing", "when": {"all": [A]}}]},
            ["The trigger 'urgent' is now named 'pressing'."],
        ),
    ],
)  # fmt: skip
def test_a_difference_is_a_sentence(members: dict[str, Any], sentences: list[str]) -> None:
    """What was, what is, and what follows."""
    assert said(spec(), spec(**members)) == sentences


def test_a_changed_condition_says_what_changed() -> None:
    """The parts that come and go where others stay; else both, whole."""
    assert said(when({"all": [A, B]}), when({"all": [C, A]})) == [
        "The trigger 'urgent' now also requires that body.c is more than 5 and no longer requires "
        'that body.b equals "x".'
    ]
    assert said(when(A), when(B)) == [
        "The trigger 'urgent' was: body.a exists. It is: body.b equals \"x\"."
    ]


def test_two_alike_triggers_are_told_apart() -> None:
    """Of two that meant the same, one renamed and one gone are two sentences."""
    old = spec(triggers=[{"name": "x", "when": A}, {"name": "y", "when": A}])
    assert said(old, when(A, "z")) == [
        "The trigger 'x' is now named 'z'.", "The trigger 'y' was removed: body.a exists.",
    ]  # fmt: skip


def test_places_are_those_of_the_newer_spec() -> None:
    """A form can show each difference where it is."""
    old = spec(max_depth=5)
    new = spec(
        triggers=[{"name": "new", "when": C}, {"name": "urgent", "when": B}],
        deduplication={"parameters": ["body.id"], "anchor": "first_accepted"},
    )
    assert [change.place for change in differences(old, new)] == [
        "deduplication.anchor", "triggers[0]", "triggers[1].when", "max_depth",
    ]  # fmt: skip


def test_secrets_in_another_order_are_a_difference() -> None:
    """The last one signs what is sent."""
    old, new = (
        spec(authorization={"scheme": "jwt", "secrets": names})
        for names in (["env:A", "env:B"], ["env:B", "env:A"])
    )
    assert said(old, new) == ["The secrets have another order."]


def test_deduplication_that_is_new_is_said_with_its_window() -> None:
    """And none, before and after, is no difference."""
    without = spec(deduplication=None)
    assert said(without, spec()) == ["Requests are deduplicated by body.id, within P7D."]
    assert said(without, spec(deduplication=None)) == []
