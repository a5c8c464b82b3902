"""JSON Web Tokens: read strictly, verified by one algorithm, issued for a login.

PyJWT does the cryptography. What surrounds it is stricter than PyJWT: the three segments
must be canonical base64url, the algorithm is the key's and never the token's choice,
``exp`` is required, and time comes in with the request.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import jiter
import jwt
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from jwt.algorithms import Algorithm

from nbincoming.core.request.message import Request
from nbincoming.core.request.values import Value
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

_BASE64URL: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_BASE64: Final = bytes.maketrans(b"-_", b"+/")

#: WWW-Authenticate, RFC 6750: without credentials no error is named.
_CHALLENGE: Final = (("WWW-Authenticate", 'Bearer realm="incoming integration"'),)
_CHALLENGE_INVALID: Final = (
    ("WWW-Authenticate", 'Bearer realm="incoming integration", error="invalid_token"'),
)
_CHALLENGE_SCOPE: Final = (
    ("WWW-Authenticate", 'Bearer realm="incoming integration", error="insufficient_scope"'),
)

#: Latest time that a claim may hold: the end of the year 9999.
_LAST_S: Final = 253_402_300_799

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
    material: Any = raw
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
        if text.startswith(b"-----BEGIN CERTIFICATE"):
            material = x509.load_pem_x509_certificate(text).public_key()
        elif text.startswith(b"-----BEGIN"):
            material = text
        prepared = implementation.prepare_key(material)
    except (jwt.PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(f"is not a key that {algorithm} can use") from None
    if implementation.check_key_length(prepared):
        raise ValueError(f"is shorter than {algorithm} needs (RFC 7518)")
    return (Key(None, prepared),)


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
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            continue  # whatever it is, it is no key for this algorithm
        if implementation.check_key_length(prepared):
            continue  # shorter than RFC 7518 allows
        key_id = entry.get("kid")
        keys.append(Key(key_id if isinstance(key_id, str) else None, prepared))
    if not keys:
        raise ValueError(f"is a JWKS without a key that {algorithm} can use")
    return tuple(keys)


def bearer(request: Request) -> Token:
    """Read the token of the ``Authorization`` header.

    Raises
    ------
    MissingCredentials, BadToken
        If there is none or the header is of another scheme; if it is given twice or the
        token is malformed.
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
    return Token.read(token.strip())


def keys_for(token: Token, keys: Sequence[Key]) -> list[Key]:
    """Choose the keys that a token may be checked by.

    A token that names its key is checked by that one; older keys may have no name.
    """
    return [key for key in keys if token.key_id in (None, key.key_id) or key.key_id is None]


def is_signed_by(token: Token, algorithm: AlgorithmName, keys: Sequence[Key]) -> bool:
    """Tell whether one of the keys signed a token."""
    verify = algorithm_named(algorithm).verify
    return any(verify(token.signed, key.prepared, token.signature) for key in keys)


