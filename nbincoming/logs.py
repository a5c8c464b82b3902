"""The log: JSON lines on stderr, without bodies, secrets or URLs of endpoints."""

from __future__ import annotations

import json
import logging
import sys

from nbincoming.core.events import utc_text

log = logging.getLogger("nbincoming.serve")


class JsonLines(logging.Formatter):
    """Formats a record as a JSON object, with the record's ``fields`` as further members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, object] = {
            "time": utc_text(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = _place(record)
        return json.dumps(line, default=str)


def set_up() -> None:
    """Send all logs of the process to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # These loggers write URLs at INFO, and the URL of a sink may contain a token.
    for name in ("urllib3", "aio_pika", "aiormq", "nats", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _place(record: logging.LogRecord) -> str:
    """Return what was raised and where, without its message, which may quote a request."""
    kind, _, trace = record.exc_info or (None, None, None)
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{kind.__name__ if kind else 'Error'} at {' < '.join(reversed(frames[-6:]))}"
