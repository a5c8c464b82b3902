"""The Python code of a draft defines the same draft."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbincoming as nbi
from nbincoming.core.auth.schemes import Authorization, NoAuthorization
from nbincoming.core.conditions.operators import OPERATORS
from nbincoming.core.conditions.tree import All, AnyOf, Condition, ElementLeaf, Leaf, Not
from nbincoming.core.spec.difference import differences
from nbincoming.core.spec.model import Spec, spec_from_data
from nbincoming.notebook.python_code import code, expression
from tests.core.strategies import condition_data, spec_data

SECRET = 'it\'s a "secret" to $everybody of 32 bytes'


# --- code ------------------------------------------------------------------------------


class Recorder:
    """An integration that records what the code sets."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.authorization: Authorization = NoAuthorization()
        self.deduplication: dict[str, Any] | None = None
        self.triggers: list[dict[str, Any]] = []
        self.limits: dict[str, int] = {}
        self.icon, self.time_zone = "📨", "UTC"

    def deduplicate(self, *labels: str, **settings: str) -> None:
        self.deduplication = {"parameters": list(labels), **settings}

    def trigger(self, name: str, when: Condition) -> None:
        self.triggers.append({"name": name, "when": when.data()})

    def set_limits(self, **limits: int) -> None:
        self.limits |= limits

    def spec(self, endpoint: str) -> Spec:
        return spec_from_data(
            {
                "name": self.name,
                "endpoint": endpoint,
                "authorization": self.authorization.data(),
                "deduplication": self.deduplication,
                "triggers": self.triggers,
                "icon": self.icon,
                "time_zone": self.time_zone,
                **self.limits,
            }
        )


def plain(condition: Condition) -> Condition:
    """Flatten nested groups of one kind, and groups of one: Python cannot express them."""
    match condition:
        case All(conditions=parts) | AnyOf(conditions=parts):
            kind = type(condition)
            flat: list[Condition] = []
            for part in map(plain, parts):
                flat += part.conditions if isinstance(part, kind) else [part]
            return flat[0] if len(flat) == 1 else kind(conditions=tuple(flat))
        case Not(condition=part):
            return Not(condition=plain(part))
        case ElementLeaf():
            return condition.model_copy(update={"value": plain(condition.value)})
    return condition


def evaluated(condition: Condition) -> Condition:
    """Write a condition as Python and run that."""
    scope = {"P": nbi.P, "Decimal": Decimal, "Leaf": Leaf, "ElementLeaf": ElementLeaf}
    found = eval(expression(condition), scope)
    assert isinstance(found, Leaf | ElementLeaf | All | AnyOf | Not)
    return found


@given(data=spec_data)
@settings(max_examples=100)
def test_the_code_makes_the_draft(data: dict[str, Any]) -> None:
    """Running the code defines the same draft, except for its endpoint."""
    draft = spec_from_data(data)
    names = (
        "P", "basic", "header", "hmac", "jwt", "meta", "no_authorization", "provider",
        "standard_webhooks",
    )  # fmt: skip
    package = SimpleNamespace(Integration=Recorder, **{name: getattr(nbi, name) for name in names})
    scope: dict[str, Any] = {"nbi": package}
    exec(code(draft).replace("import nbincoming as nbi\n", ""), scope)
    made = scope["inc"].spec(draft.endpoint)
    assert (made.name, made.authorization) == (draft.name, draft.authorization)
    assert made.deduplication == draft.deduplication
    assert (made.icon, made.time_zone, made.limits) == (draft.icon, draft.time_zone, draft.limits)
    assert [each.name for each in made.triggers] == [each.name for each in draft.triggers]
    for mine, wanted in zip(made.triggers, draft.triggers, strict=True):
        assert plain(mine.when) == plain(wanted.when)


