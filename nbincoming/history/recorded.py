"""Requests out of files: one JSON object a line.

A line is an event as a sink writes it (a CloudEvent whose ``data`` has ``body`` and
``headers``), or an object with ``body``, and perhaps ``headers`` and ``received_at_ms`` or
``time``. A body that is a string is the raw text.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import jiter

from nbincoming.core.message import Request
from nbincoming.core.moments import epoch_us, moment
from nbincoming.core.parameters import Limits, decode
from nbincoming.core.values import Value, json_text
from nbincoming.errors import Problem, Refusal, SpecError

_JSON: Final = (b"content-type", b"application/json")


def read_requests(path: str | Path) -> list[Request]:
    """Read a file of requests, packed by gzip where its name ends in ``.gz``.

    Raises
    ------
    SpecError
        With each line that is none, by its number.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    return requests_of(content.splitlines(), source=str(path))


def requests_of(lines: Iterable[bytes], *, source: str = "The history") -> list[Request]:
    """Read requests, one line each; empty lines are passed over."""
    requests, problems = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            requests.append(_request(line))
        except ValueError as error:
            problems.append(Problem(f"line {number}", str(error)))
    if problems:
        raise SpecError(problems[:20], source=source)
    return requests


def bodies_of(requests: Iterable[Request], limits: Limits) -> list[Value]:
    """Decode the bodies of requests; those that would be refused are left out."""
    bodies = []
    for request in requests:
        try:
            bodies.append(decode(request.body, limits=limits))
        except Refusal:
            continue
    return bodies


def _request(line: bytes) -> Request:
    try:
        record = jiter.from_json(line, allow_inf_nan=False, float_mode="decimal")
    except ValueError as error:
        raise ValueError(f"It is not JSON: {error}.") from None
    if not isinstance(record, dict):
        raise ValueError("Write an object with a body.")
    content = record["data"] if isinstance(record.get("data"), dict) else record
    if "body" not in content:
        raise ValueError('It has no "body". Write {"body": …, "headers": {…}}.')
    body = content["body"]
    text = body if isinstance(body, str) else json_text(body)
    headers = tuple(_headers(content.get("headers", {})))
    if not any(name.lower() == _JSON[0] for name, _ in headers):
        headers = (_JSON, *headers)
    return Request("POST", "/", headers, text.encode(), _time_ms(record))


def _headers(headers: object) -> Iterator[tuple[bytes, bytes]]:
    if not isinstance(headers, Mapping):
        raise ValueError('Write "headers" as an object of names and values.')
    for name, value in headers.items():
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, str):
                raise ValueError("Write a header's value as a string, or a list of strings.")
            yield name.encode(), each.encode()


def _time_ms(record: dict[str, Any]) -> int:
    """Read when a request came; a history without times came all at once, at the epoch."""
    given = record.get("received_at_ms", record.get("time", 0))
    if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
        return given
    read = moment(given, UTC) if isinstance(given, str) else None
    if read is None:
        raise ValueError('Write "received_at_ms" as milliseconds, or "time" in ISO 8601.')
    return epoch_us(read) // 1000


__all__ = ["bodies_of", "read_requests", "requests_of"]
