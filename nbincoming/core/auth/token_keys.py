"""The keys that verify tokens: shared secrets, PEM public keys, certificates and JWKS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

import jiter
import jwt
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from jwt.algorithms import Algorithm

AlgorithmName = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip

#: RFC 7518, section 3.2: a key must be at least as long as the hash.
_MIN_SECRET_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}

#: The JWK key type of each algorithm family.
_KEY_TYPES: Final = {"HS": "oct", "RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}

#: How many unusable keys of a JWKS a message lists.
_MAX_LISTED: Final = 5


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key for one algorithm. `prepared` is the key object that PyJWT expects."""

    key_id: str | None
    prepared: Any


def algorithm_named(name: AlgorithmName) -> Algorithm:
    """Return PyJWT's implementation of an algorithm."""
    return jwt.get_algorithm_by_name(name)


class NoUsableKey(ValueError):
    """A JWKS contains no key for the algorithm."""


def prepare_keys(raw: bytes, algorithm: AlgorithmName) -> tuple[TokenKey, ...]:
    """Turn a secret's bytes into keys for one algorithm.

    Parameters
    ----------
    raw
        A shared secret (HS256 to HS512) or a PEM public key or certificate (other algorithms);
        or a JWK or JWKS. Unusable keys of a JWKS are skipped.
    algorithm
        The only algorithm that the keys may be used with.

    Raises
    ------
    ValueError
        If there is no usable key; for a JWKS it is :class:`NoUsableKey`. The message does not
        contain the secret.
    """
    implementation = algorithm_named(algorithm)
    text = raw.strip()
    if text.startswith(b"{"):
        return _jwks_keys(text, algorithm)
    material: Any = raw
    if algorithm.startswith("HS"):
        min_bytes = _MIN_SECRET_BYTES[algorithm]
        if text.startswith(b"-----BEGIN"):
            raise ValueError(f"is a PEM key, but {algorithm} needs a shared secret")
        if len(raw) < min_bytes:
            raise ValueError(
                f"has {len(raw)} bytes, but {algorithm} needs at least {min_bytes} (RFC 7518); "
                "generate one with nbincoming.new_secret()"
            )
    elif not text.startswith(b"-----BEGIN"):
        raise ValueError(f"is neither a PEM public key nor a JWKS; {algorithm} needs one of them")
    elif b"PRIVATE KEY" in text:
        raise ValueError("is a private key; verifying tokens needs only the public key")
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
    return (TokenKey(None, prepared),)


def _jwks_keys(text: bytes, algorithm: AlgorithmName) -> tuple[TokenKey, ...]:
    try:
        document = jiter.from_json(text)
    except ValueError:
        raise ValueError("starts like a JWKS but is not valid JSON") from None
    entries = document.get("keys", [document])
    if not isinstance(entries, list):
        raise ValueError('is a JWKS whose "keys" is not an array')
    keys, reasons = [], []
    for index, entry in enumerate(entries):
        reason = _mismatch(entry, algorithm)
        if reason is None and entry["kty"] != "oct" and "d" in entry:
            raise ValueError("contains a private key; verifying tokens needs only public keys")
        reason = reason or _key_ops_problem(entry)
        prepared = None if reason else _prepare_jwk(entry, algorithm)
        if prepared is None:
            reasons.append(f"keys[{index}]: {reason or 'its value is invalid or too short'}")
            continue
        key_id = entry.get("kid")
        keys.append(TokenKey(key_id if isinstance(key_id, str) else None, prepared))
    if not keys:
        listed = "; ".join(reasons[:_MAX_LISTED]) or "it is empty"
        error = NoUsableKey if "keys" in document else ValueError
        raise error(f"is a JWKS without a key that {algorithm} can use: {listed}")
    return tuple(keys)


def _mismatch(entry: Any, algorithm: AlgorithmName) -> str | None:
    """Return why a JWK is not for this algorithm (RFC 7517, 4.1, 4.2 and 4.4)."""
    if not isinstance(entry, dict):
        return "it is not an object"
    key_type = _KEY_TYPES[algorithm[:2]]
    if entry.get("kty") != key_type:
        return f'"kty" is not "{key_type}"'
    if entry.get("alg", algorithm) != algorithm:
        return f'"alg" is not "{algorithm}"'
    if entry.get("use", "sig") != "sig":
        return '"use" is not "sig"'
    return None


def _key_ops_problem(entry: dict[str, Any]) -> str | None:
    """Return why ``key_ops`` does not allow a JWK to verify (RFC 7517, section 4.3)."""
    operations = entry.get("key_ops", ["verify"])
    if (
        not isinstance(operations, list)
        or not all(isinstance(each, str) for each in operations)
        or len(set(operations)) < len(operations)
    ):
        return '"key_ops" is not an array of distinct strings'
    return None if "verify" in operations else '"key_ops" does not list "verify"'


def _prepare_jwk(entry: dict[str, Any], algorithm: AlgorithmName) -> Any:
    """Return the prepared key; None if its value is invalid or too short."""
    implementation = algorithm_named(algorithm)
    try:
        # from_jwk does not check that the curve belongs to the algorithm; prepare_key does.
        prepared = implementation.prepare_key(implementation.from_jwk(json.dumps(entry)))
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return None if implementation.check_key_length(prepared) else prepared
