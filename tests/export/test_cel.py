"""The CEL text means what the spec means: Google's engine is asked."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbincoming.core.conditions.evaluation import matches
from nbincoming.core.conditions.operators import OPERATORS, Operator
from nbincoming.core.conditions.tree import Condition
from nbincoming.core.request.parameters import Parameters
from nbincoming.core.spec.model import Spec, Trigger, spec_from_data
from nbincoming.errors import SpecError
from nbincoming.export.cel.conditions import (
    MAX_DEPTH,
    NotInCelError,
    cel_document,
    condition_cel,
    refusals,
    trigger_cel,
)
from tests.core import naive

pytest.importorskip("cel_expr_python", reason="Google's CEL engine has no wheel for this Python")

from tests.export import cel_engine


def condition(data: dict[str, Any]) -> Condition:
    """Validate a condition."""
    return Trigger.model_validate({"name": "t", "when": data}).when


def spec(*whens: dict[str, Any], **members: Any) -> Spec:
    """Make a spec with triggers."""
    triggers = [{"name": f"t{index}", "when": when} for index, when in enumerate(whens)]
    endpoint = "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d"
    return spec_from_data({"name": "orders", "endpoint": endpoint, "triggers": triggers, **members})


# --- the twin ------------------------------------------------------------------------


@given(
    naive.conditions(max_leaves=4),
    st.lists(cel_engine.worlds(), min_size=5, max_size=5),
    st.sampled_from(naive.ZONES),
)
@settings(max_examples=3 * settings.default.max_examples)  # the text has the most to prove
def test_the_engine_agrees(data: dict[str, Any], worlds: list[naive.World], zone: tzinfo) -> None:
    """Whatever can be written in CEL holds there where it holds here, and never errs."""
    when = condition(data)
    if refusals(when, zone=zone):
        with pytest.raises(NotInCelError):
            condition_cel(when, zone=zone)
        return
    expression = cel_engine.compiled(condition_cel(when, zone=zone))
    for world in worlds:
        body, headers = world.roots["body"], world.roots["headers"]
        expected = matches(when, Parameters(body, headers), now_ms=world.now_ms, zone=zone)
        assert cel_engine.holds(expression, body, headers, world.now_ms) is expected, data


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: f"{row.name}-{row.type}")
def test_every_operator_has_a_form(row: Operator) -> None:
    """The example of each row of the table is written and compiled."""
    leaf: dict[str, Any] = {"parameter": "body.a", "operator": row.name, "value": row.example}
    if row.operand == "condition":
        leaf["value"] = {"parameter": "body.a[*].x", "operator": "equals", "value": 1}
    elif row.operand == "none":
        del leaf["value"]
    if row.type == "datetime":
        leaf["type"] = "datetime"
    text = condition_cel(condition(leaf))
    assert cel_engine.holds(cel_engine.compiled(text), {}, {}, 0) is (row.name == "missing")


# --- what cannot be said -------------------------------------------------------------


@pytest.mark.parametrize(
    ("leaf", "reason"),
    [
        ({"operator": "equals", "value": "a", "ignore_case": True}, "ignore case"),
        ({"operator": "equals", "value": 2**53 + 1}, "from the next number"),
        ({"operator": "matches_current", "value": "hour"}, "two hours"),
        (
            {"operator": "in", "value": {"parameter": "body.b"}},
            "cannot take the value of a parameter",
        ),
    ],
)
def test_what_cel_cannot_mean_is_refused(leaf: dict[str, Any], reason: str) -> None:
    """The message names the leaf and the reason; nothing is approximated."""
    with pytest.raises(NotInCelError, match=reason) as caught:
        condition_cel(condition({"parameter": "body.a", **leaf}))
    assert "“body.a " in str(caught.value)


def test_deeper_than_engines_parse_is_refused() -> None:
    """The deepest that is written is compiled, one level more is refused."""

    path = {"parameter": "body" + ".a" * (MAX_DEPTH - 3), "operator": "exists"}
    group: dict[str, Any] = {"parameter": "body.a", "operator": "exists"}
    for _ in range(19):
        group = {"any": [group]}
    for deep in (path, group):
        cel_engine.compiled(condition_cel(condition(deep)))
    with pytest.raises(NotInCelError, match="nested deeper"):
        condition_cel(condition({"parameter": "body" + ".a" * 40, "operator": "exists"}))


def test_every_refused_leaf_is_named_with_its_trigger() -> None:
    """All of them at once, each with the trigger that it stands in."""
    fine = {"parameter": "body.a", "operator": "exists"}
    folded = {"parameter": "body.a", "operator": "equals", "value": "x", "ignore_case": True}
    with pytest.raises(SpecError) as caught:
        trigger_cel(spec(fine, {"all": [folded, {"not": folded}]}))
    assert [problem.place for problem in caught.value.problems] == ["triggers[1].when"] * 2


# --- the document --------------------------------------------------------------------


def test_the_document_is_for_people() -> None:
    """Assumptions first, then each trigger in words and in CEL."""
    high = {"parameter": "body.priority", "operator": "equals", "value": "high"}
    assert cel_document(spec(high)) == (
        "// The triggers of orders, a draft, in CEL (https://cel.dev).\n"
        "// Assumed:\n"
        "// - body is the decoded JSON body. headers maps each name in lower case to a string,"
        " or to a list of strings if the header is repeated.\n"
        "// - The endpoint would accept the body: it is an object or array without duplicate"
        " members.\n"
        "// - Integers are within ±2^53; other numbers have at most 15 significant digits and lie"
        " between 1e-300 and 1e300. (Other numbers are rounded, and some engines fail"
        " on them.)\n"
        "// - Texts have no NUL character. (Some engines cut the text there.)\n"
        "\n"
        '// t0: body.priority equals "high"\n'
        '(type(body) == map && "priority" in body && type(body["priority"]) == string'
        ' && body["priority"] == "high")\n'
    )


def test_what_goes_by_the_clock_says_so() -> None:
    """The document says how date-times are read and what now is, where that matters."""
    recent = {
        "parameter": "body.at", "operator": "in_last", "value": "P7D", "type": "datetime",
    }  # fmt: skip
    text = cel_document(spec(recent))
    assert "now is the timestamp" in text
    assert "RFC 3339" in text


def test_without_triggers_everything_is_accepted() -> None:
    """The document is an expression then, too."""
    text = cel_document(spec())
    assert cel_engine.holds(cel_engine.compiled(text), {}, {}, 0) is True


def test_a_line_feed_in_a_name_starts_no_expression() -> None:
    """What a spec names its triggers stays a comment."""
    named = spec().model_copy(
        update={
            "triggers": (
                Trigger.model_validate(
                    {
                        "name": "a\nfalse && \r\u2028x",
                        "when": {"parameter": "body", "operator": "exists"},
                    }
                ),
            )
        }
    )
    text = cel_document(named)
    assert cel_engine.holds(cel_engine.compiled(text), {}, {}, 0) is True


def test_a_zone_is_the_specs() -> None:
    """A date without an offset is midnight in the spec's time zone."""
    data = {"parameter": "body.at", "operator": "after", "value": "2024-06-10", "type": "datetime"}
    when = condition(data)
    assert "2024-06-10T00:00:00Z" in condition_cel(when, zone=UTC)
    assert "2024-06-09T22:00:00Z" in trigger_cel(spec(data, time_zone="Europe/Warsaw"))["t0"]
