"""Check a request's headers and decode its JSON body, within limits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import jiter

from nbincoming.core.request.headers import header_text
from nbincoming.core.request.message import WHITE_SPACE, RawHeaders
from nbincoming.core.request.values import Value
from nbincoming.errors import (
    BadHeader,
    BadJSON,
    BodyTooLarge,
    TooDeep,
    TooManyParameters,
    UnsupportedMediaType,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be.

    Attributes
    ----------
    max_body_bytes : int
        Bytes of the body; 1 MiB by default.
    max_depth : int
        Nesting of objects and arrays.
    max_parameters : int
        Number of leaves of the body.
    """

    max_body_bytes: int = 1_048_576
    max_depth: int = 64
    max_parameters: int = 10_000


#: The limits of a spec that sets none.
DEFAULT_LIMITS: Final = Limits()

#: The limit of characters in all labels of a body together. Labels repeat the names of outer
#: objects, so without this limit the labels of a body of 1 MiB could take 10 GB.
_MAX_LABEL_TEXT: Final = 50_000_000

#: A smaller body cannot exceed that limit. In the worst case, a name of n / 2 bytes contains n / 4
#: leaves of two bytes each, so there are n / 4 labels of n / 2 characters.
_SMALL_BYTES: Final = 20_000

#: jiter's message if Python's decimal cannot represent the exponent.
_EXPONENT_ERROR: Final = "InvalidOperation"

_JITER_POSITION: Final = re.compile(r" at line (\d+) column (\d+)$")


