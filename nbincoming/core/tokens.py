"""JSON Web Tokens: read strictly, verified by one algorithm, issued for a login.

PyJWT does the cryptography. What surrounds it is stricter than PyJWT: the three segments
must be canonical base64url, the algorithm is the key's and never the token's choice,
``exp`` is required, and time comes in with the request.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import jiter
import jwt
from jwt.algorithms import Algorithm

from nbincoming.core.message import Request
from nbincoming.core.values import Value
from nbincoming.errors import BadToken, LacksPermission, MissingCredentials, quote

AlgorithmName = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip

#: The permission that a token needs, and the claim that lists it.
PERMISSION: Final = "INCOMING_WEBHOOK_EXECUTE"
PERMISSIONS_CLAIM: Final = "permissions"

#: How far two clocks may differ, in seconds.
LEEWAY_S: Final = 60

#: How long an issued token is good for, as on the platform that this re-creates.
TOKEN_LIFETIME_S: Final = 3_600

#: Longest token read, in bytes: more than any header that a common server lets through.
_MAX_TOKEN_BYTES: Final = 16_384

#: RFC 7518, section 3.2: a key must be at least as long as the hash.
_MIN_SECRET_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}

_BASE64URL: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

#: WWW-Authenticate, RFC 6750: without credentials no error is named.
_CHALLENGE: Final = (("WWW-Authenticate", 'Bearer realm="incoming integration"'),)
_CHALLENGE_INVALID: Final = (
    ("WWW-Authenticate", 'Bearer realm="incoming integration", error="invalid_token"'),
)
_CHALLENGE_SCOPE: Final = (
    ("WWW-Authenticate", 'Bearer realm="incoming integration", error="insufficient_scope"'),
)

#: Which JWK key types go with an algorithm.
_KEY_TYPES: Final = {"HS": "oct", "RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


@dataclass(frozen=True, slots=True)
class Key:
    """A key prepared for its one algorithm."""

    key_id: str | None
    prepared: Any


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token must fulfil besides its signature."""

    algorithm: AlgorithmName
    permission: str | None = PERMISSION
    permissions_claim: str = PERMISSIONS_CLAIM
    leeway_s: int = LEEWAY_S
    audience: str | None = None
    issuer: str | None = None


def algorithm_named(name: AlgorithmName) -> Algorithm:
    """Return PyJWT's implementation of an algorithm."""
    return jwt.get_algorithm_by_name(name)


def prepare_keys(raw: bytes, algorithm: AlgorithmName) -> tuple[Key, ...]:
    """Turn a secret's bytes into keys for one algorithm.

    Parameters
    ----------
    raw
        A shared secret for HS…; a PEM public key or certificate, or a JWKS, for the
        others. A JWKS may hold keys for other algorithms, which are passed over.
    algorithm
        The one algorithm that these keys may be used with.

    Raises
    ------
    ValueError
        If there is no usable key; the message does not hold the secret.
    """
    implementation = algorithm_named(algorithm)
    text = raw.strip()
    if text.startswith(b"{"):
        return _jwks_keys(text, algorithm)
    if algorithm.startswith("HS"):
        least = _MIN_SECRET_BYTES[algorithm]
        if text.startswith(b"-----BEGIN"):
            raise ValueError(f"is a PEM key, but {algorithm} takes a shared secret")
        if len(raw) < least:
            raise ValueError(
                f"has {len(raw)} bytes, but {algorithm} needs at least {least} (RFC 7518); "
                "make one by nbincoming.new_secret()"
            )
    elif not text.startswith(b"-----BEGIN"):
        raise ValueError(f"is neither a PEM public key nor a JWKS, which {algorithm} needs")
    elif b"PRIVATE KEY" in text:
        raise ValueError("is a private key; an endpoint needs just the public one")
    try:
        return (Key(None, implementation.prepare_key(raw)),)
    except (jwt.PyJWTError, ValueError, TypeError):
        raise ValueError(f"is not a key that {algorithm} can use") from None


