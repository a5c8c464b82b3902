"""From the bytes of a request to its parameters.

``decode`` reads the body within limits. Conditions and keys do not need the flat form of
:mod:`nbincoming.core.flattening`: :class:`Parameters` resolves just the paths that are
asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import jiter

from nbincoming.core.flattening import flatten as flatten  # callers find it here, too
from nbincoming.core.labels import ELEMENTS, Path, Segment
from nbincoming.core.message import RawHeaders
from nbincoming.core.values import MISSING, Missing, Value
from nbincoming.errors import BadJSON, TooDeep, TooManyParameters

#: Headers as parameters: a string, or a list of strings where the header is repeated.
Headers = dict[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be.

    Attributes
    ----------
    max_body_bytes : int
        Bytes of the body; 1 MiB by default.
    max_depth : int
        Levels of nested objects and arrays.
    max_parameters : int
        Leaves of the body.
    """

    max_body_bytes: int = 1_048_576
    max_depth: int = 64
    max_parameters: int = 10_000


#: The limits of a spec that sets none.
DEFAULT_LIMITS: Final = Limits()

#: Headers that carry credentials or could be used to forge them. They are masked in
#: every frame, log and export, and never offered for deduplication. Not every "key" is
#: one: ``idempotency-key`` and Jira's ``x-event-key`` tell requests apart.
_SECRET_HEADER: Final = re.compile(
    r"authorization|cookie|signature|token|secret|passw|credential|hmac|jwt|assertion|session"
    r"|(?:api|access|auth|subscription|private|shared)[-_]?key|\b(?:auth|sig|dpop)\b"
)

#: Names beyond it are not worth remembering, and senders choose them.
_LONG_NAME: Final = 64
#: So many names are remembered at the most.
_MOST_NAMES: Final = 1_024

#: Most text that the labels of one body may have together. Labels repeat the names above
#: them, so a body of 1 MiB could otherwise make 10 GB of them.
_MAX_LABEL_TEXT: Final = 50_000_000

#: A body of fewer bytes cannot reach it: labels have at most an eighth of its square,
#: where one half of it is a name and the other is leaves of two bytes below that.
_SMALL: Final = 20_000

#: What stands for the value of a secret header.
MASK: Final = "•••"

#: jiter says "Internal error" where Python's decimal cannot hold the exponent.
_EXPONENT_ERROR: Final = "InvalidOperation"
_JITER_POSITION: Final = re.compile(r" at line (\d+) column (\d+)$")


def is_secret_header(name: str) -> bool:
    """Tell whether a header, named in lower case, carries credentials."""
    return _is_secret_name(name) if len(name) <= _LONG_NAME else bool(_SECRET_HEADER.search(name))


@lru_cache(maxsize=1_024)
def _is_secret_name(name: str) -> bool:
    """Remember the answer: the same few names come with each request."""
    return _SECRET_HEADER.search(name) is not None


def is_secret(path: Path) -> bool:
    """Tell whether a parameter is, or holds, a header that carries credentials."""
    if path[0] != "headers":
        return False
    return len(path) == 1 or (isinstance(path[1], str) and is_secret_header(path[1]))