def decode(body: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Value:
    """Decode a JSON body. Integers keep every digit, decimals are not rounded.

    Raises
    ------
    BadJSON
        If the body is not one JSON object or array in UTF-8, or has a duplicate member, ``NaN``,
        a byte order mark or a lone surrogate. The message has the position.
    TooDeep, TooManyParameters
        If it exceeds `limits`.
    """
    try:
        value = jiter.from_json(
            body, allow_inf_nan=False, catch_duplicate_keys=True, float_mode="decimal"
        )
    except ValueError as error:
        raise _refusal(body, str(error), limits) from None
    if type(value) is not dict and type(value) is not list:
        raise BadJSON("The body is a single value. Send an object {…} or an array […] at the top.")
    # Counting bytes is fast and gives upper bounds, so most bodies need no exact check.
    # Each level of nesting has an opening bracket.
    if body.count(b"{") + body.count(b"[") > limits.max_depth:
        _check_depth(value, limits.max_depth)
    # Each leaf has at least one byte, and commas separate leaves.
    size = len(body)
    if size > 2 * limits.max_parameters or size > _SMALL_BYTES:
        leaves = body.count(b",") + 1
        if leaves > limits.max_parameters or leaves * size > _MAX_LABEL_TEXT:
            _check_size(value, limits.max_parameters)
    return value


def _check_depth(value: Value, max_depth: int) -> None:
    level = [value]
    for _ in range(max_depth):
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return
    raise _too_deep(max_depth)


def _check_size(value: Value, max_parameters: int) -> None:
    count = text = 0
    pending = [(value, 0)]
    while pending:
        container, length = pending.pop()
        text += len(container) * length
        items: Iterable[tuple[str | int, Value]]
        if type(container) is dict:
            text += sum(map(len, container))
            items = container.items()
        else:
            items = enumerate(container)
        for segment, child in items:
            if child and (type(child) is dict or type(child) is list):
                # an index with its brackets has at most 10 characters
                more = len(segment) if isinstance(segment, str) else 10
                pending.append((child, length + more))
            else:
                count += 1
        if count > max_parameters:
            raise TooManyParameters(
                f"The body has more than {max_parameters:,} parameters. Send fewer, or raise "
                "max_parameters in the spec."
            )
        if text > _MAX_LABEL_TEXT:
            raise TooManyParameters(
                f"The labels of the body have together more than {_MAX_LABEL_TEXT:,} characters. "
                "Send shorter names or a flatter body."
            )


def _too_deep(max_depth: int) -> TooDeep:
    return TooDeep(
        f"The body is nested deeper than {max_depth} levels. Send a flatter body, or raise "
        "max_depth in the spec."
    )


def _refusal(body: bytes, message: str, limits: Limits) -> BadJSON | TooDeep:
    """Turn jiter's message into a refusal, with the position."""
    position = _JITER_POSITION.search(message)
    where = f"line {position[1]}, column {position[2]}" if position else "an unknown position"
    cause = _JITER_POSITION.sub("", message)
    if cause == "recursion limit exceeded":
        return _too_deep(limits.max_depth)
    if body.startswith(b"\xef\xbb\xbf"):
        cause = "a byte order mark, which JSON does not allow"
    elif _EXPONENT_ERROR in cause:
        cause = "a number whose exponent is out of range"
    elif cause == "number out of range":
        cause = "an integer of more than 4,300 digits"
    elif cause.startswith("Detected duplicate key"):
        name = cause.removeprefix("Detected duplicate key ")
        cause = f"the member {name if len(name) <= 60 else name[:60] + '…'} a second time"
    elif not body.strip():
        return BadJSON("The body is empty. Send a JSON object or array.")
    return BadJSON(f"The body is not valid JSON at {where}: {cause}. Send JSON in UTF-8.")


_JSON: Final = b"application/json"

_MEDIA_TYPE: Final = re.compile(
    r"application/(?:[!#$&^_.+a-z0-9-]+\+)?json[ \t]*(?:;.*)?", re.IGNORECASE | re.ASCII
)

#: Headers that may be sent only once, because servers differ in which of two values they use.
_SENT_ONCE: Final = (b"content-type", b"authorization", b"x-hub-signature-256")

#: Values of Content-Encoding for an uncompressed body. Some senders put a charset there.
_UNCOMPRESSED: Final = (b"", b"identity", b"utf-8")

#: Lengths of the checked names. Comparing lengths is fast and excludes most headers.
_CHECKED_LENGTHS: Final = frozenset(map(len, (*_SENT_ONCE, b"content-encoding")))


def check_headers(raw: RawHeaders) -> None:
    """Check Content-Type, Content-Encoding and the headers that may be sent only once.

    Raises
    ------
    BadHeader
        If a header that may be sent only once is repeated.
    UnsupportedMediaType
        If the body is compressed, or Content-Type is not JSON.
    """
    given: dict[bytes, bytes] = {}
    for raw_name, value in raw:
        if len(raw_name) in _CHECKED_LENGTHS:
            name = raw_name.lower()
            if name == b"content-encoding":
                _check_encoding(value)
            elif name in given and name in _SENT_ONCE:
                raise BadHeader(
                    f"The header {name.decode()} was sent more than once. Send it once."
                )
            given[name] = value
    media_type = given.get(b"content-type")
    if media_type == _JSON:  # as most senders write it
        return
    text = None if media_type is None else header_text(media_type)
    if text is None or not _MEDIA_TYPE.fullmatch(text):
        shown = "missing" if text is None else ascii(text[:60])
        raise UnsupportedMediaType(
            f"The header Content-Type is {shown}. Send 'Content-Type: application/json'."
        )


def _check_encoding(value: bytes) -> None:
    if any(each.strip(WHITE_SPACE).lower() not in _UNCOMPRESSED for each in value.split(b",")):
        raise UnsupportedMediaType(
            "The body is compressed (Content-Encoding). Send it uncompressed.",
            headers=(("Accept-Encoding", "identity"),),
        )


def body_too_large(max_body_bytes: int) -> BodyTooLarge:
    """Return the refusal for a body that is too large."""
    return BodyTooLarge(
        f"The body has more than {max_body_bytes:,} bytes. Send a smaller one, or raise "
        "max_body_bytes in the spec."
    )
