"""``docs/operators.md`` is the table of operators, written out."""

from __future__ import annotations

from pathlib import Path

from nbincoming.core.conditions.operators import OPERATORS
from nbincoming.core.request.values import json_text

PAGE = Path(__file__).parents[3] / "docs" / "operators.md"

INTRODUCTION = """\
# Operators

A condition's leaf names a parameter, an operator and, for most operators, a value. On a missing
parameter, or one of another type, every operator but `missing` is false, negative ones included;
`not` around a condition is plain negation. A date-time is a text in ISO 8601. `"type": "number"`
also reads a number out of a text.

| Operator | Type | Compares with | Example | Reads |
|---|---|---|---|---|
"""


def written() -> str:
    """Write the page from the table."""
    lines = []
    for row in OPERATORS:
        example = "" if row.example is None else f"`{json_text(row.example)}`"
        operand = "" if row.operand == "none" else row.operand
        lines.append(f"| `{row.name}` | {row.type} | {operand} | {example} | … {row.phrase} |")
    return INTRODUCTION + "\n".join(lines) + "\n"


def test_the_page_is_the_table() -> None:
    """Write it anew by: python -m tests.core.conditions.test_operators_doc."""
    assert PAGE.read_text() == written()


if __name__ == "__main__":
    PAGE.write_text(written())
