"""The JSON Schema of the spec's format, for completion, explanations and checks in editors.

It is made from the models and the table of operators. Every spec that
:func:`~nbincoming.core.spec.model.read_spec` accepts is valid under it, and so are some others: a
schema cannot check labels or the digest.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

from nbincoming.core.auth.scheme_fields import HEADER_NAME, SECRET_NAME
from nbincoming.core.conditions.operators import ELEMENT_OPERATORS, OPERATORS, Operand
from nbincoming.core.moments import UNITS
from nbincoming.core.request.values import Value
from nbincoming.core.spec.layout import laid_out
from nbincoming.core.spec.model import NAME, SCHEMA_FILE, SCHEMA_VERSION, Spec

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_UUID: Final = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_ROOT: Final = r"^(body|headers)($|[.\[])"

#: The schema of a leaf's value, by the operand of its operator.
_OPERANDS: Final[dict[Operand, dict[str, Value]]] = {
    "none": {"type": "null"},
    "string": {"type": "string"},
    "strings": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    "pattern": {"type": "string", "minLength": 1, "maxLength": 1_000},
    "number": {"type": "number"},
    "numbers": {"type": "array", "items": {"type": "number"}, "minItems": 1},
    "number pair": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    "datetime": {"type": "string", "maxLength": 64},
    "datetime pair": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
    "duration": {"type": "string", "pattern": "^P", "maxLength": 64},
    "unit": {"enum": list(UNITS)},
    "count": {"type": "integer", "minimum": 0},
    "value": {"type": ["string", "number", "boolean", "null"]},
}

#: Patterns that the models check in code, by definition and member.
_PATTERNS: Final = {
    ("Spec", "name"): f"^{NAME.pattern}$",
    ("Spec", "endpoint"): _UUID,
    ("Deduplication", "parameters"): _ROOT,
    ("Deduplication", "window"): "^P",
    ("Leaf", "parameter"): _ROOT,
    ("ElementLeaf", "parameter"): _ROOT,
    ("Reference", "parameter"): _ROOT,
    ("ObservedParameter", "label"): _ROOT,
    ("Publication", "at"): "^[0-9]{4}-[0-9]{2}-[0-9]{2}T.*Z$",
    ("Hmac", "header"): f"^{HEADER_NAME.pattern}$",
    ("Hmac", "timestamp_header"): f"^{HEADER_NAME.pattern}$",
    ("Hmac", "id_header"): f"^{HEADER_NAME.pattern}$",
    ("HeaderToken", "header"): f"^{HEADER_NAME.pattern}$",
    ("Meta", "verify_token"): f"^({SECRET_NAME.pattern})$",
    ("ProviderScheme", "verify_token"): f"^({SECRET_NAME.pattern})$",
    **{
        (scheme, "secrets"): f"^({SECRET_NAME.pattern})$"
        for scheme in (
            "Jwt", "Meta", "Hmac", "StandardWebhooks", "HeaderToken", "Basic", "ProviderScheme",
        )
    },
}  # fmt: skip


def spec_schema() -> dict[str, Value]:
    """Return the schema, as JSON Schema 2020-12."""
    schema = cast("dict[str, Any]", _without_titles(Spec.model_json_schema(by_alias=True)))
    definitions: dict[str, Any] = schema.pop("$defs")
    for name, definition in {"Spec": schema, **definitions}.items():
        _explain(definition)
        for (owner, member), pattern in _PATTERNS.items():
            if owner == name:
                _add_pattern(definition["properties"][member], pattern)
        if "scheme" in definition["properties"]:
            definition["required"] = ["scheme", *definition.get("required", [])]
    # OpenAPI's discriminator, which JSON Schema does not know.
    schema["properties"]["authorization"].pop("discriminator")
    definitions["Example"]["properties"]["body"]["type"] = ["object", "array", "string"]
    _add_operators(definitions["Leaf"])
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_FILE,
        "title": f"A spec of nbincoming, format {SCHEMA_VERSION}",
        **schema,
        "$defs": definitions,
    }


def spec_schema_text() -> str:
    """Write the schema as the file that ``$schema`` names in a spec."""
    return laid_out(spec_schema()) + "\n"


def _without_titles(node: Any, *, names: bool = False) -> Any:
    """Drop pydantic's titles, which repeat the members' names.

    Parameters
    ----------
    names
        Whether the node's members are properties, one of which may be named "title".
    """
    match node:
        case dict():
            return {
                name: _without_titles(child, names=name in ("properties", "$defs") and not names)
                for name, child in node.items()
                if names or name != "title"
            }
        case list():
            return [_without_titles(child) for child in node]
        case _:
            return node


def _explain(definition: dict[str, Any]) -> None:
    """Describe the object by the summary of its docstring, and members by its attributes."""
    summary, _, attributes = definition.get("description", "").partition(
        "\n\nAttributes\n----------\n"
    )
    definition["description"] = _plain(summary)
    properties = definition["properties"]
    for entry in re.split(r"\n(?=\S)", attributes):
        head, _, text = entry.partition("\n")
        for name in head.partition(" : ")[0].split(", "):
            member = properties.get({"schema_uri": "$schema"}.get(name, name))
            if member is not None:
                member["description"] = _plain(text)


def _plain(text: str) -> str:
    """Return a docstring's text as one line, without roles and double back-quotes."""
    words = " ".join(text.split()).replace("``", "`")
    return re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"\1", words)


def _add_pattern(member: dict[str, Any], pattern: str) -> None:
    for place in (member, member.get("items"), *member.get("anyOf", ())):
        if place is not None and place.get("type") == "string":
            place["pattern"] = pattern


def _add_operators(leaf: dict[str, Any]) -> None:
    """List the operators, and the schema of each one's value."""
    asked: dict[tuple[Operand, ...], list[str]] = {}
    names = dict.fromkeys(row.name for row in OPERATORS if row.name not in ELEMENT_OPERATORS)
    for name in names:
        operands = dict.fromkeys(row.operand for row in OPERATORS if row.name == name)
        asked.setdefault(tuple(operands), []).append(name)
    leaf["properties"]["operator"]["enum"] = list(names)
    leaf["properties"]["value"] = {"description": leaf["properties"]["value"]["description"]}
    leaf["allOf"] = [_rule(operands, operators) for operands, operators in asked.items()]


def _rule(operands: tuple[Operand, ...], operators: list[str]) -> dict[str, Any]:
    # Most operators allow another parameter as the value.
    reference = [{"$ref": "#/$defs/Reference"}]
    if set(operands) & {"none", "pattern", "unit"}:
        reference = []
    then: dict[str, Any] = {
        "properties": {"value": {"anyOf": [*(_OPERANDS[each] for each in operands), *reference]}}
    }
    if "none" not in operands:
        then["required"] = ["value"]
    return {"if": {"properties": {"operator": {"enum": operators}}}, "then": then}
