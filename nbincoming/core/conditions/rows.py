"""Which rows of the table of operators a leaf uses."""

from __future__ import annotations

from typing import Any

from nbincoming.core.conditions.label import Reference
from nbincoming.core.conditions.operands import Context, OperandError, prepare
from nbincoming.core.conditions.operators import BY_NAME, Operator, Type
from nbincoming.core.request.values import Value, shorten


def rows_of(
    operator: str, value: Value | Reference, type_: Type | None, context: Context
) -> tuple[tuple[Operator, Any], ...]:
    """Find the rows of an operator that fit a value, each with its prepared operand.

    The operand is None if the value is another parameter's, which differs by request.

    Raises
    ------
    ValueError
        If no row fits; the message says what is needed.
    """
    named = BY_NAME[operator]
    typed = [row for row in named if type_ in (None, row.type)]
    if not typed:
        types = " or ".join(row.type for row in named)
        raise ValueError(f"{operator} applies to {types}, not to {type_}.")
    if type_ is None and any(row.type == "string" for row in typed):
        # A text is compared as a text unless the leaf has "type": "datetime".
        typed = [row for row in typed if row.type != "datetime"]
    if isinstance(value, Reference):
        found = [(row, None) for row in typed if row.operand not in ("none", "pattern", "unit")]
        if not found:
            raise ValueError(f"{operator} cannot take its value from another parameter.")
        return tuple(found)
    found, needs = [], []
    for row in typed:
        try:
            if row.operand == "none" and value is not None:
                raise OperandError("leave the value out")
            found.append((row, prepare(row.operand, value, context)))
        except OperandError as error:
            needs.append(f"{error}")
    if not found:
        raise ValueError(
            f"{shorten(value)} is no value for {operator}: "
            + "; or ".join(dict.fromkeys(needs))
            + "."
        )
    return tuple(found)
