"""Find the headers that carry credentials, and hide their values.

A header is recognised by its name or by its value. A parameter of a condition or key is recognised
by its name only, because there is no request when a spec is checked.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Final

from nbincoming.core.request.headers import Headers
from nbincoming.core.request.labels import Path

#: Names of headers that carry a secret, a proof made from a secret, or a way past a check.
_SECRET_NAME: Final = re.compile(
    r"authorization|cookie|signature|token|secret|pass(?:w|code|phrase)|credential|hmac|jwt|saml"
    r"|assertion|session|oidc|csrf|xsrf|bypass|verif(?:y|ication)?(?:$|[-_])|client[-_]?cert"
    r"|(?<![a-z])(?:auth|bearer|dpop|otp|pass|pin|pw|pwd|sig)(?![a-z])"
    r"|(?:api|access|auth|subscription|private|shared|signing|encryption)[-_]?key"
)

#: Other names that end in "key" are secret too, unless they are known identifiers.
_KEY_NAME: Final = re.compile(r"(?<![a-z])keys?$")
_IDENTIFIER_NAME: Final = re.compile(
    r"(?:^|[-_])(?:batch|cache|correlation|dedup|dedupe|deduplication|delivery|entity|event|group"
    r"|idempotency|issue|job|kafka|message|object|order|ordering|partition|primary|project|record"
    r"|repository|request|resource|routing|shard|sort|surrogate|task|trace|tracking|transaction"
    r"|unique|websocket)[-_]keys?$"
)

#: Documented forms of credentials, by their first two characters in lower case: trying all forms
#: takes ten times as long. Their lengths and letter case exclude names and ids such as
#: "npm_published", "SK-2026-0001" and "sg.api.example.com".
_TOKEN: Final = r"[ ]+[\w.~+/-]{16,}=*$"
_FORMS_BY_START: Final = {
    start: re.compile(form)
    for start, form in {
        # RFC 9110, section 11.4. Values of "Basic" are checked further by _is_basic_pair.
        "be": r"(?i:bearer)[ ]+\S+$",
        "ba": r"(?i:basic)[ ]+(?P<basic>[A-Za-z0-9+/]{4,}={0,2})$",
        "di": r"(?i:digest)[ ]+\w+[ ]?=",
        "ap": r"(?i:apikey)[ ]+\S+$",
        "aw": r"(?i:aws4-hmac-sha256)[ ]+\S",
        "to": f"(?i:token){_TOKEN}",
        "oa": f"(?i:oauth){_TOKEN}",
        "ss": f"(?i:ssws){_TOKEN}",
        "ne": f"(?i:negotiate){_TOKEN}",
        "nt": f"(?i:ntlm){_TOKEN}",
        "--": r"-----BEGIN[ ]",  # PEM
        "sk": r"sk_(?:live|test)_\w{8}|sk-[A-Za-z0-9]{32}"
        r"|sk-(?:admin|ant|or|proj|svcacct)-[\w-]{16}",
        "rk": r"rk_(?:live|test)_\w{8}",
        "wh": r"whsec_[\w+/-]{8}",
        "gh": r"gh[opusr]_[A-Za-z0-9]{20}",
        "gi": r"github_pat_\w{20}",
        "gl": r"glpat-[\w-]{16}",
        "xo": r"xox[abeoprs]-[\w-]{8}",
        "xa": r"xapp-[0-9]-[\w-]{8}",
        "sh": r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}",
        "np": r"npm_[A-Za-z0-9]{36}",
        "py": r"pypi-[\w-]{50}",
        "do": r"dop_v1_[0-9a-f]{64}",
        "hf": r"hf_[A-Za-z0-9]{30}",
        "sg": r"SG\.[\w-]{16,}\.[\w-]{16}",
        "ai": r"AIza[\w-]{35}",
        "ya": r"ya29\.[\w-]{20}",
        "ak": r"AKIA(?=[A-Z]*[2-7])[A-Z2-7]{16}$",
        "as": r"ASIA(?=[A-Z]*[2-7])[A-Z2-7]{16}$",
    }.items()
}

#: Length of the shortest credential, "ApiKey 1".
_MIN_SECRET: Final = 8

#: A JSON Web Token, signed (3 parts) or encrypted (5 parts).
_JWT: Final = re.compile(r"(?:\w{1,20}[= ])?eyJ[\w-]{8,}(?:\.[\w-]*){2}(?:(?:\.[\w-]*){2})?$")
_URL_WITH_PASSWORD: Final = re.compile(r"[A-Za-z][\w+.-]*://[^/\s:@]*:[^/\s@]+@")
#: A name and its secret, such as "token=…", alone or in a URL or a list.
_NAMED_SECRET: Final = re.compile(
    r"(?i)(?:^|[?&;,\s_-])(?:api[-_]?key|token|secret|passw(?:or)?d|pwd)=\"?[^\s\"&;,]{8}"
)

#: Headers whose values have a form of their own, with no room for a credential.
_PLAIN_NAMES: Final = frozenset(
    (
        "accept", "accept-charset", "accept-encoding", "accept-language", "connection",
        "content-encoding", "content-length", "content-type", "date", "host", "keep-alive",
        "transfer-encoding",
    )
)  # fmt: skip

#: Limits of the cache of names, because senders choose the names.
_MAX_CACHED_NAMES: Final = 1_024
_MAX_CACHED_NAME: Final = 64

#: The cache of :func:`is_secret_header`.
_known_names: dict[str, bool] = {}

#: What is shown in place of credentials.
MASK: Final = "•••"


def is_secret_header(name: str) -> bool:
    """Tell whether a header carries credentials, by its name in lower case."""
    known = _known_names.get(name)
    if known is None:
        known = bool(_SECRET_NAME.search(name)) or (
            bool(_KEY_NAME.search(name)) and not _IDENTIFIER_NAME.search(name)
        )
        if len(name) <= _MAX_CACHED_NAME and len(_known_names) < _MAX_CACHED_NAMES:
            _known_names[name] = known
    return known


def is_secret_value(value: str | list[str]) -> bool:
    """Tell whether the value of a header looks like a credential, such as a token."""
    if isinstance(value, list):
        return any(map(is_secret_value, value))
    if len(value) < _MIN_SECRET:
        return False
    text = value.strip('"')
    form = _FORMS_BY_START.get(text[:2].lower())
    if form is not None and (match := form.match(text)) and _is_basic_pair(match):
        return True
    return bool(
        ("eyJ" in text and _JWT.match(text))
        or ("://" in text and _URL_WITH_PASSWORD.match(text))
        or ("=" in text and _NAMED_SECRET.search(text))
    )


def _is_basic_pair(match: re.Match[str]) -> bool:
    """Reject "Basic" before anything but "user:password" in base64 (RFC 7617), such as prose."""
    pair = match.groupdict().get("basic")
    return pair is None or (len(pair) % 4 == 0 and b":" in b64decode(pair))


def has_credentials(name: str, value: str | list[str]) -> bool:
    """Tell whether a header carries credentials, by its name in lower case or by its value."""
    return name not in _PLAIN_NAMES and (is_secret_header(name) or is_secret_value(value))


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
