"""Read and issue JSON Web Tokens.

PyJWT does the cryptography. The parser here is stricter than PyJWT's: it accepts only
canonical base64url and JSON without duplicate members.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jiter
import jwt

from nbincoming.core.auth.token_keys import (
    AlgorithmName,
    TokenKey,
    algorithm_named,
    prepare_keys,
)
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import Value
from nbincoming.errors import BadToken, MissingCredentials

#: The permission that a token needs, and the claim that lists it.
PERMISSION: Final = "INCOMING_WEBHOOK_EXECUTE"
PERMISSIONS_CLAIM: Final = "permissions"

#: How long an issued token is valid, in seconds.
TOKEN_LIFETIME_S: Final = 3_600

#: Longest token read, in bytes. Common servers limit headers to less than this.
_MAX_TOKEN_BYTES: Final = 16_384

_BASE64URL: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_BASE64: Final = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A decoded token. Its signature and claims are not verified.

    Attributes
    ----------
    header : dict
        The decoded header.
    payload, signature : bytes
        The decoded segments.
    signed : bytes
        The bytes that the signature covers.
    """

    header: dict[str, Value]
    payload: bytes
    signature: bytes
    signed: bytes

    @property
    def algorithm(self) -> Value:
        """The header's ``alg``, which may be any JSON value."""
        return self.header.get("alg")

    @property
    def key_id(self) -> str | None:
        """The header's ``kid``; None if it is missing or not a string."""
        key_id = self.header.get("kid")
        return key_id if isinstance(key_id, str) else None

    def claims(self) -> dict[str, Value]:
        """Decode the payload.

        Raises
        ------
        BadToken
            If the payload is not a JSON object.
        """
        return _object(self.payload, "payload")

    @classmethod
    def read(cls, raw: bytes) -> Token:
        """Decode a token.

        Raises
        ------
        BadToken
            If it is malformed, or its header contains ``crit``, ``b64`` or ``zip``.
        """
        segments = raw.split(b".", 3) if len(raw) <= _MAX_TOKEN_BYTES else []
        if len(segments) != 3:
            raise bad_token(
                "The token is not a JWT: three segments, header.payload.signature, "
                f"of at most {_MAX_TOKEN_BYTES:,} bytes."
            )
        header, payload, signature = (_decoded(segment) for segment in segments)
        fields = _object(header, "header")
        for name in ("crit", "b64", "zip"):
            if name in fields:
                raise bad_token(f"The token's header has {name!r}, which is not supported.")
        return cls(fields, payload, signature, segments[0] + b"." + segments[1])


def _decoded(segment: bytes) -> bytes:
    """Decode base64url. Refuse padding and extra bits."""
    if not segment or segment.translate(None, _BASE64URL):  # invalid characters are left
        raise bad_token("The token's segments are not base64url without padding.")
    text = segment.translate(_TO_BASE64) + b"=" * (-len(segment) % 4)
    try:
        decoded = binascii.a2b_base64(text)
    except binascii.Error:
        raise bad_token("The token's segments are not base64url without padding.") from None
    if binascii.b2a_base64(decoded, newline=False) != text:
        raise bad_token("The token's segments have extra bits at their end.")
    return decoded


def _object(raw: bytes, what: str) -> dict[str, Value]:
    try:
        value = jiter.from_json(
            raw, allow_inf_nan=False, catch_duplicate_keys=True, float_mode="decimal"
        )
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise bad_token(f"The token's {what} is not a JSON object.")
    return value


def bearer(request: Request) -> Token:
    """Read the token from the ``Authorization`` header.

    Raises
    ------
    MissingCredentials, BadToken
        If the header is missing, has another scheme, is given twice or has a malformed token.
    """
    values = request.header(b"authorization")
    if not values:
        raise MissingCredentials(
            "The header Authorization is missing. Send 'Authorization: Bearer <token>'.",
            headers=challenge(),
        )
    if len(values) > 1:
        raise bad_token(f"The header Authorization is given {len(values)} times. Send it once.")
    scheme, _, token = values[0].strip().partition(b" ")
    if scheme.lower() != b"bearer":
        raise MissingCredentials(
            "The header Authorization does not have the scheme Bearer. "
            "Send 'Authorization: Bearer <token>'.",
            headers=challenge(),
        )
    return Token.read(token.strip())


def keys_for(token: Token, keys: Sequence[TokenKey]) -> list[TokenKey]:
    """Return the keys with the token's key ID. A missing ID matches any."""
    return [key for key in keys if token.key_id in (None, key.key_id) or key.key_id is None]


def is_signed_by(token: Token, algorithm: AlgorithmName, keys: Sequence[TokenKey]) -> bool:
    """Tell whether one of the keys signed a token."""
    verify = algorithm_named(algorithm).verify
    return any(verify(token.signed, key.prepared, token.signature) for key in keys)


def issue_token(
    secret: bytes,
    *,
    now_ms: int,
    algorithm: AlgorithmName = "HS256",
    subject: str = "nbincoming",
    permissions: Sequence[str] = (PERMISSION,),
    permissions_claim: str = PERMISSIONS_CLAIM,
    lifetime_s: int = TOKEN_LIFETIME_S,
    claims: Mapping[str, Any] | None = None,
) -> str:
    """Sign a token.

    Parameters
    ----------
    secret
        A shared secret or a JWKS, whose last usable key signs (HS256 to HS512); a PEM private
        key (other algorithms).
    now_ms
        When it is issued, in milliseconds since the epoch.
    lifetime_s
        How long it is valid, in seconds.
    claims
        Further claims, such as ``aud``.
    """
    now_s = now_ms // 1000
    payload = {
        "sub": subject,
        "iat": now_s,
        "exp": now_s + lifetime_s,
        permissions_claim: list(permissions),
        **(claims or {}),
    }
    if not algorithm.startswith("HS"):
        return jwt.encode(payload, secret, algorithm=algorithm)
    key = prepare_keys(secret, algorithm)[-1]
    headers = {"kid": key.key_id} if key.key_id is not None else None
    return jwt.encode(payload, key.prepared, algorithm=algorithm, headers=headers)


def bad_token(detail: str) -> BadToken:
    """Return the refusal for an invalid token."""
    return BadToken(detail, headers=challenge("invalid_token"))


def challenge(error: str | None = None) -> tuple[tuple[str, str], ...]:
    """Return the ``WWW-Authenticate`` header (RFC 6750), without `error` if no token was sent."""
    cause = f', error="{error}"' if error else ""
    return (("WWW-Authenticate", f'Bearer realm="incoming integration"{cause}'),)
