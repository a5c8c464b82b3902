"""Which parameters carry credentials, and how their values are hidden."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from nbincoming.core.request.headers import Headers
from nbincoming.core.request.labels import Path

#: Headers that carry credentials or could be used to forge them. They are masked in
#: every frame, log and export, and never offered for deduplication. Not every "key" is
#: one: ``idempotency-key`` and Jira's ``x-event-key`` tell requests apart.
_SECRET_HEADER: Final = re.compile(
    r"authorization|cookie|signature|token|secret|passw|credential|hmac|jwt|assertion|session"
    r"|(?:api|access|auth|subscription|private|shared)[-_]?key|\b(?:auth|sig|dpop)\b"
)

#: Names beyond it are not worth remembering, and senders choose them.
_LONG_NAME: Final = 64

#: What stands for the value of a secret header.
MASK: Final = "•••"


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


def masked_headers(headers: Headers) -> Headers:
    """Replace the value of each secret header by :data:`MASK`."""
    return {name: MASK if is_secret_header(name) else value for name, value in headers.items()}
