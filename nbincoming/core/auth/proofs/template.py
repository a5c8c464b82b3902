"""Templates of what a sender signs, such as ``{timestamp}.{body}``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

#: What a template may insert. `header` needs a name: ``{header:x-event}``.
PLACEHOLDERS: Final = ("body", "timestamp", "id", "method", "path", "url", "header")

#: How the parts of a request are called in messages, in the order in which they are listed.
WORDS: Final = {
    "id": "the id",
    "timestamp": "the time",
    "method": "the method",
    "path": "the path",
    "url": "the URL",
}

_PLACEHOLDER: Final = re.compile(r"\{([a-z]+)(?::([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}))?\}")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a template: a placeholder, or text that is signed as it is.

    Attributes
    ----------
    placeholder : str
        One of :data:`PLACEHOLDERS`; empty for text.
    text : str
        The text, or the name of a header in lower case.
    """

    placeholder: str
    text: str = ""


@lru_cache(maxsize=256)
def parts_of(template: str) -> tuple[Part, ...]:
    """Read a template.

    Raises
    ------
    ValueError
        If it has a brace that belongs to no placeholder, or lacks the body.
    """
    parts, position = [], 0
    for match in _PLACEHOLDER.finditer(template):
        if match.start() > position:
            parts.append(Part("", template[position : match.start()]))
        name, header = match.groups()
        if name not in PLACEHOLDERS or (name == "header") != (header is not None):
            raise _wrong()
        parts.append(Part(name, (header or "").lower()))
        position = match.end()
    if template[position:]:
        parts.append(Part("", template[position:]))
    if any(set("{}") & set(part.text) for part in parts if not part.placeholder):
        raise _wrong()
    if not any(part.placeholder == "body" for part in parts):
        raise ValueError("Without {body}, a signature does not protect the body. Add {body}.")
    return tuple(parts)


def placeholders_of(template: str) -> frozenset[str]:
    """Return the placeholders that a template uses."""
    return frozenset(part.placeholder for part in parts_of(template)) - {""}


def shown(template: str) -> str:
    """Write a template for people, with angle brackets: ``<time>.<body>``."""
    parts = (
        f"<{'time' if part.placeholder == 'timestamp' else part.text or part.placeholder}>"
        if part.placeholder
        else part.text
        for part in parts_of(template)
    )
    return "".join(parts)


def _wrong() -> ValueError:
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS[:-1])
    return ValueError(
        f"Braces are for {known} and {{header:NAME}}. Write what the sender signs with these."
    )
