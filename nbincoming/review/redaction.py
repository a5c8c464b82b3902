"""A request without what decides nothing: for examples that others may read."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from nbincoming.core.conditions.label import Reference
from nbincoming.core.conditions.operators import OPERATORS
from nbincoming.core.conditions.tree import (
    Leaf,
    leaves,
    referenced,
)
from nbincoming.core.request.labels import ELEMENTS, Path, parse
from nbincoming.core.request.masking import is_secret_header
from nbincoming.core.request.message import Request
from nbincoming.core.request.reading import decode
from nbincoming.core.request.values import Value, json_text
from nbincoming.core.spec.model import Spec
from nbincoming.errors import Refusal

#: What stands for a text that decides nothing.
REDACTED: Final = "redacted"

#: Headers that make no difference and tell about the sender's network.
_DROPPED: Final = frozenset({"host", "connection", "content-length", "accept-encoding"})

#: Headers that decide, whatever the spec says.
_CHECKED: Final = frozenset({"content-type", "content-encoding"})

#: Operators that ask whether there is a value and how large an array is, not what it is.
_SHAPE: Final = frozenset(
    row.name for row in OPERATORS if row.type == "any" or row.operand == "count"
)


def redact(request: Request, spec: Spec) -> Request | None:
    """Replace what decides nothing and drop credentials; None where the body is not JSON.

    The names and kinds of all parameters stay, and so do the values that a key or a
    condition of the spec reads.
    """
    try:
        body = decode(request.body, limits=spec.limits)
    except Refusal:
        return None
    kept = [parse(label) for label in _decisive(spec)]
    headers = []
    for raw_name, raw_value in request.headers:
        name = raw_name.decode("latin-1").lower()
        if is_secret_header(name):
            continue
        # A repeated header may be read in part: its values are kept together.
        if ("headers", name) not in [path[:2] for path in kept]:
            if name in _DROPPED:
                continue
            if name not in _CHECKED and raw_value:
                raw_value = REDACTED.encode()
        try:
            raw_value.decode()
        except UnicodeDecodeError:
            return None
        headers.append((name.encode(), raw_value))
    text = json_text(_redacted(body, ("body",), kept))
    return Request(
        request.method, request.target, tuple(headers), text.encode(), request.received_at_ms
    )


def _decisive(spec: Spec) -> set[str]:
    """Gather the parameters whose values decide anything."""
    labels = set(spec.deduplication.parameters) if spec.deduplication else set()
    for trigger in spec.triggers:
        for leaf in leaves(trigger.when):
            # A condition on elements names by itself what it reads of each.
            if isinstance(leaf, Leaf) and leaf.operator not in _SHAPE:
                labels |= referenced(leaf)
            elif isinstance(leaf, Leaf) and isinstance(leaf.value, Reference):
                labels.add(leaf.value.parameter)
    return labels


def _redacted(value: Value, path: Path, kept: Sequence[Path]) -> Value:
    if _is_kept(path, kept):
        return value
    match value:
        case dict():
            return {name: _redacted(child, (*path, name), kept) for name, child in value.items()}
        case list():
            return [_redacted(child, (*path, index), kept) for index, child in enumerate(value)]
        case str():
            return REDACTED if value else value
        case bool() | None:
            return value
        case int() | Decimal():
            return 0
    raise AssertionError(type(value))


def _is_kept(path: Path, kept: Sequence[Path]) -> bool:
    """Tell whether a parameter is one of these, or lies within one."""
    return any(
        len(path) >= len(wanted)
        and all(
            want == have or (want is ELEMENTS and isinstance(have, int))
            for want, have in zip(wanted, path, strict=False)
        )
        for wanted in kept
    )
