"""Which headers carry credentials, and how their values are hidden.

A header is recognised by its name or by its value. Labels in conditions and keys are checked by
name only, so the check does not depend on a request.
"""

from __future__ import annotations

import re
from base64 import b64decode
from functools import lru_cache
from typing import Final

from nbincoming.core.request.headers import Headers
from nbincoming.core.request.labels import Path

#: Kinds of names: the credential itself, a proof that is made with it, or a way past a check.
_SECRET_NAME: Final = re.compile(
    r"authorization|cookie|signature|token|secret|pass(?:w|code|phrase)|credential|hmac|jwt|saml"
    r"|assertion|session|oidc|csrf|xsrf|bypass|verif(?:y|ication)?(?:$|[-_])|client[-_]?cert"
    r"|\b(?:auth|sig|dpop|otp|pwd)\b"
    r"|(?:api|access|auth|subscription|private|shared|signing|encryption)[-_]?key"
)

#: Any other "…-key" is secret as well, unless it is known to name a thing or an event.
_KEY_NAME: Final = re.compile(r"(?<![a-z])keys?$")
_IDENTIFIER_NAME: Final = re.compile(
    r"(?:^|[-_])(?:batch|cache|correlation|dedup|dedupe|deduplication|delivery|entity|event|group"
    r"|idempotency|issue|job|kafka|message|object|order|ordering|partition|primary|project|record"
    r"|repository|request|resource|routing|shard|sort|surrogate|task|trace|tracking|transaction"
    r"|unique|websocket)[-_]keys?$"
)

#: Values that are credentials under any name, each by its documented form. The lengths and the
#: case keep event names and ids apart: "npm_published", "SK-2026-0001", "sg.api.example.com".
_SECRET_VALUE: Final = re.compile(
    # RFC 9110, section 11.4. Values of "Basic" are checked further by _is_secret_text.
    r"(?i:bearer|apikey)[ ]+\S+$|(?i:basic)[ ]+(?P<basic>[A-Za-z0-9+/]{4,}={0,2})$"
    r"|(?i:digest)[ ]+\w+[ ]?=|(?i:aws4-hmac-sha256)[ ]+\S"
    r"|(?i:token|oauth|ssws|negotiate|ntlm)[ ]+[\w.~+/-]{16,}=*$"
    # A JSON Web Token, signed (3 parts) or encrypted (5 parts).
    r"|(?:\w{1,20}[= ])?eyJ[\w-]{8,}(?:\.[\w-]*){2}(?:(?:\.[\w-]*){2})?$"
    r"|-----BEGIN[ ]"  # PEM
    r"|[A-Za-z][\w+.-]*://[^/\s:@]*:[^/\s@]+@"  # a URL with a password
    r"|[sr]k_(?:live|test)_\w{8}|whsec_[\w+/-]{8}|gh[opusr]_[A-Za-z0-9]{20}|github_pat_\w{20}"
    r"|glpat-[\w-]{16}|xox[abeoprs]-[\w-]{8}|xapp-[0-9]-[\w-]{8}|shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}"
    r"|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50}|dop_v1_[0-9a-f]{64}|hf_[A-Za-z0-9]{30}"
    r"|sk-[A-Za-z0-9]{32}|sk-(?:admin|ant|or|proj|svcacct)-[\w-]{16}"
    r"|SG\.[\w-]{16,}\.[\w-]{16}|AIza[\w-]{35}|ya29\.[\w-]{20}"
    r"|A[KS]IA(?=[A-Z]*[2-7])[A-Z2-7]{16}$"
)

#: Longer names are not cached: senders choose names, and the cache must stay small.
_MAX_CACHED_NAME: Final = 64

#: Replaces the value of a header with credentials.
MASK: Final = "•••"


def is_secret_header(name: str) -> bool:
    """Tell whether a header carries credentials, by its name in lower case."""
    return _cached_is_secret_name(name) if len(name) <= _MAX_CACHED_NAME else _is_secret_name(name)


def _is_secret_name(name: str) -> bool:
    if _SECRET_NAME.search(name):
        return True
    return bool(_KEY_NAME.search(name)) and not _IDENTIFIER_NAME.search(name)


_cached_is_secret_name: Final = lru_cache(maxsize=1_024)(_is_secret_name)


def is_secret_value(value: str | list[str]) -> bool:
    """Tell whether the value of a header looks like a credential, such as a token."""
    if isinstance(value, list):
        return any(map(_is_secret_text, value))
    return _is_secret_text(value)


def _is_secret_text(text: str) -> bool:
    match = _SECRET_VALUE.match(text)
    if match is None:
        return False
    pair = match["basic"]
    # RFC 7617: base64 of "user:password". "Basic plan" is none.
    return pair is None or (len(pair) % 4 == 0 and b":" in b64decode(pair))


def has_credentials(name: str, value: str | list[str]) -> bool:
    """Tell whether a header carries credentials, by its name in lower case or by its value."""
    return is_secret_header(name) or is_secret_value(value)


def is_secret(path: Path) -> bool:
    """Tell whether a parameter is, or contains, a header that carries credentials."""
    if path[0] != "headers":
        return False
    return len(path) == 1 or (isinstance(path[1], str) and is_secret_header(path[1]))


def masked_headers(headers: Headers) -> Headers:
    """Replace the value of each header with credentials by :data:`MASK`."""
    return {
        name: MASK if has_credentials(name, value) else value for name, value in headers.items()
    }


def without_credentials(headers: Headers) -> Headers:
    """Leave out the headers with credentials."""
    return {name: value for name, value in headers.items() if not has_credentials(name, value)}
