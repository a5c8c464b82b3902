"""Tokens under every algorithm, with PEM keys, key sets and shared secrets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import get_algorithm_by_name

from nbincoming.core.auth.schemes import Jwt
from nbincoming.core.auth.tokens import issue_token, prepare_keys
from nbincoming.core.gateway import Gateway
from nbincoming.core.outcomes import (
    Candidate,
    Rejected,
)
from nbincoming.core.request.message import Request
from nbincoming.core.spec.model import Spec
from nbincoming.errors import SecretError

NOW_MS = 1_795_000_000_000
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS: dict[str, Any] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSA),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
SECRET = b"0123456789abcdef" * 4
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)


def private_pem(key: Any) -> bytes:
    """Write a private key."""
    form, protection = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, form, protection)
    return pem


def public_pem(key: Any) -> bytes:
    """Write the public half of a key."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem: bytes = key.public_key().public_bytes(serialization.Encoding.PEM, form)
    return pem


def jwk(algorithm: str, key: Any, **members: Any) -> dict[str, Any]:
    """Write the public half of a key as a JWK."""
    data: dict[str, Any] = json.loads(get_algorithm_by_name(algorithm).to_jwk(key.public_key()))
    return {**data, **members}


def jwks(*keys: dict[str, Any]) -> bytes:
    """Write a key set."""
    return json.dumps({"keys": keys}).encode()


def judge(token: str, algorithm: str, secrets: Any, **options: Any) -> Candidate | Rejected:
    """Judge a request that carries a token."""
    names = options.pop("names", tuple(secrets) if isinstance(secrets, dict) else ())
    scheme = Jwt.model_validate({"secrets": names, "algorithm": algorithm, **options})
    spec = Spec(
        name="tokens", endpoint="0b6f4c2e-57a0-4d3c-9c53-0c4d36c5a1b2", authorization=scheme
    )
    headers = (
        (b"authorization", b"bearer " + token.encode()),
        (b"content-type", b"application/json"),
    )
    judged = Gateway(spec, secrets).judge(Request("POST", "/", headers, b"{}", NOW_MS))
    assert isinstance(judged, Candidate | Rejected)
    return judged


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_pem_key_verifies_its_algorithm(algorithm: Any) -> None:
    """What the private key signs, the public one accepts, and only for its own tokens."""
    key = KEYS[algorithm]
    token = issue_token(private_pem(key), now_ms=NOW_MS, algorithm=algorithm)
    secrets = {"env:KEY": public_pem(key)}
    assert isinstance(judge(token, algorithm, secrets), Candidate)
    body, _, signature = token.rpartition(".")
    spoiled = (
        body + "." + signature[:-8] + ("AAAAAAAA" if signature[-8:] != "AAAAAAAA" else "BBBBBBBB")
    )
    assert isinstance(judge(spoiled, algorithm, secrets), Rejected)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_key_set_verifies_its_algorithm(algorithm: Any) -> None:
    """Keys of other types and other uses in the set are passed over."""
    token = issue_token(private_pem(KEYS[algorithm]), now_ms=NOW_MS, algorithm=algorithm)
    other = "ES256" if algorithm != "ES256" else "RS256"
    keys = jwks(
        jwk(other, KEYS[other], kid="other"),
        jwk(algorithm, KEYS[algorithm], use="enc"),
        jwk(algorithm, KEYS[algorithm], alg=algorithm, kid="mine"),
    )
    assert isinstance(judge(token, algorithm, {"env:KEY": keys}), Candidate)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_shared_secret_verifies_its_algorithm(algorithm: Any) -> None:
    """The three lengths of HMAC."""
    token = issue_token(SECRET, now_ms=NOW_MS, algorithm=algorithm)
    assert isinstance(judge(token, algorithm, {"env:KEY": SECRET}), Candidate)


