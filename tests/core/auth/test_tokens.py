"""Tokens under every algorithm, with PEM keys, key sets and shared secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import get_algorithm_by_name

from nbincoming.core.auth.schemes import Jwt
from nbincoming.core.auth.tokens import issue_token
from nbincoming.core.gateway import Gateway
from nbincoming.core.outcomes import (
    Candidate,
    Rejected,
)
from nbincoming.core.request.message import Request
from nbincoming.core.spec.model import Spec

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
    """Keys of other types and other uses in the set are skipped."""
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
    """HS256, HS384 and HS512 work with a secret that is long enough."""
    token = issue_token(SECRET, now_ms=NOW_MS, algorithm=algorithm)
    assert isinstance(judge(token, algorithm, {"env:KEY": SECRET}), Candidate)


def test_any_secret_in_force_may_have_signed() -> None:
    """After a secret is added, old tokens stay valid and new ones are accepted."""
    old, new, gone = SECRET, SECRET[::-1], b"x" * 64
    secrets = {"env:OLD": old, "env:NEW": new}
    accepted = [
        isinstance(judge(issue_token(each, now_ms=NOW_MS), "HS256", secrets), Candidate)
        for each in (old, new, gone)
    ]
    assert accepted == [True, True, False]


class Issuer(dict[str, bytes]):
    """Secrets with a key set that can be fetched again."""

    fetched = 0
    fresh = b""

    def refresh(self, name: str) -> bytes:
        """Return the new key set, and count the fetch."""
        self.fetched += 1
        self[name] = self.fresh
        return self.fresh


URL = "https://issuer.example/jwks.json"


def test_an_unknown_key_id_fetches_the_key_set_again() -> None:
    """The issuer may have added the key since the last fetch."""
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
    """A set without keys does not replace a usable one."""
    key = KEYS["ES256"]
    issuer = Issuer({URL: jwks(jwk("ES256", key, kid="1"))})
    issuer.fresh = b"{}"
    token = issue_token(private_pem(key), now_ms=NOW_MS, algorithm="ES256")
    assert isinstance(judge(token, "ES256", issuer, names=(), jwks_url=URL), Candidate)


def test_audience_and_issuer_are_checked_where_set() -> None:
    """A token for another endpoint, or of another issuer, is refused."""
    options = {"audience": "complaints", "issuer": "portal"}
    secrets = {"env:KEY": SECRET}

    def is_accepted(**claims: Any) -> bool:
        token = issue_token(SECRET, now_ms=NOW_MS, claims=claims)
        return isinstance(judge(token, "HS256", secrets, **options), Candidate)

    assert is_accepted(aud="complaints", iss="portal")
    assert is_accepted(aud=["x", "complaints"], iss="portal")
    assert not is_accepted(aud="other", iss="portal")
    assert not is_accepted(aud="complaints", iss="other")
    assert not is_accepted()