def decode(body: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Value:
    """Read a JSON body exactly.

    Integers keep every digit, decimals are not rounded.

    Raises
    ------
    BadJSON
        If the body is not one JSON object or array in UTF-8, with the position; also for
        a duplicate member, ``NaN``, a byte order mark or a lone surrogate.
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
    # Bounds that need no look at the value. Each level opens a bracket; "{/", which URL
    # templates such as GitHub's are full of, opens none, since no member starts so.
    brackets = body.count(b"{") + body.count(b"[")
    if brackets > limits.max_depth and brackets - body.count(b"{/") > limits.max_depth:
        _check_depth(value, limits.max_depth)
    # Each leaf takes a byte, and a comma parts it from the next.
    size = len(body)
    if size > 2 * limits.max_parameters or size > _SMALL:
        leaves = body.count(b",") + 1
        if leaves > limits.max_parameters or leaves * size > _MAX_LABEL_TEXT:
            _check_size(value, limits.max_parameters)
    return value


def header_parameters(raw: RawHeaders) -> Headers:
    """Name headers in lower case and gather the repeated ones into lists.

    Values are UTF-8 where they can be read so, else Latin-1: every byte has a character.
    """
    headers: Headers = {}
    for raw_name, raw_value in raw:
        name = _names.get(raw_name) or _name(raw_name)
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        if name not in headers:
            headers[name] = value
            continue
        before = headers[name]
        if isinstance(before, list):
            before.append(value)
        else:
            headers[name] = [before, value]
    return headers


def _name(raw: bytes) -> str:
    """Write a header's name in lower case, and remember it if it is short and there is room."""
    name = raw.decode("latin-1").lower()
    if len(raw) <= _LONG_NAME and len(_names) < _MOST_NAMES:
        _names[raw] = name
    return name


#: A memo of a pure function: the same few names come with each request.
_names: dict[bytes, str] = {}


def masked_headers(headers: Headers) -> Headers:
    """Replace the value of each secret header by :data:`MASK`."""
    return {name: MASK if is_secret_header(name) else value for name, value in headers.items()}


def resolve(value: Value, path: Iterable[Segment]) -> Value | Missing:
    """Follow a path into a value; :data:`MISSING` where it ends early.

    ``[*]`` gathers what the rest of the path finds in each element, so its value is an
    array; elements without it are left out.
    """
    segments = tuple(path)
    for position, segment in enumerate(segments):
        if isinstance(segment, str):
            if type(value) is not dict:
                return MISSING
            value = value.get(segment, MISSING)
        elif segment is ELEMENTS:
            if type(value) is not list:
                return MISSING
            rest = segments[position + 1 :]
            found = (resolve(element, rest) for element in value)
            gathered = [each for each in found if each is not MISSING]
            # a second [*] gathers into the same array
            return [x for each in gathered for x in each] if ELEMENTS in rest else gathered
        else:
            if type(value) is not list or segment >= len(value):
                return MISSING
            value = value[segment]
        if value is MISSING:
            return MISSING
    return value


@dataclass(slots=True)  # made for every request, and frozen it would take twice as long
class Parameters:
    """What a request says: its decoded body and its headers.

    Attributes
    ----------
    body
        The decoded JSON value.
    headers : dict
        By name in lower case; a list where the header is repeated.
    """

    body: Value
    headers: Headers = field(default_factory=dict)

    def __repr__(self) -> str:
        # Headers may hold secrets, and a repr ends up in logs and tracebacks.
        return f"<Parameters: a body and {len(self.headers)} headers>"

    def roots(self) -> dict[str, Value]:
        """Return the values by root."""
        return {"body": self.body, "headers": self.headers}

    def at(self, path: Path) -> Value | Missing:
        """Return the value at a path, or :data:`MISSING`."""
        return resolve(self.body if path[0] == "body" else self.headers, path[1:])

    def flat(self, *, masked: bool = True) -> dict[str, Value]:
        """Name every leaf, body first; secret headers are masked unless told otherwise."""
        headers = masked_headers(self.headers) if masked else self.headers
        flat = flatten(self.body, "body")
        if headers:
            flat.update(flatten(headers, "headers"))
        return flat


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
                # an index and its brackets have about as many characters as its array
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
                "The labels of the body's parameters have together more than "
                f"{_MAX_LABEL_TEXT:,} characters. Send shorter names or a flatter body."
            )


def _too_deep(max_depth: int) -> TooDeep:
    return TooDeep(
        f"The body is nested deeper than {max_depth} levels. Send a flatter body, or raise "
        "max_depth in the spec."
    )


def _refusal(body: bytes, message: str, limits: Limits) -> BadJSON | TooDeep:
    """Put jiter's message into our words, with the position."""
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
