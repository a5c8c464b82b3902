"""The login: an API key goes in, a token that an endpoint accepts comes out.

API keys are kept as SHA-256. That is enough because they are long and random, which
:func:`key_record` insists on; a password would need a slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from nbincoming.core.auth.schemes import Jwt
from nbincoming.core.auth.tokens import PERMISSION, TOKEN_LIFETIME_S, issue_token
from nbincoming.core.request.message import Request, Response
from nbincoming.core.request.reading import check_headers, decode
from nbincoming.core.request.values import Value, json_text
from nbincoming.errors import (
    BadApiKey,
    BadJSON,
    BodyTooLarge,
    LoginUnavailable,
    MethodNotAllowed,
)

#: Where the platform that this re-creates has its login.
LOGIN_PATH: Final = "/uauth/v2/auth/login/profile"

#: Shortest API key, in characters: a UUID has 36, of which 122 bits are random.
MIN_KEY_LENGTH: Final = 32

#: Largest login, in bytes: a key, and what a client may send along with it.
_MAX_LOGIN_BYTES: Final = 8_192


class ApiKey(BaseModel):
    """An API key as it is stored: by its hash.

    Attributes
    ----------
    name : str
        What it is called; the ``sub`` of its tokens.
    sha256 : str
        SHA-256 of the key's UTF-8, in hexadecimal.
    created_at_ms : int
        Milliseconds since the epoch, UTC.
    permissions : tuple of str
        What its tokens carry.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(min_length=1, max_length=80)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    created_at_ms: Annotated[int, Field(ge=0)]
    permissions: tuple[str, ...] = (PERMISSION,)

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
        return self.model_dump(mode="json")


def key_record(
    key: str, *, name: str, created_at_ms: int, permissions: Iterable[str] = (PERMISSION,)
) -> ApiKey:
    """Make the record of a new API key; the key itself is shown once and not kept.

    Raises
    ------
    ValueError
        If the key is short enough to be guessed.
    """
    if len(key) < MIN_KEY_LENGTH:
        raise ValueError(
            f"An API key needs at least {MIN_KEY_LENGTH} random characters; this one has "
            f"{len(key)}. Make one by nbincoming.new_secret()."
        )
    return ApiKey(
        name=name,
        sha256=hashlib.sha256(key.encode()).hexdigest(),
        created_at_ms=created_at_ms,
        permissions=tuple(permissions),
    )


def find_key(key: str, records: Iterable[ApiKey]) -> ApiKey | None:
    """Find a key's record; all are compared, so that the time does not tell which it is."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    found = None
    for record in records:
        if hmac.compare_digest(record.sha256, digest):
            found = record
    return found


def login(
    request: Request,
    records: Iterable[ApiKey],
    scheme: Jwt,
    secret: bytes,
    *,
    lifetime_s: int = TOKEN_LIFETIME_S,
) -> Response:
    """Answer a login: ``{"apiKey": "…"}`` by ``{"token": "…"}``.

    Parameters
    ----------
    request
        The request; its time is the token's.
    records
        The API keys in force.
    scheme
        The endpoint's authorization: a token is as it requires.
    secret
        What signs tokens: a shared secret, or a PEM private key.
    lifetime_s
        How long a token is good for, in seconds.

    Raises
    ------
    Refusal
        MethodNotAllowed, BodyTooLarge, UnsupportedMediaType, BadHeader, BadJSON or
        BadApiKey.
    """
    if request.method != "POST":
        raise MethodNotAllowed(
            f"The login does not answer {request.method[:20]!r}. Use POST.",
            headers=(("Allow", "POST"),),
        )
    if len(request.body) > _MAX_LOGIN_BYTES:
        raise BodyTooLarge(f"A login has at most {_MAX_LOGIN_BYTES:,} bytes. Send just the key.")
    check_headers(request.headers)
    body = decode(request.body)
    key = body.get("apiKey") if isinstance(body, dict) else None
    if not isinstance(key, str):
        raise BadJSON('The body has no text "apiKey". Send {"apiKey": "…"}.')
    record = find_key(key, records)
    if record is None:
        raise BadApiKey(
            "No API key in force is this one. Check it, or have a new one made.",
            headers=(("WWW-Authenticate", 'ApiKey realm="incoming integration"'),),
        )
    parties = {"aud": scheme.audience, "iss": scheme.issuer}
    token = issue_token(
        secret,
        now_ms=request.received_at_ms,
        algorithm=scheme.algorithm,
        subject=record.name,
        permissions=record.permissions,
        permissions_claim=scheme.permissions_claim,
        lifetime_s=lifetime_s,
        claims={name: value for name, value in parties.items() if value is not None},
    )
    # A token is a credential: nothing on the way may keep it (RFC 6749, section 5.1).
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Response(200, headers, json_text({"token": token}).encode())


def login_unavailable(retry_after_s: int = 5) -> LoginUnavailable:
    """Make the refusal of a login whose keys cannot be read."""
    return LoginUnavailable(
        "The API keys cannot be read here. Log in again later.",
        headers=(("Retry-After", str(retry_after_s)),),
    )
