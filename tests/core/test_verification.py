"""A scheme and its secrets made into a check: what it remembers of tokens, and what it must not."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import OKPAlgorithm

from nbincoming.core import tokens, verification
from nbincoming.core.authorization import Jwt
from nbincoming.core.message import Request
from nbincoming.core.tokens import TOKEN_LIFETIME_S, issue_token
from nbincoming.core.verification import Verify, compile_verify
from nbincoming.errors import BadToken, LacksPermission

NOW_MS = 1_795_000_000_000
SECRET = b"a-shared-secret-of-forty-characters-xxxx"
OTHER = b"another-secret-of-forty-characters-yyyyy"


def request(token: str, at_ms: int = NOW_MS, times: int = 1) -> Request:
    """Make a request that carries a token."""
    return Request(
        "POST", "/", ((b"Authorization", f"Bearer {token}".encode()),) * times, b"", at_ms
    )


@pytest.fixture
def verify() -> Verify:
    """Make the check of a shared secret."""
    return compile_verify(Jwt(secrets=("env:A",)), {"env:A": SECRET})


@pytest.fixture
def token() -> str:
    """Issue a good token."""
    return issue_token(SECRET, now_ms=NOW_MS)


def test_a_token_that_was_good_is_checked_no_further(
    verify: Verify, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its signature is computed once, however many requests bring it."""
    verify(request(token))
    monkeypatch.setattr(verification, "verify_token", None)
    verify(request(token))


def test_a_token_that_was_good_expires(verify: Verify, token: str) -> None:
    """Time is what changes, so it is looked at with each request."""
    verify(request(token))
    last_ms = NOW_MS + (TOKEN_LIFETIME_S + tokens.LEEWAY_S) * 1000
    verify(request(token, last_ms - 1))
    with pytest.raises(BadToken, match="expired"):
        verify(request(token, last_ms))


def test_a_token_that_was_good_is_not_good_before_its_time(verify: Verify, token: str) -> None:
    """A clock that goes back finds it issued in the future."""
    verify(request(token))
    with pytest.raises(BadToken, match="not valid before"):
        verify(request(token, NOW_MS - tokens.LEEWAY_S * 1000 - 1))


def test_a_token_that_was_good_is_refused_when_it_comes_twice(verify: Verify, token: str) -> None:
    """What is remembered is one header, not a way around the others."""
    verify(request(token))
    with pytest.raises(BadToken, match="2 times"):
        verify(request(token, times=2))


def test_a_bad_token_is_not_remembered(verify: Verify, token: str) -> None:
    """It is refused each time, for the reason that it was refused for."""
    forged = issue_token(OTHER, now_ms=NOW_MS)
    unfit = issue_token(SECRET, now_ms=NOW_MS, permissions=["OTHER"])
    for _ in range(2):
        with pytest.raises(BadToken, match="signature"):
            verify(request(forged))
        with pytest.raises(LacksPermission):
            verify(request(unfit))
    verify(request(token))


def test_a_token_ends_with_its_key() -> None:
    """An issuer that withdraws a key withdraws the tokens that it signed."""

    def published(key: Ed25519PrivateKey) -> bytes:
        return json.dumps({"keys": [OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)]}).encode()

    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    url = "https://issuer.example/jwks.json"
    secrets = {url: published(key)}
    verify = compile_verify(Jwt(jwks_url=url, algorithm="EdDSA"), secrets)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    token = issue_token(pem, now_ms=NOW_MS, algorithm="EdDSA")
    verify(request(token))
    verify(request(token))
    secrets[url] = published(other)
    with pytest.raises(BadToken, match="signature"):
        verify(request(token))


def test_few_tokens_are_remembered(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are issued, they fill no memory."""
    monkeypatch.setattr(verification, "_MAX_KNOWN", 4)
    for number in range(20):
        verify(request(issue_token(SECRET, now_ms=NOW_MS, subject=str(number))))
        assert len(verify._known) <= 4  # type: ignore[attr-defined]
