"""Requests written as JSON objects, by hand or by another system.

Four forms are known:

- an object with ``body`` and at least one of ``headers``, ``method`` and
  ``received_at_ms``, and perhaps ``received_at``;
- an event as a sink writes it;
- the output of n8n's webhook node: ``headers``, ``params``, ``query``, ``body``;
- what AWS API Gateway, a load balancer or a function URL passes to a Lambda function:
  ``httpMethod``, ``headers``, ``body`` as text, ``isBase64Encoded``.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from nbincoming.core.auth.scheme_fields import HEADER_NAME
from nbincoming.core.events import EVENT_TYPE
from nbincoming.core.request.message import RawHeaders, Request
from nbincoming.core.request.values import Value, json_text
from nbincoming.samples.imported_request import (
    checked_text,
    imported_request,
    moment_ms,
    raw_bytes,
)

#: The headers of a request that has none.
JSON_HEADERS: Final[RawHeaders] = ((b"Content-Type", b"application/json"),)

#: Members of a request in the first form and in n8n's. An object with any other is a body.
_MEMBERS: Final = frozenset(
    {"body", "headers", "method", "received_at", "received_at_ms"}
    | {"executionMode", "params", "query", "webhookUrl"}
)
_METHODS: Final = frozenset({"DELETE", "GET", "PATCH", "POST", "PUT"})


def is_request(value: Value) -> bool:
    """Tell whether an object is surely a request, not a body with a member ``body``."""
    if not isinstance(value, dict):
        return False
    if _is_event(value) or _is_lambda_event(value):
        return True
    method = value.get("method")
    return may_be_request(value) and (
        "received_at_ms" in value
        or (isinstance(method, str) and method in _METHODS)
        or _are_headers(value.get("headers"))
    )


def may_be_request(value: Value) -> bool:
    """Tell whether an object has a body and only members that a request can have."""
    return isinstance(value, dict) and "body" in value and set(value) <= _MEMBERS


def request_of(value: Value, now_ms: int) -> Request | None:
    """Read a request from an object; None if it was sent without a body.

    Raises
    ------
    ValueError
        If the object is not a request, with the reason.
    """
    if not isinstance(value, dict):
        raise ValueError("A request must be an object with the member body.")
    if _is_event(value):
        value = {**value["data"], "received_at": value.get("time")}
    elif _is_lambda_event(value):
        return _lambda_request(value, now_ms)
    if "body" not in value:
        raise ValueError("A request must have the member body, and this object has none.")
    body = value["body"]
    return imported_request(
        raw_bytes(body if isinstance(body, str) else json_text(body)),
        _raw_headers(value.get("headers", {})) or JSON_HEADERS,
        _received_ms(value, now_ms),
        method=checked_text(value.get("method", "POST"), "method"),
    )


def _is_event(value: dict[str, Any]) -> bool:
    data = value.get("data")
    return (
        value.get("type") == EVENT_TYPE
        and isinstance(data, dict)
        and set(data) == {"body", "headers"}
    )


def _is_lambda_event(value: dict[str, Any]) -> bool:
    """Recognize the events of AWS (API Gateway's guide, "Lambda proxy integrations")."""
    return isinstance(value.get("isBase64Encoded"), bool) and (
        "headers" in value or "multiValueHeaders" in value
    )


def _lambda_request(event: dict[str, Any], now_ms: int) -> Request | None:
    body = event.get("body")
    if body is None:
        return None
    content = raw_bytes(checked_text(body, "body"))
    if event["isBase64Encoded"]:
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error:
            raise ValueError("body must be Base64, since isBase64Encoded is true.") from None
    context = event.get("requestContext")
    context = context if isinstance(context, dict) else {}
    http = context.get("http")
    method = http.get("method") if isinstance(http, dict) else event.get("httpMethod", "POST")
    time = context.get("requestTimeEpoch", context.get("timeEpoch", now_ms))
    return imported_request(
        content,
        _raw_headers(event.get("multiValueHeaders") or event.get("headers") or {}) or JSON_HEADERS,
        _checked_ms(time, "The time in requestContext"),
        method=checked_text(method, "The method"),
    )


def _are_headers(value: Value) -> bool:
    """Tell whether a value can be headers: strings by names that HTTP allows."""
    if isinstance(value, dict) or (isinstance(value, list) and value):
        try:
            names = [name.decode() for name, _ in _raw_headers(value)]
        except ValueError:
            return False
        return all(HEADER_NAME.fullmatch(name) for name in names)
    return False


def _raw_headers(value: Value) -> RawHeaders:
    pairs: list[tuple[Value, Value]] = []
    if isinstance(value, dict):
        for name, content in value.items():
            contents = content if isinstance(content, list) else [content]
            pairs += [(name, each) for each in contents]
    elif isinstance(value, list) and all(isinstance(p, list) and len(p) == 2 for p in value):
        pairs = [(pair[0], pair[1]) for pair in value if isinstance(pair, list)]
    else:
        raise ValueError("headers must be an object, or a list of pairs of name and value.")
    return tuple(
        (checked_text(name, "A header's name").encode(), checked_text(text, "A header").encode())
        for name, text in pairs
    )


def _received_ms(value: dict[str, Value], now_ms: int) -> int:
    exact = value.get("received_at_ms")
    if exact is not None:
        return _checked_ms(exact, "received_at_ms")
    return moment_ms(value.get("received_at"), now_ms, "received_at")


def _checked_ms(value: Value, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(f"{name} must be a whole number of milliseconds since 1970.")
