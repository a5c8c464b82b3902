"""Convert conditions between their JSON form and the fields of a form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import jiter
from pydantic import ValidationError

from nbincoming.core.conditions.label import Reference
from nbincoming.core.conditions.operators import BY_NAME, OPERATORS, Operator
from nbincoming.core.conditions.tree import (
    Leaf,
)
from nbincoming.core.request.values import Value, json_text
from nbincoming.errors import NbIncomingError

#: Types of operators that the menu offers for a type of value, besides "any".
_OFFERED: Final = {
    "string": ("string", "datetime"),
    "number": ("number",),
    "boolean": ("boolean",),
    "array": ("array",),
    "object": (),
    "null": ("string", "number", "boolean", "datetime", "array"),
}

#: Placeholders of the value's field, by operand.
HINTS: Final = {
    "string": "high",
    "strings": "high, urgent",
    "pattern": "^cmp-[0-9]+",
    "number": "5",
    "numbers": "1, 2, 3",
    "number pair": "1, 5",
    "datetime": "2024-06-10T09:15:30Z",
    "datetime pair": "2024-06-01, 2024-06-30",
    "duration": "P7D",
    "unit": "day",
    "count": "2",
    "value": "vip, or 5, true, null",
}

#: A value that starts with this names another parameter.
REFERENCE: Final = "="


class FormError(NbIncomingError, ValueError):
    """A field that cannot be read. The text says what to write."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of the menu of operators."""

    operator: Operator

    @property
    def key(self) -> str:
        """Name and type, because operators of several types can have one name."""
        return f"{self.operator.name}|{self.operator.type}"

    @property
    def text(self) -> str:
        """The text in the menu."""
        several = len(BY_NAME[self.operator.name]) > 1 and self.operator.type != "string"
        return self.operator.phrase + (f" ({self.operator.type})" if several else "")


def choices(kinds: Iterable[str], *, keep: str | None = None) -> list[Choice]:
    """List the operators for a parameter with these types of values.

    Parameters
    ----------
    kinds
        The types seen; without any, all operators are listed.
    keep
        Key of a choice that is always listed.
    """
    seen = set(kinds)
    offered = {row_type for kind in seen for row_type in _OFFERED[kind]}
    return [
        choice
        for choice in map(Choice, OPERATORS)
        if choice.operator.operand != "condition"
        and (
            not seen
            or choice.operator.type in offered
            or choice.operator.type == "any"
            or choice.key == keep
        )
    ]


def operator_of(key: str) -> Operator:
    """Return the operator of a choice's key."""
    name, _, row_type = key.partition("|")
    return next(row for row in BY_NAME[name] if row.type == row_type)


def choice_key(leaf: Leaf) -> str:
    """Return the key of the choice for a leaf."""
    return Choice(leaf.rows()[0][0]).key


def leaf_data(
    parameter: str, key: str, text: str, *, ignore_case: bool = False, negate: bool = False
) -> dict[str, Value]:
    """Convert a row of the form to a condition in its JSON form.

    Raises
    ------
    FormError
        If the value cannot be read.
    """
    row = operator_of(key)
    data: dict[str, Value] = {"parameter": parameter, "operator": row.name}
    if row.operand != "none":
        data["value"] = value_of(text, row)
    if row.type == "datetime":
        data["type"] = "datetime"
    if ignore_case and row.type in ("string", "array"):
        data["ignore_case"] = True
    return {"not": data} if negate else data


def value_of(text: str, row: Operator) -> Value:
    """Convert the text of the value's field for an operator."""
    text = text.strip()
    if text.startswith(REFERENCE) and row.operand not in ("pattern", "unit"):
        return {"parameter": text.removeprefix(REFERENCE).strip()}
    match row.operand:
        case "string" | "pattern" | "datetime" | "duration" | "unit":
            return _unquoted(text)
        case "number" | "count":
            return _number(text)
        case "strings" | "datetime pair":
            return [_unquoted(item) for item in _items(text)]
        case "numbers" | "number pair":
            return [_number(item) for item in _items(text)]
        case "value":
            try:
                value = _json(text)
            except ValueError:
                return text
            return text if isinstance(value, list | dict) else value
        case _:
            raise FormError(f"{row.name} takes no value.")


def text_of(leaf: Leaf) -> str:
    """Return the text of the value's field for a leaf."""
    value, row = leaf.value, leaf.rows()[0][0]
    if isinstance(value, Reference):
        return f"{REFERENCE} {value.parameter}"
    if row.operand == "none":
        return ""
    if isinstance(value, list):
        return ", ".join(_shown(item, row) for item in value)
    return _shown(value, row)


def is_simple(condition: Any) -> bool:
    """Tell whether a row of the form can show all of a condition."""
    if not isinstance(condition, Leaf):
        return False
    try:
        data = leaf_data(
            condition.parameter,
            choice_key(condition),
            text_of(condition),
            ignore_case=condition.ignore_case,
        )
        return _meaning(Leaf.model_validate(data)) == _meaning(condition)
    except (FormError, ValidationError):
        return False


def _meaning(leaf: Leaf) -> tuple[object, ...]:
    """Return a value that is equal for leaves of one meaning; it omits a type without effect."""
    met = [(row.name, row.type) for row, _ in leaf.rows()]
    rest = {name: value for name, value in leaf.data().items() if name != "type"}
    return json_text(rest), met, leaf.type == "number"  # this type converts texts to numbers


def _shown(value: Value, row: Operator) -> str:
    if not isinstance(value, str):
        return json_text(value)
    ambiguous = (
        (row.operand == "value" and _is_json(value))
        or (row.operand in ("strings", "datetime pair") and (not value or set(value) & set(',"')))
        or value != value.strip()
        or value[:1] in ('"', REFERENCE)
        or not value.isprintable()  # a field of one line would lose a line feed
    )
    return json_text(value) if ambiguous else value


def _items(text: str) -> Sequence[str]:
    """Split at commas outside quotes."""
    items, current, quoted, escaped = [], "", False, False
    for character in text:
        if character == "," and not quoted:
            items.append(current.strip())
            current = ""
            continue
        if character == '"' and not escaped:
            quoted = not quoted
        escaped = quoted and character == "\\" and not escaped
        current += character
    return [item for item in [*items, current.strip()] if item]


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            value = json.loads(text)
        except ValueError as error:
            raise FormError(f"{text} is not a text in JSON quotes. Close the quotes.") from error
        return str(value)
    return text


def _number(text: str) -> Value:
    try:
        value = _json(text)
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise FormError(f"{text!r} is not a number. Write one such as 5 or 0.25.")
    return value


def _json(text: str) -> Value:
    return jiter.from_json(text.encode(), allow_inf_nan=False, float_mode="decimal")


def _is_json(text: str) -> bool:
    try:
        _json(text)
    except ValueError:
        return False
    return True