def _jwks_keys(text: bytes, algorithm: AlgorithmName) -> tuple[Key, ...]:
    implementation = algorithm_named(algorithm)
    try:
        document = jiter.from_json(text)
    except ValueError:
        raise ValueError("is not valid JSON, as a JWKS would be") from None
    entries = document.get("keys", [document])
    keys = []
    for entry in entries if isinstance(entries, list) else []:
        if (
            not isinstance(entry, dict)
            or entry.get("kty") != _KEY_TYPES[algorithm[:2]]
            or entry.get("alg", algorithm) != algorithm
            or entry.get("use", "sig") != "sig"
        ):
            continue
        if algorithm[:2] != "HS" and "d" in entry:
            raise ValueError("holds a private key; an endpoint needs just the public ones")
        try:
            # prepare_key checks what from_jwk does not: that the curve is the algorithm's.
            prepared = implementation.prepare_key(implementation.from_jwk(json.dumps(entry)))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
        if implementation.check_key_length(prepared):
            continue  # shorter than RFC 7518 allows
        key_id = entry.get("kid")
        keys.append(Key(key_id if isinstance(key_id, str) else None, prepared))
    if not keys:
        raise ValueError(f"is a JWKS without a key that {algorithm} can use")
    return tuple(keys)


def bearer(request: Request) -> bytes:
    """Return the token of the ``Authorization`` header.

    Raises
    ------
    MissingCredentials, BadToken
        If there is none, or the header is given twice or is of another scheme.
    """
    values = request.header(b"authorization")
    if not values:
        raise MissingCredentials(
            "The header Authorization is missing. Send 'Authorization: Bearer <token>'.",
            headers=_CHALLENGE,
        )
    if len(values) > 1:
        raise _bad(f"The header Authorization is given {len(values)} times. Send it once.")
    scheme, _, token = values[0].strip().partition(b" ")
    if scheme.lower() != b"bearer":
        raise MissingCredentials(
            "The header Authorization is not of the scheme Bearer. "
            "Send 'Authorization: Bearer <token>'.",
            headers=_CHALLENGE,
        )
    return token.strip()


def key_id_of(token: bytes) -> str | None:
    """Read which key a token names, if it is well formed."""
    try:
        return _Parts.read(token).key_id
    except BadToken:
        return None