def test_the_code_runs_as_it_stands(tmp_path: Path) -> None:
    """The code contains all its imports, also that of Decimal."""
    draft = spec_from_data(
        {
            "name": "snippets-code",
            "endpoint": "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d",
            "authorization": {"scheme": "jwt", "secrets": ["env:OLD", "env:NEW"]},
            "deduplication": {"parameters": ["body.id"], "anchor": "first_accepted"},
            "triggers": [
                {"name": "it's", "when": leaf("greater_than", 0.1)},
                {"name": "exact", "when": leaf("equals", Decimal("1E+400"))},
                {"name": "typed", "when": {**leaf("contains", "x"), "type": "array"}},
            ],
        }
    )
    scope: dict[str, Any] = {}
    exec(code(draft), scope)
    made = scope["inc"]
    try:
        assert (
            differences(made.draft, draft.model_copy(update={"endpoint": made.draft.endpoint}))
            == []
        )
    finally:
        made.close()


def test_the_code_names_secrets_and_holds_none() -> None:
    """The code contains the names of secrets and never their values."""
    draft = spec_from_data(
        {
            "name": "x",
            "endpoint": "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d",
            "authorization": {"scheme": "meta", "secrets": ["env:A", "env:B"]},
        }
    )
    assert code(draft) == (
        "import nbincoming as nbi\n\ninc = nbi.Integration('x')\n"
        "inc.authorization = nbi.meta(secret=['env:A', 'env:B'])\n"
    )


# --- expressions -----------------------------------------------------------------------


def leaf(operator: str, *value: Any, **members: Any) -> dict[str, Any]:
    """Write a leaf."""
    data: dict[str, Any] = {"parameter": "body.a", "operator": operator, **members}
    return {**data, "value": value[0]} if value else data


def condition(data: dict[str, Any]) -> Condition:
    """Read a condition."""
    return spec_from_data(
        {
            "name": "x",
            "endpoint": "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d",
            "triggers": [{"name": "t", "when": data}],
        }
    ).triggers[0].when  # fmt: skip


@given(data=condition_data)
def test_an_expression_is_the_condition(data: dict[str, Any]) -> None:
    """Evaluating the expression gives the condition again."""
    wanted = condition(data)
    assert plain(evaluated(wanted)) == plain(wanted)


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: f"{row.name} {row.type}")
def test_every_operator_can_be_written(row: Any) -> None:
    """Each operator is written with and without a type, and with a parameter as its value."""
    value = [] if row.operand == "none" else [row.example]
    if row.operand == "condition":
        value = [{"parameter": "body.a[*].b", "operator": "exists"}]
    written = [leaf(row.name, *value), leaf(row.name, *value, type=row.type)]
    if row.operand not in ("none", "condition", "pattern", "unit"):
        reference = {"parameter": 'body["a b"]'}
        written += [leaf(row.name, reference), leaf(row.name, reference, type=row.type)]
    for data in written:
        wanted = condition(data)
        assert evaluated(wanted).data() == wanted.data()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (leaf("equals", "high"), "P['body.a'] == 'high'"),
        (
            {"all": [leaf("equals", "x"), {"not": leaf("in", ["a", "b"])}]},
            "(P['body.a'] == 'x') & ~P['body.a'].is_in(['a', 'b'])",
        ),
        (
            {"not": {"any": [leaf("exists"), leaf("less_than", 5, type="number")]}},
            "~(P['body.a'].exists() | (P['body.a'].as_number() < 5))",
        ),
        (leaf("length_equals", 2), "P['body.a'].length == 2"),
        (leaf("contains", None), "P['body.a'].contains(None)"),
        (leaf("equals", "x", ignore_case=True), "P['body.a'].ignoring_case() == 'x'"),
        (
            leaf("any_element", {"parameter": "body.a[*].n", "operator": "equals", "value": 1}),
            "P['body.a'].any_element(lambda _: P['body.a[*].n'] == 1)",
        ),
    ],
)
def test_an_expression_reads_well(data: dict[str, Any], text: str) -> None:
    """The expression has the parentheses that Python needs, and few others."""
    assert expression(condition(data)) == text


@given(value=st.decimals(allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30))
def test_numbers_stay_exact(value: Any) -> None:
    """A decimal is written as a float only where that is the same number."""
    wanted = condition(leaf("equals", value))
    assert evaluated(wanted).data() == wanted.data()
