r"""The grammar of labels, and their conversion to paths and back.

::

    label   = root segment*
    root    = "body" | "headers"
    segment = "." name            a member whose name is plain
            | "[" index "]"       an element, counted from 0
            | "[" string "]"      a member with any other name, as a JSON string
            | "[*]"               all elements, only in conditions

A plain name is not empty and has no ``.``, ``[``, ``]``, ``"``, white space or control character.
No name has a lone surrogate. :func:`parse` writes a header's name in lower case.

>>> parse('body.complaint["a.b"][0]')
('body', 'complaint', 'a.b', 0)
>>> parse("headers.X-Event")
('headers', 'x-event')
>>> format_path(("headers", "x-event"))
'headers.x-event'
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Final

from nbincoming.errors import LabelError, quote


class Elements(Enum):
    """The type of :data:`ELEMENTS`."""

    ELEMENTS = "[*]"

    def __repr__(self) -> str:
        return "ELEMENTS"


#: The segment ``[*]``: every element of an array.
ELEMENTS: Final = Elements.ELEMENTS

Segment = str | int | Elements
#: A root, then the segments. Strings name members, integers are indexes.
Path = tuple[Segment, ...]

ROOTS: Final = ("body", "headers")

_NAME: Final = r'[^\s.\[\]"\x00-\x1f\x7f\ud800-\udfff]+'
_PLAIN: Final = re.compile(_NAME)
_SEGMENT: Final = re.compile(
    rf'\.(?P<name>{_NAME})|\[(?P<index>0|[1-9][0-9]*)\]|\[(?P<string>"(?:[^"\\]|\\.)*")\]|\[\*\]',
    re.DOTALL,
)

#: Most digits of an index: no body within the limits has a longer array.
_INDEX_DIGITS: Final = 9


def format_name(name: str, *, plain: re.Pattern[str] = _PLAIN) -> str:
    """Write the segment of a member, in brackets and quotes unless the name is `plain`."""
    if plain.fullmatch(name):
        return "." + name
    return f"[{json.dumps(name, ensure_ascii=False)}]"


def format_path(path: Path, *, plain: re.Pattern[str] = _PLAIN) -> str:
    """Write a path as its label.

    Parameters
    ----------
    path
        The path.
    plain
        The names that need no brackets. Conditions as text use a stricter pattern.
    """
    return str(path[0]) + "".join(
        format_name(segment, plain=plain)
        if isinstance(segment, str)
        else "[*]"
        if segment is ELEMENTS
        else f"[{segment}]"
        for segment in path[1:]
    )


def parse(label: str) -> Path:
    """Read a label.

    Raises
    ------
    LabelError
        If `label` is not a label. The message has the position of the error.
    """
    root = next((root for root in ROOTS if label.startswith(root)), None)
    if root is None or label[len(root) : len(root) + 1] not in ("", ".", "["):
        raise LabelError(
            f"{quote(label)} is not a parameter. "
            "A parameter starts with 'body' or 'headers', such as body.order.id or headers.x-event."
        )
    path: list[Segment] = [root]
    position = len(root)
    is_header = root == "headers"
    while position < len(label):
        match = _SEGMENT.match(label, position)
        if match is None or len(match["index"] or "") > _INDEX_DIGITS:
            raise LabelError(
                f"{quote(label)} is not a parameter from character {position + 1} on. "
                'Write .name for a member, [0] for an element, and ["a.b"] for a member '
                "whose name has a dot, bracket, quote or space."
            )
        segment = _segment(match, label)
        if is_header and isinstance(segment, str) and len(path) == 1:
            segment = segment.lower()  # header parameters are named so
        path.append(segment)
        position = match.end()
    return tuple(path)


def _segment(match: re.Match[str], label: str) -> Segment:
    if (name := match["name"]) is not None:
        return name
    if (index := match["index"]) is not None:
        return int(index)
    if (string := match["string"]) is not None:
        try:
            decoded = json.loads(string, strict=False)
            decoded.encode()  # fails for a lone surrogate
        except (ValueError, UnicodeEncodeError) as error:
            raise LabelError(f"{quote(string)} in {quote(label)} is not a JSON string.") from error
        assert isinstance(decoded, str)
        return decoded
    return ELEMENTS
