"""JSON in a readable layout: short objects and arrays are on one line."""

from __future__ import annotations

from typing import Final

from nbincoming.core.request.values import Value, json_text

#: Longest line with more than one value, in characters.
WIDTH: Final = 100
_STEP: Final = "  "


def laid_out(value: Value, *, width: int = WIDTH) -> str:
    """Write a value as JSON, with each object and array on one line if it fits.

    It differs from :func:`~nbincoming.core.request.values.json_text` only in white space.
    """
    return "\n".join(_lines(value, "", "", width))


def _lines(value: Value, margin: str, name: str, width: int) -> list[str]:
    """Return a value's lines, the first with `name`, and leave room for a comma."""
    if not isinstance(value, dict | list) or not value:
        return [margin + name + json_text(value)]
    flat = _flat(value)
    if len(margin) + len(name) + len(flat) < width:
        return [margin + name + flat]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    items = (
        [(json_text(member) + ": ", child) for member, child in value.items()]
        if isinstance(value, dict)
        else [("", child) for child in value]
    )
    lines = [margin + name + opening]
    for index, (label, child) in enumerate(items):
        lines += _lines(child, margin + _STEP, label, width)
        if index < len(items) - 1:
            lines[-1] += ","
    return [*lines, margin + closing]


def _flat(value: Value) -> str:
    match value:
        case dict() if value:
            members = (f"{json_text(name)}: {_flat(child)}" for name, child in value.items())
            return f"{{{', '.join(members)}}}"
        case list() if value:
            return f"[{', '.join(map(_flat, value))}]"
        case _:
            return json_text(value)
