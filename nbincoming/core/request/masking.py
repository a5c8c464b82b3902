"""Which headers carry credentials, and how their values are hidden.

A header is recognised by its name or by its value. Labels in conditions and keys are checked by
name only, so the check does not depend on a request.
"""

from __future__ import annotations

import re
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
    # Any other "…-key" is one as well, unless it is known to name a thing or an event.
    r"|(?<![a-z])(?<!idempotency[-_])(?<!event[-_])(?<!routing[-_])(?<!partition[-_])"
    r"(?<!message[-_])(?<!sort[-_])(?<!primary[-_])(?<!cache[-_])(?<!surrogate[-_])"
    r"(?<!deduplication[-_])(?<!dedup[-_])(?<!dedupe[-_])(?<!correlation[-_])(?<!object[-_])"
    r"(?<!issue[-_])(?<!project[-_])(?<!order[-_])(?<!ordering[-_])(?<!websocket[-_])key$"
)

#: Values that are credentials under any name, each by its documented form.
_SECRET_VALUE: Final = re.compile(
    r"(?:bearer|basic|digest|negotiate|apikey|aws4-hmac-sha256)[ ]+\S"  # RFC 9110, section 11.4
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*$"  # a JSON Web Token
    r"|-----BEGIN[ ]"  # PEM
    r"|\w+://[^/\s:@]*:[^/\s@]+@"  # a URL with a password
    r"|(?:[sr]k_(?:live|test)_|whsec_|gh[opusr]_|github_pat_|glpat-|xox[abeoprs]-|xapp-"
    r"|shp(?:at|ca|pa|ss)_|npm_|pypi-|dop_v1_|hf_|sk-|SG\.|AIza|ya29\.|A[KS]IA[0-9A-Z]{12})"
    r"[\w.-]{4,}",
    re.IGNORECASE,
)

#: Longer names are not cached: senders choose names, and the cache must stay small.
_MAX_CACHED_NAME: Final = 64

#: Replaces the value of a header with credentials.
MASK: Final = "•••"


def is_secret_header(name: str) -> bool:
    """Tell whether a header carries credentials, by its name in lower case."""
    if len(name) > _MAX_CACHED_NAME:
        return _SECRET_NAME.search(name) is not None
    return _is_secret_name(name)


@lru_cache(maxsize=1_024)
def _is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def is_secret_value(value: str | list[str]) -> bool:
    """Tell whether the value of a header looks like a credential, such as a token."""
    if isinstance(value, list):
        return any(map(is_secret_value, value))
    return _SECRET_VALUE.match(value) is not None


def is_secret(path: Path) -> bool:
    """Tell whether a parameter is, or contains, a header that carries credentials."""
    if path[0] != "headers":
        return False
    return len(path) == 1 or (isinstance(path[1], str) and is_secret_header(path[1]))


def masked_headers(headers: Headers) -> Headers:
    """Replace the value of each header with credentials by :data:`MASK`."""
    return {
        name: MASK if is_secret_header(name) or is_secret_value(value) else value
        for name, value in headers.items()
    }


def without_credentials(headers: Headers) -> Headers:
    """Leave out the headers with credentials."""
    return {
        name: value
        for name, value in headers.items()
        if not is_secret_header(name) and not is_secret_value(value)
    }
