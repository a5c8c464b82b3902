"""From the bytes of a request to its parameters, and back.

``decode`` reads the body, ``flatten`` names each leaf by its label, ``unflatten``
undoes that. Conditions and keys do not need the flat form: :class:`Parameters`
resolves just the paths that are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import jiter

from nbincoming.core.labels import ELEMENTS, Path, Segment, format_name, parse
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
        Leaves of body and headers together.
    """

    max_body_bytes: int = 1_048_576
    max_depth: int = 64
    max_parameters: int = 10_000


#: The limits of a spec that sets none.
DEFAULT_LIMITS: Final = Limits()

#: Headers that carry credentials or could be used to forge them. They are masked in
#: every frame, log and export, and never offered for deduplication.
_SECRET_HEADER: Final = re.compile(
    r"authorization|cookie|signature|api-?key|token|secret|passw|credential|hmac"
)

#: What stands for the value of a secret header.
MASK: Final = "•••"

#: jiter says "Internal error" where Python's decimal cannot hold the exponent.
_EXPONENT_ERROR: Final = "InvalidOperation"
_JITER_POSITION: Final = re.compile(r" at line (\d+) column (\d+)$")


def is_secret_header(name: str) -> bool:
    """Tell whether a header, named in lower case, carries credentials."""
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
    # Each level opens one bracket and each leaf but the first follows a comma, so these
    # counts bound both without looking at the value.
    if body.count(b"{") + body.count(b"[") > limits.max_depth:
        _check_depth(value, limits.max_depth)
    if body.count(b",") >= limits.max_parameters:
        _check_count(value, limits.max_parameters)
    return value


def header_parameters(raw: RawHeaders) -> Headers:
    """Name headers in lower case and gather the repeated ones into lists.

    Values are UTF-8 where they can be read so, else Latin-1: every byte has a character.
    """
    headers: Headers = {}
    for raw_name, raw_value in raw:
        name = raw_name.decode("latin-1").lower()
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        before = headers.get(name)
        if before is None:
            headers[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            headers[name] = [before, value]
    return headers


def masked_headers(headers: Headers) -> Headers:
    """Replace the value of each secret header by :data:`MASK`."""
    return {name: MASK if is_secret_header(name) else value for name, value in headers.items()}


def flatten(value: Value, root: str = "body") -> dict[str, Value]:
    """Name each leaf of a value by its label, in document order.

    Empty objects and arrays are leaves.
    """
    flat: dict[str, Value] = {}
    if (type(value) is dict or type(value) is list) and value:
        _flatten(value, root, flat)
    else:
        flat[root] = value
    return flat


def unflatten(flat: Mapping[str, Value]) -> dict[str, Value]:
    """Rebuild the values that :func:`flatten` took apart, by root.

    Raises
    ------
    ValueError
        If the labels do not describe one tree of values.
    """
    tree: dict[Segment, Value] = {}
    for label, leaf in flat.items():
        path = parse(label)
        node = tree
        for segment in path[:-1]:
            child = node.setdefault(segment, _Node())
            if not isinstance(child, _Node):
                raise ValueError(f"{label} lies below a value, so both cannot be.")
            node = child
        if node.setdefault(path[-1], leaf) is not leaf:
            raise ValueError(f"{label} is both a value and has members.")
    return {str(root): _rebuild(child) for root, child in tree.items()}


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


@dataclass(frozen=True, slots=True)
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


class _Node(dict[Segment, Value]):
    """An object or array under reconstruction, apart from a leaf ``{}``."""


def _rebuild(node: Value) -> Value:
    if not isinstance(node, _Node):
        return node
    if all(isinstance(segment, int) for segment in node):
        indexes = sorted(node)  # type: ignore[type-var]  # checked: all are integers
        if indexes != list(range(len(node))):
            raise ValueError("An array has gaps: its indexes are not 0, 1, 2 and so on.")
        return [_rebuild(node[index]) for index in indexes]
    if not all(isinstance(segment, str) for segment in node):
        raise ValueError("A value has both members and elements.")
    return {segment: _rebuild(child) for segment, child in node.items()}


# A memo of a pure function. Names repeat from request to request; long ones are not
# kept, so that a sender cannot fill the memory.
_SEGMENTS: Final[dict[str, str]] = {}
_MEMO_NAMES: Final = 4_096
_MEMO_LENGTH: Final = 64


def _segment(name: str) -> str:
    segment = format_name(name)
    if len(name) <= _MEMO_LENGTH and len(_SEGMENTS) < _MEMO_NAMES:
        _SEGMENTS[name] = segment
    return segment


def _flatten(value: Value, label: str, flat: dict[str, Value]) -> None:
    if type(value) is dict:
        known = _SEGMENTS.get
        for name, child in value.items():
            here = label + (known(name) or _segment(name))
            if child and (type(child) is dict or type(child) is list):
                _flatten(child, here, flat)
            else:
                flat[here] = child
    else:
        for index, child in enumerate(value):
            here = f"{label}[{index}]"
            if child and (type(child) is dict or type(child) is list):
                _flatten(child, here, flat)
            else:
                flat[here] = child


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


def _check_count(value: Value, max_parameters: int) -> None:
    count, pending = 0, [value]
    while pending:
        container = pending.pop()
        for child in container.values() if type(container) is dict else container:
            if child and (type(child) is dict or type(child) is list):
                pending.append(child)
            else:
                count += 1
        if count > max_parameters:
            raise TooManyParameters(
                f"The body has more than {max_parameters:,} parameters. Send fewer, or raise "
                "max_parameters in the spec."
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
        cause = f"the member {name[:60]} a second time"
    elif not body.strip():
        return BadJSON("The body is empty. Send a JSON object or array.")
    return BadJSON(f"The body is not valid JSON at {where}: {cause}. Send JSON in UTF-8.")
