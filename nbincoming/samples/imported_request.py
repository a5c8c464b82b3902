"""What all import formats share: reading the parts of a request, and making it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any, TypeAlias

import jiter

from nbincoming.core.moments import epoch_us, moment
from nbincoming.core.request.message import RawHeaders, Request
from nbincoming.core.request.values import Value
from nbincoming.errors import Problem

#: What a reader yields: a request, or a problem with its place in the text.
Imported: TypeAlias = Iterator[Request | Problem]


def imported_request(
    body: bytes, headers: RawHeaders, at_ms: int, *, method: str = "POST"
) -> Request:
    """Make a request; its original target is not kept."""
    return Request(method=method, target="/", headers=headers, body=body, received_at_ms=at_ms)


def json_value(text: str) -> Value:
    """Read one JSON value exactly; ValueError if the text is not JSON."""
    return jiter.from_json(raw_bytes(text), float_mode="decimal")


def raw_bytes(text: str) -> bytes:
    """Encode a body's text; a lone surrogate becomes bytes that no JSON reader accepts."""
    return text.encode("utf-8", "surrogatepass")


def checked_text(value: Any, name: str) -> str:
    """Return a member's value; ValueError if it is not a string."""
    if not isinstance(value, str):
        given = json.dumps(value, default=str)[:40]
        raise ValueError(f"{name} must be a text, but it is {given}.")
    value.encode()  # raises a ValueError for a lone surrogate
    return value


def moment_ms(value: Value, now_ms: int, name: str) -> int:
    """Read a date and time as milliseconds since the epoch; `now_ms` if there is none."""
    if value is None:
        return now_ms
    read = moment(value, UTC) if isinstance(value, str) else None
    if read is None:
        raise ValueError(f"{name} must be a date and time, such as 2024-06-10T09:15:30Z.")
    return max(epoch_us(read) // 1000, 0)
