"""The JSON Schema of a payload, inferred over all samples: descriptive, 2020-12.

Every sample is valid under it. What was seen as nothing but null may be anything, and an
integer is a number that had no fraction so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from nbincoming.core.request.values import Value
from nbincoming.core.spec.json_schema import DIALECT
from nbincoming.core.spec.model import Spec
from nbincoming.errors import MissingExtra
from nbincoming.export.example import example_bodies


def payload_schema(spec: Spec, bodies: Sequence[Value] = ()) -> dict[str, Value]:
    """Describe the payload of a spec.

    Parameters
    ----------
    bodies
        Decoded bodies to infer it from; those of the spec's examples by default.

    Raises
    ------
    MissingExtra
        If the inferring library is not installed.
    """
    seen = list(bodies) or example_bodies(spec)
    count = "1 sample" if len(seen) == 1 else f"{len(seen):,} samples"
    return {
        "$schema": DIALECT,
        "title": f"Payload of {spec.name}",
        "description": f"Inferred from {count}. The endpoint accepts any object or array; this "
        "says what came so far.",
        **inferred(seen),
    }


def inferred(bodies: Iterable[Value]) -> dict[str, Any]:
    """Infer a schema under which all the bodies are valid; nothing said without any."""
    try:
        from genson import SchemaBuilder
    except ModuleNotFoundError as error:
        raise MissingExtra("The schema of a payload", "export") from error
    builder = SchemaBuilder(schema_uri=None)
    for body in bodies:
        builder.add_object(_plain(body))
    schema: dict[str, Any] = _widened(builder.to_schema())
    return schema


def _plain(value: Value) -> Value:
    """Turn decimals into what the library knows; only their kind matters."""
    match value:
        case Decimal():
            return 0.5 if _has_fraction(value) else 0
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case list():
            return [_plain(element) for element in value]
        case _:
            return value


def _has_fraction(number: Decimal) -> bool:
    # by its digits, since arithmetic knows no number of such a size as a sender may write
    _, digits, exponent = number.as_tuple()
    significant = "".join(map(str, digits)).rstrip("0")
    return bool(significant) and int(exponent) + len(digits) - len(significant) < 0


def _widened(node: Any) -> Any:
    """Let what was seen as null alone be anything."""
    match node:
        case {"type": "null"}:
            return {}
        case dict():
            return {name: _widened_keyword(name, value) for name, value in node.items()}
        case _:
            return node


def _widened_keyword(name: str, value: Any) -> Any:
    match name:
        case "properties":
            return {member: _widened(child) for member, child in value.items()}
        case "anyOf":  # null is one case among others here, and stays one
            return [each if each == {"type": "null"} else _widened(each) for each in value]
        case "items":
            return _widened(value)
        case _:
            return value
