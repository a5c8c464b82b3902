"""The JSON Schema (2020-12) of a payload, inferred from samples.

Every sample is valid under it. It allows any value where the samples have only null, and only
integers where no number has a fraction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from nbincoming.core.request.values import Value
from nbincoming.core.spec.json_schema import DIALECT
from nbincoming.core.spec.model import Spec
from nbincoming.errors import MissingExtra, counted
from nbincoming.export.example import example_bodies


def payload_schema(spec: Spec, bodies: Sequence[Value] = ()) -> dict[str, Value]:
    """Infer the schema of a spec's payload.

    Parameters
    ----------
    spec
        The draft or version.
    bodies
        Decoded bodies to infer it from. By default, the bodies of the spec's examples.

    Raises
    ------
    MissingExtra
        If the library that infers it is not installed.
    """
    seen = list(bodies) or example_bodies(spec)
    return {
        "$schema": DIALECT,
        "title": f"Payload of {spec.name}",
        "description": f"Inferred from {counted(len(seen), 'sample')}. The endpoint accepts any "
        "object or array; this describes what it received.",
        **inferred(seen),
    }


def inferred(bodies: Iterable[Value]) -> dict[str, Any]:
    """Infer a schema that allows all the bodies; without bodies, it allows anything."""
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
    """Replace each Decimal by 0.5 or 0, because genson knows only float and int."""
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
    # Look at the digits: the number may be too large for decimal arithmetic.
    _, digits, exponent = number.as_tuple()
    significant = "".join(map(str, digits)).rstrip("0")
    return bool(significant) and int(exponent) + len(digits) - len(significant) < 0


def _widened(node: Any) -> Any:
    """Allow anything where only null was seen."""
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
        case "anyOf":  # keep null, because it is one of several types
            return [each if each == {"type": "null"} else _widened(each) for each in value]
        case "items":
            return _widened(value)
        case _:
            return value
