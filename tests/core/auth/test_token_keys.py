"""Shared secrets, PEM keys, certificates and key sets as keys that verify tokens."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from nbincoming.core.auth.schemes import Jwt
from nbincoming.core.auth.token_keys import prepare_keys
from nbincoming.core.auth.tokens import issue_token
from nbincoming.core.auth.verification import compile_verify
from nbincoming.core.outcomes import Candidate
from nbincoming.core.request.message import Request
from nbincoming.errors import BadToken, SecretError
from tests.core.auth.test_tokens import (
    KEYS,
    NOW_MS,
    RSA,
    SECRET,
    SHORT,
    judge,
    jwk,
    jwks,
    private_pem,
    public_pem,
)

ALGORITHMS = ["HS256", "RS256", "PS256", "ES256", "EdDSA"]
URL = "https://issuer.example/jwks.json"


def published(algorithm: str, **members: Any) -> dict[str, Any]:
    """Write the key of an algorithm as a JWK."""
    if algorithm.startswith("HS"):
        text = base64.urlsafe_b64encode(SECRET).rstrip(b"=").decode()
        return {"kty": "oct", "k": text, **members}
    entry = jwk(algorithm, KEYS[algorithm])
    entry.pop("key_ops", None)  # PyJWT adds it for some algorithms
    return {**entry, **members}


_OTHER_RSA = jwk("RS256", rsa.generate_private_key(public_exponent=65537, key_size=2048))
#: Another key for each algorithm, which may verify.
OTHERS: dict[str, dict[str, Any]] = {
    "HS256": {"kty": "oct", "k": "b3RoZXI" * 8},
    "RS256": _OTHER_RSA,
    "PS256": _OTHER_RSA,
    "ES256": jwk("ES256", ec.generate_private_key(ec.SECP256R1())),
    "EdDSA": jwk("EdDSA", ed25519.Ed25519PrivateKey.generate()),
}


def single(entry: dict[str, Any]) -> bytes:
    """Write one JWK that is in no set."""
    return jwks(entry).removeprefix(b'{"keys": [').removesuffix(b"]}")


def request(algorithm: Any) -> Request:
    """Make a request whose token the key of an algorithm signed."""
    secret = SECRET if algorithm.startswith("HS") else private_pem(KEYS[algorithm])
    token = issue_token(secret, now_ms=NOW_MS, algorithm=algorithm)
    return Request("POST", "/", ((b"authorization", f"Bearer {token}".encode()),), b"{}", NOW_MS)


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"key_ops": ["encrypt"]}, '"key_ops" does not list "verify"'),
    ({"key_ops": ["sign"]}, '"key_ops" does not list "verify"'),
    ({"key_ops": ["Verify"]}, '"key_ops" does not list "verify"'),
    ({"key_ops": []}, '"key_ops" does not list "verify"'),
    ({"key_ops": ["encrypt"], "use": "sig"}, '"key_ops" does not list "verify"'),
    ({"key_ops": "verify"}, '"key_ops" is not an array of distinct strings'),
    ({"key_ops": None}, '"key_ops" is not an array of distinct strings'),
    ({"key_ops": {"verify": True}}, '"key_ops" is not an array of distinct strings'),
    ({"key_ops": ["verify", 5]}, '"key_ops" is not an array of distinct strings'),
    ({"key_ops": ["verify", "verify"]}, '"key_ops" is not an array of distinct strings'),
    ({"key_ops": ["verify"], "use": "enc"}, '"use" is not "sig"'),
    ({"use": "enc"}, '"use" is not "sig"'),
    ({"use": None}, '"use" is not "sig"'),
    ({"alg": "HS512"}, '"alg" is not'),
    ({"alg": None}, '"alg" is not'),
]


@pytest.mark.parametrize("write", [jwks, single])
@pytest.mark.parametrize(("members", "reason"), UNUSABLE)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_jwk_that_is_not_meant_to_verify_is_unusable(
    algorithm: Any, members: dict[str, Any], reason: str, write: Any
) -> None:
    """Its use, alg and key_ops are honoured, and the message names the one at fault."""
    entry = published(algorithm, **members)
    with pytest.raises(ValueError, match="without a key that") as caught:
        prepare_keys(write(entry), algorithm)
    assert f"without a key that {algorithm} can use: keys[0]: {reason}" in str(caught.value)
    assert str(entry.get("k", entry.get("x", entry.get("n")))) not in str(caught.value)


@pytest.mark.parametrize(
    "members", [{}, {"key_ops": ["verify"]}, {"key_ops": ["sign", "verify"], "use": "sig"}]
)
@pytest.mark.parametrize("write", [jwks, single])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_jwk_that_may_verify_is_used(algorithm: Any, members: dict[str, Any], write: Any) -> None:
    """A key without key_ops may be used for everything, as RFC 7517 has it."""
    raw = write(published(algorithm, **members))
    compile_verify(Jwt(secrets=("env:K",), algorithm=algorithm), {"env:K": raw})(request(algorithm))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_usable_key_in_the_set_does_not_admit_an_encryption_key(algorithm: Any) -> None:
    """The set as a whole is usable, but a signature by its encryption key is refused."""
    keys = jwks(published(algorithm, key_ops=["encrypt"]), OTHERS[algorithm])
    verify = compile_verify(Jwt(secrets=("env:K",), algorithm=algorithm), {"env:K": keys})
    with pytest.raises(BadToken, match="signature"):
        verify(request(algorithm))


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_published_key_set_without_a_key_that_verifies_is_unusable(algorithm: Any) -> None:
    """A key set behind a URL is held to the same members as one in a file."""
    keys = {URL: jwks(published(algorithm, key_ops=["encrypt"]))}
    with pytest.raises(SecretError, match='"key_ops" does not list "verify"'):
        compile_verify(Jwt(jwks_url=URL, algorithm=algorithm), keys)


def test_a_certificate_verifies_by_the_key_in_it() -> None:
    """Some issuers publish certificates instead of bare public keys."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, RSA.public_key(), 1, day, day + timedelta(days=1))
        .sign(RSA, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    token = issue_token(private_pem(RSA), now_ms=NOW_MS, algorithm="RS256")
    assert isinstance(judge(token, "RS256", {"env:KEY": certificate}), Candidate)


@pytest.mark.parametrize(
    ("raw", "algorithm", "reason"),
    [
        (b"short", "HS256", "needs at least 32"),
        (public_pem(RSA), "HS256", "is a PEM key"),
        (private_pem(RSA), "RS256", "is a private key"),
        (b"-----BEGIN nothing", "RS256", "is not a key that RS256 can use"),
        (SECRET, "RS256", "neither a PEM public key nor a JWKS"),
        (public_pem(KEYS["ES384"]), "ES256", "is not a key that ES256 can use"),
        (jwks(jwk("ES384", KEYS["ES384"])), "ES256", "without a key that ES256 can use"),
        (b"{", "RS256", "is not valid JSON"),
        (jwks(), "RS256", "without a key that RS256 can use: it is empty"),
        (b'{"keys": 5}', "RS256", '"keys" is not an array'),
        (jwks(*[5], jwk("RS256", SHORT)), "RS256", r"not an object; keys\[1\]: its value is"),  # type: ignore[arg-type]
        (jwks({"kty": "RSA", "n": "!", "e": 5}), "RS256", r"keys\[0\]: its value is invalid"),
        (jwks({"kty": "RSA", "d": "AQ"}), "RS256", "contains a private key"),
        (jwks({"kty": "RSA", "d": "AQ", "key_ops": ["sign"]}), "RS256", "contains a private key"),
        (public_pem(SHORT), "RS256", "is shorter than RS256 needs"),
    ],
)  # fmt: skip
def test_an_unusable_key_is_refused_with_its_reason(
    raw: bytes, algorithm: Any, reason: str
) -> None:
    """The error comes when the gateway is made, and does not quote the key."""
    with pytest.raises(ValueError, match=reason) as caught:
        prepare_keys(raw, algorithm)
    assert raw.decode() not in str(caught.value)
    with pytest.raises(SecretError, match=r"env:KEY"):
        judge("x", algorithm, {"env:KEY": raw})