def verify_token(
    token: bytes, keys: Sequence[Key], rules: Rules, now_ms: int
) -> Mapping[str, Value]:
    """Check a token and return its claims.

    Raises
    ------
    BadToken
        If it is malformed, forged, expired, not valid yet or meant for others.
    LacksPermission
        If it is good but does not carry the permission.
    """
    parts = _Parts.read(token)
    if parts.header.get("alg") != rules.algorithm:
        raise _bad(f"The token is not signed by {rules.algorithm}, which this endpoint requires.")
    implementation = algorithm_named(rules.algorithm)
    # A token that names its key is checked by that one; older keys may have no name.
    candidates = [key for key in keys if parts.key_id in (None, key.key_id) or key.key_id is None]
    if not any(_verifies(implementation, key, parts) for key in candidates):
        raise _bad("The token's signature does not belong to a key in force.")
    claims = _object(parts.payload, "payload")
    _check_times(claims, rules, now_ms)
    _check_parties(claims, rules)
    _check_permission(claims, rules)
    return claims


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
    """Sign a token as a login would answer it.

    Parameters
    ----------
    secret
        A shared secret, or a PEM private key for the asymmetric algorithms.
    now_ms
        When it is issued, in milliseconds since the epoch.
    lifetime_s
        How long it is good for, in seconds.
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
    return jwt.encode(payload, secret, algorithm=algorithm)


@dataclass(frozen=True, slots=True)
class _Parts:
    """A token taken apart, its base64url checked."""

    header: dict[str, Value]
    payload: bytes
    signature: bytes
    signed: bytes

    @property
    def key_id(self) -> str | None:
        key_id = self.header.get("kid")
        return key_id if isinstance(key_id, str) else None

    @classmethod
    def read(cls, token: bytes) -> _Parts:
        segments = token.split(b".")
        if len(token) > _MAX_TOKEN_BYTES or len(segments) != 3:
            raise _bad(
                "The token is not a JWT of three segments, header.payload.signature, "
                f"of at most {_MAX_TOKEN_BYTES:,} bytes."
            )
        header, payload, signature = (_decoded(segment) for segment in segments)
        fields = _object(header, "header")
        for name in ("crit", "b64", "zip"):
            if name in fields:
                raise _bad(f"The token's header asks for {name!r}, which is not supported.")
        return cls(fields, payload, signature, segments[0] + b"." + segments[1])


def _decoded(segment: bytes) -> bytes:
    """Decode base64url, accepting the one canonical form only."""
    if not segment or not _BASE64URL.issuperset(segment):
        raise _bad("The token's segments are not base64url without padding.")
    try:
        decoded = base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except binascii.Error:
        raise _bad("The token's segments are not base64url without padding.") from None
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != segment:
        raise _bad("The token's segments have stray bits at the end.")
    return decoded


def _object(raw: bytes, what: str) -> dict[str, Value]:
    try:
        value = jiter.from_json(
            raw, allow_inf_nan=False, catch_duplicate_keys=True, float_mode="decimal"
        )
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise _bad(f"The token's {what} is not a JSON object.")
    return value


def _verifies(implementation: Algorithm, key: Key, parts: _Parts) -> bool:
    return implementation.verify(parts.signed, key.prepared, parts.signature)


def _check_times(claims: Mapping[str, Value], rules: Rules, now_ms: int) -> None:
    now_s = Decimal(now_ms) / 1000
    times = {name: _time(claims, name) for name in ("exp", "nbf", "iat")}
    expires, not_before, issued = times["exp"], times["nbf"], times["iat"]
    if expires is None:
        raise _bad("The token has no exp. Issue tokens that expire.")
    if now_s >= expires + rules.leeway_s:
        raise _bad(
            f"The token expired {_seconds(now_s - expires)} ago. Log in again for a new one."
        )
    for name, time in (("nbf", not_before), ("iat", issued)):
        if time is not None and time > now_s + rules.leeway_s:
            raise _bad(
                f"The token is not valid before {_seconds(time - now_s)} from now ({name}). "
                "Check the issuer's clock."
            )


def _time(claims: Mapping[str, Value], name: str) -> int | Decimal | None:
    if name not in claims:
        return None
    time = claims[name]
    # A bound keeps arithmetic with 1e999999 out of the way: year 9999.
    is_number = isinstance(time, int | Decimal) and not isinstance(time, bool)
    if not is_number or not 0 <= time <= 253_402_300_799:
        raise _bad(f"The token's {name} is not a time in seconds since the epoch.")
    return time  # type: ignore[no-any-return]  # checked above


def _seconds(seconds: Decimal) -> str:
    return f"{int(seconds):,} s"


def _check_parties(claims: Mapping[str, Value], rules: Rules) -> None:
    if rules.issuer is not None and claims.get("iss") != rules.issuer:
        raise _bad("The token is not from the issuer that this endpoint requires (iss).")
    if rules.audience is not None:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if rules.audience not in audiences:
            raise _bad("The token is not meant for this endpoint (aud).")


def _check_permission(claims: Mapping[str, Value], rules: Rules) -> None:
    if rules.permission is None:
        return
    granted = claims.get(rules.permissions_claim)
    # A list only: in a string, "in" would look for a part of it.
    if not isinstance(granted, list) or rules.permission not in granted:
        raise LacksPermission(
            f"The token does not grant {rules.permission} in its claim "
            f"{quote(rules.permissions_claim)}. Give the API key this permission.",
            headers=_CHALLENGE_SCOPE,
        )


def _bad(detail: str) -> BadToken:
    return BadToken(detail, headers=_CHALLENGE_INVALID)
