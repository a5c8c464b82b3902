"""The log has one JSON object a line, without the content of requests."""

from __future__ import annotations

import json
import logging
import sys

from nbincoming.logs import JsonLines


def written(record: logging.LogRecord) -> dict[str, object]:
    """Format a record and read it back."""
    line = JsonLines().format(record)
    assert "\n" not in line
    found: dict[str, object] = json.loads(line)
    return found


def record(message: str, **more: object) -> logging.LogRecord:
    """Make a record."""
    values = {"name": "x", "levelname": "INFO", "levelno": 20, "msg": message, "args": (), **more}
    return logging.makeLogRecord(values)


def test_a_line_has_time_level_and_message() -> None:
    """Times are UTC, to the millisecond."""
    line = written(record("hello", created=1_718_010_930.25))
    assert (line["time"], line["level"], line["message"]) == (
        "2024-06-10T09:15:30.250Z", "info", "hello",
    )  # fmt: skip


def test_fields_become_members() -> None:
    """Members of the JSON object can be searched for."""
    assert written(record("hello", fields={"status": 200}))["status"] == 200


def test_an_error_is_a_kind_and_a_place_without_its_text() -> None:
    """The text of an exception may quote a request."""
    try:
        raise ValueError("s3cret")
    except ValueError:
        line = written(record("failed", exc_info=sys.exc_info()))
    assert "s3cret" not in json.dumps(line)
    assert str(line["error"]).startswith("ValueError at ")
    assert "test_logs.py" in str(line["error"])
