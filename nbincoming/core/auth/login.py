"""The login: exchange an API key for a token that an endpoint accepts.

API keys are stored as SHA-256 hashes. A fast hash is safe here because API keys, unlike
passwords, are long and random.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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

#: The path of the login, as on the platform that nbincoming imitates.
LOGIN_PATH: Final = "/uauth/v2/auth/login/profile"

#: Shortest API key, in characters. A UUID has 36, with 122 random bits.
MIN_KEY_LENGTH: Final = 32

#: Largest body of a login, in bytes. A client may send other members beside the key.
_MAX_LOGIN_BYTES: Final = 8_192


class ApiKey(BaseModel):
    """The stored record of an API key. It contains a hash, never the key itself.

    Attributes
    ----------
    name : str
        Its name, and the ``sub`` claim of its tokens.
    sha256 : str
        SHA-256 of the key's UTF-8 bytes, in hexadecimal.
    created_at_ms : int
        When it was created, in milliseconds since the epoch.
    permissions : tuple of str
        The permissions of its tokens.
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
    """Make the record of a new API key.

    Raises
    ------
    ValueError
        If the key has fewer than :data:`MIN_KEY_LENGTH` characters.
    """
    if len(key) < MIN_KEY_LENGTH:
        raise ValueError(
            f"An API key needs at least {MIN_KEY_LENGTH} random characters; this one has "
            f"{len(key)}. Generate one with nbincoming.new_secret()."
        )
    return ApiKey(
        name=name,
        sha256=hashlib.sha256(key.encode()).hexdigest(),
        created_at_ms=created_at_ms,
        permissions=tuple(permissions),
    )


def find_key(key: str, records: Iterable[ApiKey]) -> ApiKey | None:
    """Find the record of a key.

    All records are compared, so that the time taken does not reveal which one matches.
    """
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    found = None
    for record in records:
        if hmac.compare_digest(record.sha256, digest):
            found = record
    return found


@dataclass(frozen=True, slots=True, repr=False)
class TokenIssuer:
    """Issues tokens for one endpoint.

    Attributes
    ----------
    records : callable
        Returns the valid API keys. Each login calls it.
    scheme : Jwt
        The endpoint's authorization. It accepts the tokens.
    secret : bytes
        A shared secret, or a PEM private key.
    lifetime_s : int
        How long a token is valid, in seconds.
    """

    records: Callable[[], Iterable[ApiKey]]
    scheme: Jwt
    secret: bytes
    lifetime_s: int = TOKEN_LIFETIME_S

    def token(self, record: ApiKey, now_ms: int) -> str:
        """Issue a token to the owner of an API key."""
        parties = {"aud": self.scheme.audience, "iss": self.scheme.issuer}
        return issue_token(
            self.secret,
            now_ms=now_ms,
            algorithm=self.scheme.algorithm,
            subject=record.name,
            permissions=record.permissions,
            permissions_claim=self.scheme.permissions_claim,
            lifetime_s=self.lifetime_s,
            claims={name: value for name, value in parties.items() if value is not None},
        )


def login(request: Request, issuers: Iterable[TokenIssuer]) -> Response:
    """Answer the login ``{"apiKey": "…"}`` with ``{"token": "…"}``.

    The first issuer that knows the API key issues the token.

    Raises
    ------
    Refusal
        MethodNotAllowed, BodyTooLarge, UnsupportedMediaType, BadHeader, BadJSON or
        BadApiKey. Errors of :attr:`TokenIssuer.records` are not caught.
    """
    key = _api_key(request)
    for issuer in issuers:
        record = find_key(key, issuer.records())
        if record is not None:
            token = issuer.token(record, request.received_at_ms)
            # Caches must not store tokens (RFC 6749, section 5.1).
            headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
            return Response(200, headers, json_text({"token": token}).encode())
    raise BadApiKey(
        "This API key is unknown or revoked. Check it, or ask for a new one.",
        headers=(("WWW-Authenticate", 'ApiKey realm="incoming integration"'),),
    )


def _api_key(request: Request) -> str:
    if request.method != "POST":
        raise MethodNotAllowed(
            f"The login does not accept {request.method[:20]!r}. Use POST.",
            headers=(("Allow", "POST"),),
        )
    if len(request.body) > _MAX_LOGIN_BYTES:
        raise BodyTooLarge(
            f"The body of a login may have at most {_MAX_LOGIN_BYTES:,} bytes. Send only the "
            "API key."
        )
    check_headers(request.headers)
    body = decode(request.body)
    key = body.get("apiKey") if isinstance(body, dict) else None
    if not isinstance(key, str):
        raise BadJSON('The body has no string "apiKey". Send {"apiKey": "…"}.')
    return key


def login_unavailable(retry_after_s: int = 5) -> LoginUnavailable:
    """Return the refusal for a login while the API keys cannot be read."""
    return LoginUnavailable(
        "The API keys cannot be read at the moment. Log in again later.",
        headers=(("Retry-After", str(retry_after_s)),),
    )
