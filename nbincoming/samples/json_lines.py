"""Requests from JSON lines: each line is a body, or a request as an object."""

from __future__ import annotations

from collections.abc import Iterator

from nbincoming.core.request.message import Request
from nbincoming.core.request.values import Value
from nbincoming.errors import Problem
from nbincoming.samples.imported_request import Imported, imported_request, json_value, raw_bytes
from nbincoming.samples.json_requests import JSON_HEADERS, is_request, may_be_request, request_of


def read_bodies(text: str, now_ms: int) -> Imported:
    """Read each line as a body; its text is kept as it is written."""
    for number, line in _lines(text):
        value = _value_of(number, line)
        yield value if isinstance(value, Problem) else _body(line, now_ms)


def read_json_requests(text: str, now_ms: int) -> Imported:
    """Read each line, or each element of an array, as a whole request."""
    for number, line in _lines(text):
        value = _value_of(number, line)
        yield from [value] if isinstance(value, Problem) else _requests(number, value, now_ms)


def read_json_lines(text: str, now_ms: int) -> Imported:
    """Read lines as requests if at least one is surely a request, otherwise as bodies."""
    lines = list(_lines(text))
    first = next(
        (
            number
            for number, line in lines
            if '"body"' in line and _can_only_be_requests(_value_of(number, line))
        ),
        None,
    )
    for number, line in lines:
        value = _value_of(number, line)  # again: all values together could fill the memory
        if isinstance(value, Problem):
            yield value
        elif first is None:
            yield _body(line, now_ms)
        elif _can_only_be_requests(value) or may_be_request(value):
            yield from _requests(number, value, now_ms)
        else:
            yield Problem(
                f"line {number}",
                f"This is a body, but line {first} is a whole request. Split the text, or say "
                "which they are by format='bodies' or format='requests'.",
            )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that is not empty, with its number."""
    lines = text.split("\n")  # not splitlines(): a JSON text may hold other line separators
    if len(lines) > 1 and _is_json(text) and not _is_json(lines[0]):
        lines = [text]  # one value over several lines
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, line.strip()


def _value_of(number: int, line: str) -> Value | Problem:
    try:
        return json_value(line)
    except ValueError as error:
        return Problem(f"line {number}", f"This is not JSON: {error}.")


def _can_only_be_requests(value: Value | Problem) -> bool:
    if isinstance(value, list):
        return bool(value) and all(map(is_request, value))
    return not isinstance(value, Problem) and is_request(value)


def _body(line: str, now_ms: int) -> Request:
    return imported_request(raw_bytes(line), JSON_HEADERS, now_ms)


def _requests(number: int, value: Value, now_ms: int) -> Imported:
    for index, each in enumerate(value) if isinstance(value, list) else [(None, value)]:
        try:
            request = request_of(each, now_ms)
        except ValueError as error:
            element = "" if index is None else f", element {index}"
            yield Problem(f"line {number}{element}", str(error))
        else:
            if request is not None:
                yield request


def _is_json(text: str) -> bool:
    try:
        json_value(text)
    except ValueError:
        return False
    return True
