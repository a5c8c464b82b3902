"""The examples of a spec as a HAR 1.2 file, for tools that send recorded requests again."""

from __future__ import annotations

from nbincoming.core.gateway import endpoint_path
from nbincoming.core.moments import utc_text
from nbincoming.core.request.values import Value
from nbincoming.core.spec.evidence import Example
from nbincoming.core.spec.model import (
    SCHEMA_VERSION,
    Spec,
)


def har(spec: Spec, *, url: str) -> dict[str, Value]:
    """Write each example as a request with the answer it must have; without credentials.

    Parameters
    ----------
    url
        Where the spec is served: scheme, host and port.
    """
    target = url.rstrip("/") + endpoint_path(spec.endpoint)
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "nbincoming", "version": f"format {SCHEMA_VERSION}"},
            "entries": [_entry(each, target) for each in spec.examples],
            "comment": f"The examples of {spec.name}, redacted. They carry no credentials.",
        }
    }


def _entry(example: Example, target: str) -> dict[str, Value]:
    refused = example.outcome == "rejected"
    status, reason, body = (400, "Bad Request", "") if refused else (200, "OK", "OK")
    return {
        "startedDateTime": utc_text(example.received_at_ms),
        "time": 0,
        "request": {
            "method": "POST",
            "url": target,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [{"name": name, "value": value} for name, value in example.headers],
            "queryString": [],
            "postData": {"mimeType": "application/json", "text": example.body},
            "headersSize": -1,
            "bodySize": len(example.body.encode()),
        },
        "response": {
            "status": status,
            "statusText": reason,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "content": {"size": len(body), "mimeType": "text/plain", "text": body},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": len(body),
        },
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
        "comment": example.name,
    }