def verify_token(
    token: Token, keys: Sequence[Key], rules: Rules, now_ms: int
) -> Mapping[str, Value]:
    """Check a token and return its claims.

    Raises
    ------
    BadToken
        If it is forged, expired, not valid yet or meant for others.
    LacksPermission
        If it is good but does not carry the permission.
    """
    if token.algorithm != rules.algorithm:
        raise _bad(f"The token is not signed by {rules.algorithm}, which this endpoint requires.")
    if not is_signed_by(token, rules.algorithm, keys_for(token, keys)):
        raise _bad("The token's signature does not belong to a key in force.")
    claims = token.claims()
    check_times(claims, rules, now_ms)
    check_parties(claims, rules)
    check_permission(claims, rules)
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
        A shared secret (or a JWKS of such), or a PEM private key for the asymmetric
        algorithms.
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
    if not algorithm.startswith("HS"):
        return jwt.encode(payload, secret, algorithm=algorithm)
    key = prepare_keys(secret, algorithm)[-1]
    headers = {"kid": key.key_id} if key.key_id is not None else None
    return jwt.encode(payload, key.prepared, algorithm=algorithm, headers=headers)


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A token taken apart, nothing of it verified yet.

    Attributes
    ----------
    header : dict
        The decoded header.
    payload, signature : bytes
        The decoded segments.
    signed : bytes
        What the signature is over.
    """

    header: dict[str, Value]
    payload: bytes
    signature: bytes
    signed: bytes

    @property
    def algorithm(self) -> Value:
        """What the token says that it was signed by."""
        return self.header.get("alg")

    @property
    def key_id(self) -> str | None:
        """The key that the token names."""
        key_id = self.header.get("kid")
        return key_id if isinstance(key_id, str) else None

    def claims(self) -> dict[str, Value]:
        """Decode the payload.

        Raises
        ------
        BadToken
            If it is not a JSON object.
        """
        return _object(self.payload, "payload")

    @classmethod
    def read(cls, raw: bytes) -> Token:
        """Take a token apart, accepting the one canonical form only.

        Raises
        ------
        BadToken
            If it is malformed, or its header asks for an extension.
        """
        segments = raw.split(b".", 3) if len(raw) <= _MAX_TOKEN_BYTES else []
        if len(segments) != 3:
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
    if not segment or segment.translate(None, _BASE64URL):  # something else is left
        raise _bad("The token's segments are not base64url without padding.")
    text = segment.translate(_TO_BASE64) + b"=" * (-len(segment) % 4)
    try:
        decoded = binascii.a2b_base64(text)
    except binascii.Error:
        raise _bad("The token's segments are not base64url without padding.") from None
    if binascii.b2a_base64(decoded, newline=False) != text:
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


def check_times(claims: Mapping[str, Value], rules: Rules, now_ms: int) -> None:
    """Refuse a token that has expired, is not valid yet or would never expire."""
    leeway_ms = rules.leeway_s * 1000
    end_ms = ends_at_ms(claims, rules)
    if now_ms >= end_ms:
        ago_s = (now_ms - end_ms + leeway_ms) // 1000
        raise _bad(f"The token expired {ago_s:,} s ago. Log in again for a new one.")
    for name in ("nbf", "iat"):
        time_ms = _time_ms(claims, name)
        if time_ms is not None and time_ms > now_ms + leeway_ms:
            ahead_s = (time_ms - now_ms) // 1000
            raise _bad(
                f"The token is not valid before {ahead_s:,} s from now ({name}). "
                "Check the issuer's clock."
            )


def ends_at_ms(claims: Mapping[str, Value], rules: Rules) -> int:
    """Return when a token stops being good, leeway included.

    Raises
    ------
    BadToken
        If it never does, or its end is no time.
    """
    expires_ms = _time_ms(claims, "exp")
    if expires_ms is None:
        raise _bad("The token has no exp. Issue tokens that expire.")
    return expires_ms + rules.leeway_s * 1000


def _time_ms(claims: Mapping[str, Value], name: str) -> int | None:
    if name not in claims:
        return None
    time = claims[name]
    is_number = isinstance(time, int | Decimal) and not isinstance(time, bool)
    if not is_number or not 0 <= time <= _LAST_S:
        raise _bad(f"The token's {name} is not a time in seconds since the epoch.")
    # Whole seconds: decimal arithmetic would go by whatever context the caller has set.
    return int(time) * 1000


def check_parties(claims: Mapping[str, Value], rules: Rules) -> None:
    """Refuse a token of another issuer or for another audience."""
    if rules.issuer is not None and claims.get("iss") != rules.issuer:
        raise _bad("The token is not from the issuer that this endpoint requires (iss).")
    if rules.audience is not None:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if rules.audience not in audiences:
            raise _bad("The token is not meant for this endpoint (aud).")


def check_permission(claims: Mapping[str, Value], rules: Rules) -> None:
    """Refuse a token that does not carry the permission."""
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
