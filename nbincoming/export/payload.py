"""The JSON Schema (2020-12) of a payload, inferred from samples.

Every sample is valid under it. A member that was always null may be anything, and a number
that never had a fraction is an integer.
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
        Decoded bodies to infer it from; those of the spec's examples by default.

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
    """Infer a schema under which all the bodies are valid; without any, it allows anything."""
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
    """Replace decimals, which the library does not know, by a number of the same kind."""
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
    # By its digits: a sender may write a number too large for decimal arithmetic.
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
        case "anyOf":  # null is one of several kinds here, so it stays
            return [each if each == {"type": "null"} else _widened(each) for each in value]
        case "items":
            return _widened(value)
        case _:
            return value
