"""Redacts requests, so that others may read them as examples with the same outcome."""

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
from nbincoming.core.request.masking import is_secret_header, is_secret_value
from nbincoming.core.request.message import Request
from nbincoming.core.request.reading import decode
from nbincoming.core.request.values import Value, json_text
from nbincoming.core.spec.model import Spec
from nbincoming.errors import Refusal

#: Replaces each string that neither a key nor a condition reads.
REDACTED: Final = "redacted"

#: Headers that reveal the sender's network. They are dropped unless the spec reads them.
_DROPPED: Final = frozenset({"host", "connection", "content-length", "accept-encoding"})

#: Headers that every spec checks. They are kept.
_CHECKED: Final = frozenset({"content-type", "content-encoding"})

#: Operators that test only whether there is a value, or the length of an array.
_SHAPE: Final = frozenset(
    row.name for row in OPERATORS if row.type == "any" or row.operand == "count"
)


def redact(request: Request, spec: Spec) -> Request | None:
    """Replace the values that neither a key nor a condition reads, and drop credentials.

    The names and kinds of all parameters stay.

    Returns
    -------
    Request or None
        None if the body is not JSON, or if a header that must stay is not UTF-8 or looks like a
        credential.
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
        # If a label reads one value of a repeated header, all its values are kept.
        if ("headers", name) not in [path[:2] for path in kept]:
            if name in _DROPPED:
                continue
            if name not in _CHECKED and raw_value:
                raw_value = REDACTED.encode()
        try:
            if is_secret_value(raw_value.decode()):
                return None
        except UnicodeDecodeError:
            return None
        headers.append((name.encode(), raw_value))
    text = json_text(_redacted(body, ("body",), kept))
    return Request(
        request.method, request.target, tuple(headers), text.encode(), request.received_at_ms
    )


def _decisive(spec: Spec) -> set[str]:
    """Return the labels of the values that a key or a condition reads."""
    labels = set(spec.deduplication.parameters) if spec.deduplication else set()
    for trigger in spec.triggers:
        for leaf in leaves(trigger.when):
            # An ElementLeaf reads only what its inner leaves read, which follow it here.
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
    """Tell whether a path is one of those to keep, or is inside one."""
    return any(
        len(path) >= len(wanted)
        and all(
            want == have or (want is ELEMENTS and isinstance(have, int))
            for want, have in zip(wanted, path, strict=False)
        )
        for wanted in kept
    )