def test_any_secret_in_force_may_have_signed() -> None:
    """Rotation is adding a secret: old tokens live on, new ones are good at once."""
    old, new, gone = SECRET, SECRET[::-1], b"x" * 64
    secrets = {"env:OLD": old, "env:NEW": new}
    verdicts = [
        isinstance(judge(issue_token(each, now_ms=NOW_MS), "HS256", secrets), Candidate)
        for each in (old, new, gone)
    ]
    assert verdicts == [True, True, False]


def test_a_certificate_verifies_by_the_key_in_it() -> None:
    """Some issuers publish those."""
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
        (jwks(), "RS256", "without a key"),
        (b'{"keys": 5}', "RS256", "without a key"),
        (jwks(*[5], jwk("RS256", SHORT)), "RS256", "without a key"),  # type: ignore[arg-type]
        (jwks({"kty": "RSA", "n": "!", "e": 5}), "RS256", "without a key"),
        (jwks({"kty": "RSA", "d": "AQ"}), "RS256", "holds a private key"),
        (public_pem(SHORT), "RS256", "is shorter than RS256 needs"),
    ],
)  # fmt: skip
def test_an_unusable_key_is_said_to_be_one(raw: bytes, algorithm: Any, reason: str) -> None:
    """When the spec is made ready, not when a request comes; the key is not quoted."""
    with pytest.raises(ValueError, match=reason) as caught:
        prepare_keys(raw, algorithm)
    assert raw.decode() not in str(caught.value)
    with pytest.raises(SecretError, match=r"env:KEY"):
        judge("x", algorithm, {"env:KEY": raw})


class Issuer(dict[str, bytes]):
    """Secrets with a key set that can be fetched anew."""

    fetched = 0
    fresh = b""

    def refresh(self, name: str) -> bytes:
        """Fetch."""
        self.fetched += 1
        self[name] = self.fresh
        return self.fresh


URL = "https://issuer.example/jwks.json"


def test_an_unknown_key_id_has_the_key_set_fetched() -> None:
    """The issuer rotated its keys: the token's key is looked for once more."""
    first, second = KEYS["ES256"], ec.generate_private_key(ec.SECP256R1())
    issuer = Issuer({URL: jwks(jwk("ES256", first, kid="1"))})
    issuer.fresh = jwks(jwk("ES256", second, kid="2"))
    import jwt as pyjwt

    claims = {"exp": NOW_MS // 1000 + 60, "permissions": ["INCOMING_WEBHOOK_EXECUTE"]}
    token = pyjwt.encode(claims, private_pem(second), algorithm="ES256", headers={"kid": "2"})
    assert isinstance(judge(token, "ES256", issuer, names=(), jwks_url=URL), Candidate)
    assert issuer.fetched == 1
    known = pyjwt.encode(claims, private_pem(second), algorithm="ES256", headers={"kid": "2"})
    assert isinstance(judge(known, "ES256", issuer, names=(), jwks_url=URL), Candidate)
    assert issuer.fetched == 1


def test_a_broken_key_set_leaves_the_old_keys_in_force() -> None:
    """What the issuer answers while it is ill refuses nobody."""
    key = KEYS["ES256"]
    issuer = Issuer({URL: jwks(jwk("ES256", key, kid="1"))})
    issuer.fresh = b"{}"
    token = issue_token(private_pem(key), now_ms=NOW_MS, algorithm="ES256")
    assert isinstance(judge(token, "ES256", issuer, names=(), jwks_url=URL), Candidate)


def test_audience_and_issuer_are_checked_where_set() -> None:
    """A token for another endpoint, or of another issuer, is refused."""
    options = {"audience": "complaints", "issuer": "portal"}
    secrets = {"env:KEY": SECRET}

    def verdict(**claims: Any) -> bool:
        token = issue_token(SECRET, now_ms=NOW_MS, claims=claims)
        return isinstance(judge(token, "HS256", secrets, **options), Candidate)

    assert verdict(aud="complaints", iss="portal")
    assert verdict(aud=["x", "complaints"], iss="portal")
    assert not verdict(aud="other", iss="portal")
    assert not verdict(aud="complaints", iss="other")
    assert not verdict()
