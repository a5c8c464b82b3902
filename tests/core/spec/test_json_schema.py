"""The JSON Schema of the format: others' validators take what we take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from nbincoming.core.conditions.operators import BY_NAME, OPERATORS, Operator
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.evidence import Publication
from nbincoming.core.spec.json_schema import spec_schema, spec_schema_text
from nbincoming.core.spec.model import (
    SCHEMA_FILE,
    spec_from_data,
)
from tests.core import naive
from tests.core.strategies import spec_data

PAGE = Path(__file__).parents[3] / "docs" / SCHEMA_FILE
VALIDATOR = Draft202012Validator(spec_schema())
MINIMAL = {"name": "orders", "endpoint": "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d"}


def problems(**members: Any) -> list[str]:
    """Validate a minimal spec with these members; return the places of what is wrong."""
    found = VALIDATOR.iter_errors({**MINIMAL, **members})
    return ["/".join(map(str, error.absolute_path)) for error in found]


def leaf(**members: Any) -> list[dict[str, Any]]:
    """Make triggers of one leaf."""
    return [{"name": "t", "when": {"parameter": "body.a", **members}}]


def test_the_published_schema_is_current() -> None:
    """Write it anew by: python -m tests.core.spec.test_json_schema."""
    assert PAGE.read_text() == spec_schema_text()


def test_the_schema_is_one() -> None:
    """It is valid itself, under its own dialect."""
    Draft202012Validator.check_schema(spec_schema())


@given(spec_data)
def test_every_spec_is_valid(data: dict[str, Any]) -> None:
    """What we write is taken, draft or published."""
    spec = spec_from_data({**data, "$schema": SCHEMA_FILE})
    sealed = spec.sealed(version=1, publication=Publication.of(0, by="Ada"))
    for each in (spec, sealed):
        assert [str(e) for e in VALIDATOR.iter_errors(json.loads(each.text()))] == []


@given(naive.conditions())
def test_every_condition_is_valid(data: dict[str, Any]) -> None:
    """Whatever operands and nesting a trigger has."""
    spec = spec_from_data({**MINIMAL, "triggers": [{"name": "t", "when": data}]})
    assert [e.message for e in VALIDATOR.iter_errors(json.loads(spec.text()))] == []


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: f"{row.name}-{row.type}")
def test_a_value_of_the_wrong_kind_is_underlined(row: Operator) -> None:
    """Each operator says what it compares with, before the spec is ever loaded."""
    if row.operand == "condition":
        wrong: Any = "x"
    elif row.operand == "none":
        wrong = "x"
    else:
        operands = {each.operand for each in BY_NAME[row.name]}
        wrong = [[]] if operands & {"strings", "numbers", "value"} else True
    assert any(place.startswith("triggers/0") for place in problems(
        triggers=leaf(operator=row.name, value=wrong)
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("place", "members"),
    [
        ("", {"colour": "red"}),
        ("endpoint", {"endpoint": "X"}),
        ("schema_version", {"schema_version": 2}),
        ("authorization", {"authorization": {"scheme": "basic"}}),
        ("authorization", {"authorization": {"scheme": "jwt", "secrets": ["hunter2"]}}),
        ("deduplication", {"deduplication": {"parameters": []}}),
        ("triggers/0/when", {"triggers": leaf(operator="equal", value=1)}),
        ("triggers/0/when", {"triggers": leaf(operator="equals")}),
        ("triggers/0/when", {"triggers": [{"name": "t", "when": {"all": []}}]}),
    ],
)
def test_what_a_person_gets_wrong_is_found(place: str, members: dict[str, Any]) -> None:
    """Unknown members and operators, a missing value, a secret in place of its name."""
    assert place in problems(**members)


def test_members_are_explained() -> None:
    """Hovering over a member says what it is."""
    schema = spec_schema()
    assert schema["properties"]["icon"]["description"].startswith("For people: an emoji, or")
    unexplained = [
        f"{name}.{member}"
        for name, definition in {"Spec": schema, **schema["$defs"]}.items()
        for member, text in definition["properties"].items()
        if not text.get("description") and member not in EVIDENT
    ]
    assert unexplained == []
    assert "``" not in spec_schema_text()
    assert ":class:" not in spec_schema_text()


#: Members that their object's own description explains.
EVIDENT = {"scheme", "all", "any", "not", "type", "name", "when", "parameter"}


def test_check_jsonschema_takes_a_spec_file(tmp_path: Path) -> None:
    """The command line of others says so, and finds an unknown member."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(spec_from_data({**MINIMAL, "$schema": SCHEMA_FILE}).text())
    bad.write_text(json_text({**MINIMAL, "colour": "red"}))
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(PAGE)]
    checked = subprocess.run([*command, str(good)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "ok -- validation done\n")
    refused = subprocess.run([*command, str(bad)], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "colour" in refused.stdout


if __name__ == "__main__":
    PAGE.write_text(spec_schema_text())
