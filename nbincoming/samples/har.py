"""Requests from HAR files, as browsers and proxies save them."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from nbincoming.core.request.message import Request
from nbincoming.errors import Problem
from nbincoming.samples.imported_request import (
    Imported,
    checked_text,
    imported_request,
    json_value,
    moment_ms,
    raw_bytes,
)


def is_har(text: str) -> bool:
    """Tell whether a text is a HAR file."""
    if not text.lstrip().startswith("{") or '"log"' not in text or '"entries"' not in text:
        return False  # before parsing, because the text may be large
    try:
        value = json_value(text)
    except ValueError:
        return False
    log = value.get("log") if isinstance(value, dict) else None
    return isinstance(log, dict) and "entries" in log


def read_har(text: str, now_ms: int) -> Imported:
    """Read each entry that sends a body."""
    try:
        value = json_value(text)
    except ValueError as error:
        yield Problem("", f"This is not JSON: {error}.")
        return
    log = value.get("log") if isinstance(value, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        yield Problem("log.entries", "A HAR file must have a list of entries here.")
        return
    for index, entry in enumerate(entries):
        try:
            request = _request_of(entry, now_ms)
        except ValueError as error:
            yield Problem(f"log.entries[{index}]", str(error))
            continue
        if request is not None:
            yield request


def _request_of(entry: Any, now_ms: int) -> Request | None:
    """Read an entry; None if it sends no body."""
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        raise ValueError("An entry must have an object named request.")
    posted = request.get("postData")
    if not isinstance(posted, dict) or not isinstance(posted.get("text"), str):
        return None
    body = raw_bytes(posted["text"])
    if posted.get("encoding") == "base64":  # as some proxies write binary bodies
        try:
            body = base64.b64decode(body, validate=True)
        except binascii.Error:
            raise ValueError("postData.text must be Base64, as its encoding says.") from None
    headers = request.get("headers", [])
    if not isinstance(headers, list) or not all(isinstance(each, dict) for each in headers):
        raise ValueError("request.headers must be a list of objects with name and value.")
    pairs = [
        (checked_text(each.get("name"), "A header's name"),
         checked_text(each.get("value"), "A header"))
        for each in headers
    ]  # fmt: skip
    # In HTTP/2 the method and path are headers whose names start with a colon.
    kept = [(name, content) for name, content in pairs if not name.startswith(":")]
    media_type = posted.get("mimeType")
    if isinstance(media_type, str) and "content-type" not in {name.lower() for name, _ in kept}:
        kept.append(("Content-Type", media_type))
    return imported_request(
        body,
        tuple((name.encode(), content.encode()) for name, content in kept),
        moment_ms(entry.get("startedDateTime"), now_ms, "startedDateTime"),
        method=checked_text(request.get("method", "POST"), "request.method"),
    )
