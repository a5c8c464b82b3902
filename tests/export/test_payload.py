"""The schema of a payload: what came so far is valid under it, in others' validators."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, validators

from nbincoming.core.request.values import json_text
from nbincoming.core.spec.json_schema import DIALECT
from nbincoming.errors import MissingExtra
from nbincoming.export.payload import inferred, payload_schema
from tests.core.strategies import documents
from tests.export.making import BODIES, published


def is_whole(_: object, value: object) -> bool:
    """Tell whether a value is a number without a fraction, as JSON Schema counts."""
    if isinstance(value, Decimal):
        return not value or value.as_tuple().exponent >= 0 or value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


#: The validator, for exact numbers.
EXACT = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", is_whole),
)


@given(st.lists(documents, max_size=4))
@settings(max_examples=60)
def test_every_sample_is_valid(bodies: list[Any]) -> None:
    """Whatever the samples are, the schema of all takes each."""
    schema = inferred(bodies)
    Draft202012Validator.check_schema(schema)
    validator = EXACT(schema)
    assert [list(map(str, validator.iter_errors(body))) for body in bodies] == [[]] * len(bodies)


@pytest.mark.parametrize(
    ("bodies", "schema"),
    [
        ([{"a": None}], {}),
        ([{"a": None}, {"a": "x"}], {"type": ["null", "string"]}),
        ([{"a": 1}, {"a": Decimal("1.5")}], {"type": "number"}),
        ([{"a": Decimal("1.0")}, {"a": 10**30}], {"type": "integer"}),
        ([{"a": Decimal("1E+9")}], {"type": "integer"}),
        ([{"a": [None]}], {"type": "array", "items": {}}),
    ],
)
def test_kinds_are_put_together(bodies: list[Any], schema: dict[str, Any]) -> None:
    """Null alone says nothing; an integer is a number that had no fraction so far."""
    assert inferred(bodies)["properties"]["a"] == schema


def test_null_among_others_stays_null() -> None:
    """An object or null is not anything at all."""
    schema = inferred([{"a": None}, {"a": {"b": 1}}])
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"a": None})
    assert not validator.is_valid({"a": 5})


def test_what_was_in_every_sample_is_required() -> None:
    """And what was in some is not."""
    assert inferred([{"a": 1, "b": 2}, {"a": 1}])["required"] == ["a"]


def test_it_says_what_it_is_inferred_from() -> None:
    """From the samples given, else from the examples of the spec."""
    spec = published()
    assert "2 samples" in payload_schema(spec)["description"]
    assert "4 samples" in payload_schema(spec, BODIES)["description"]
    assert payload_schema(spec)["$schema"] == DIALECT


def test_check_jsonschema_agrees(tmp_path: Path) -> None:
    """The command line of others takes the schema and the samples, and refuses another."""
    schema, other = tmp_path / "schema.json", tmp_path / "other.json"
    schema.write_text(json_text(payload_schema(published(), BODIES[:3]), indent=2))
    other.write_text('{"id": 5}')
    paths = []
    for number, body in enumerate(BODIES[:3]):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json_text(body))
    command = [sys.executable, "-m", "check_jsonschema"]
    for arguments, code in (
        (["--check-metaschema", schema], 0),
        (["--schemafile", schema, *paths], 0),
        (["--schemafile", schema, other], 1),
    ):
        done = subprocess.run(
            [*command, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout


def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "genson", None)
    with pytest.raises(MissingExtra, match=r"pip install 'nbincoming\[export\]'"):
        inferred([{}])


def test_numbers_do_not_lose_their_kind_in_the_file() -> None:
    """What is written is JSON, whatever the size of the numbers seen."""
    assert json.loads(json_text(payload_schema(published())))["type"] == "object"
