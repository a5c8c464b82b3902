"""The functions that check requests and handshakes, for every scheme."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import OKPAlgorithm

from nbincoming.core.auth import token_policy, verification
from nbincoming.core.auth.schemes import Jwt, jwt, meta, standard_webhooks
from nbincoming.core.auth.tokens import TOKEN_LIFETIME_S, issue_token
from nbincoming.core.auth.verification import (
    Verify,
    check_handshake,
    compile_handshake,
    compile_verify,
)
from nbincoming.core.request.message import Request
from nbincoming.errors import BadToken, BadVerifyToken, LacksPermission, Refusal, SecretError
from tests.core.auth.test_tokens import KEYS, jwk, jwks

NOW_MS = 1_795_000_000_000
APP, VERIFY = b"an app secret", b"a verify token"
SECRETS = {"env:APP": APP, "env:VERIFY": VERIFY}
URL = "https://issuer.example/jwks.json"


def handshake_request(query: str) -> Request:
    """Make the request of a handshake."""
    return Request("GET", f"/x?{query}", (), b"", NOW_MS)


GOOD = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=a+verify+token"


def test_a_handshake_is_answered_by_its_challenge() -> None:
    """A right verify token gets the challenge back."""
    handshake = compile_handshake(meta(secret="env:APP", verify_token="env:VERIFY"), SECRETS)
    assert handshake is not None
    assert handshake(handshake_request(GOOD)) == "1158201444"


@pytest.mark.parametrize(
    "query",
    [
        "",
        GOOD.replace("subscribe", "unsubscribe"),
        GOOD.replace("verify+token", "verify+tokem"),
        GOOD.replace("a+verify+token", ""),
        GOOD.replace("a+verify+token", "%ff"),
        GOOD.replace("hub.verify_token", "hub_verify_token"),
        GOOD.replace("&hub.challenge=1158201444", ""),
        GOOD + "&hub.challenge=2",
        GOOD + "&hub.verify_token=x",
        GOOD + "&hub.mode=subscribe",
    ],
)
def test_any_other_handshake_is_refused(query: str) -> None:
    """The message does not contain the verify token."""
    with pytest.raises(BadVerifyToken) as caught:
        check_handshake(handshake_request(query), VERIFY)
    assert VERIFY.decode() not in str(caught.value)


def test_without_a_verify_token_every_handshake_is_refused() -> None:
    """An empty token does not match the missing one."""
    handshake = compile_handshake(meta(secret="env:APP"), SECRETS)
    assert handshake is not None
    with pytest.raises(BadVerifyToken):
        handshake(handshake_request(GOOD.replace("a+verify+token", "")))


def test_only_meta_has_a_handshake() -> None:
    """Other schemes have no function for it."""
    assert compile_handshake(jwt(secret="env:APP"), SECRETS) is None


@given(query=st.text(max_size=80))
def test_a_handshake_raises_nothing_but_refusals(query: str) -> None:
    """Nothing else is raised, whatever the query is."""
    try:
        check_handshake(handshake_request(query), VERIFY)
    except Refusal:
        pass
    else:
        raise AssertionError("it knows the verify token")


def test_all_unusable_secrets_are_named_at_once() -> None:
    """The message says what to do about each, and contains no value."""
    secrets = {"env:SHORT": b"sesame", "env:EMPTY": b""}
    scheme = jwt(secret=["env:SHORT", "env:EMPTY", "env:GONE", "file:/nowhere/x"])
    with pytest.raises(SecretError) as caught:
        compile_verify(scheme, secrets)
    text = str(caught.value)
    assert text.startswith("4 secrets are not usable:")
    assert "env:SHORT has 6 bytes, but HS256 needs at least 32" in text
    assert "env:EMPTY is empty." in text
    assert "env:GONE was not found. Set the environment variable GONE" in text
    assert "file:/nowhere/x was not found. Write it to /nowhere/x" in text
    assert "sesame" not in text


def test_one_unusable_secret_is_reported_in_the_singular() -> None:
    """A key set may be unreachable, or a Standard Webhooks secret not base64."""
    with pytest.raises(
        SecretError,
        match=r"^1 secret is not usable:\n.*was not found. Check that it can be fetched",
    ):
        compile_verify(jwt(jwks_url=URL, algorithm="RS256"), {})
    with pytest.raises(SecretError, match="is not base64"):
        compile_verify(standard_webhooks(secret="env:S"), {"env:S": b"whsec_!"})


class Issuer(dict[str, bytes]):
    """An issuer whose keys may change, or which may be unreachable."""

    asked = 0
    fault: Exception | None = None

    def __getitem__(self, name: str) -> bytes:
        if self.fault is not None:
            raise self.fault
        return super().__getitem__(name)

    def refresh(self, name: str) -> bytes:
        """Return the keys, and count the fetch."""
        self.asked += 1
        return self[name]


def bearing(algorithm: str, **options: Any) -> Request:
    """Make a request whose token names a key."""
    import jwt as pyjwt

    claims = {"exp": NOW_MS // 1000 + 60, "permissions": ["INCOMING_WEBHOOK_EXECUTE"]}
    token = pyjwt.encode(claims, KEYS[algorithm], algorithm=algorithm, headers=options)
    return Request("POST", "/", ((b"authorization", b"Bearer " + token.encode()),), b"", NOW_MS)


@pytest.mark.parametrize("fault", [KeyError("x"), OSError("away"), None])
def test_the_old_keys_stay_in_force_while_the_issuer_fails(
    fault: Exception | None,
) -> None:
    """An unreachable issuer, or an answer that is no key set, refuses no valid token."""
    issuer = Issuer({URL: jwks(jwk("ES256", KEYS["ES256"], kid="1"))})
    verify = compile_verify(jwt(jwks_url=URL, algorithm="ES256"), issuer)
    issuer.fault = fault
    dict.__setitem__(issuer, URL, b"<html>not today</html>")
    verify(bearing("ES256", kid="1"))
    verify(bearing("ES256", kid="1"))
    with pytest.raises(Refusal):
        verify(bearing("ES256", kid="2"))


@pytest.mark.parametrize(
    "left", [[], [{**jwk("ES256", KEYS["ES256"], kid="1"), "key_ops": ["encrypt"]}]]
)
def test_a_withdrawn_key_verifies_nothing_more(left: list[dict[str, object]]) -> None:
    """Also where it was the last one, and for a token that was verified before."""
    issuer = Issuer({URL: jwks(jwk("ES256", KEYS["ES256"], kid="1"))})
    verify = compile_verify(jwt(jwks_url=URL, algorithm="ES256"), issuer)
    verify(token := bearing("ES256", kid="1"))
    issuer[URL] = jwks(*left)
    with pytest.raises(Refusal):
        verify(token)
    issuer[URL] = jwks(jwk("ES256", KEYS["ES256"], kid="1"))
    verify(token)


def test_a_token_with_another_algorithm_causes_no_fetch() -> None:
    """Otherwise anybody could make the endpoint overload the issuer."""
    issuer = Issuer({URL: jwks(jwk("ES256", KEYS["ES256"], kid="1"))})
    verify = compile_verify(jwt(jwks_url=URL, algorithm="ES256"), issuer)
    with pytest.raises(Refusal):
        verify(bearing("RS256", kid="2"))
    assert issuer.asked == 0


def test_secrets_need_no_refresh_method() -> None:
    """A plain dict works if the keys do not change."""
    verify = compile_verify(
        jwt(jwks_url=URL, algorithm="ES256"), {URL: jwks(jwk("ES256", KEYS["ES256"], kid="1"))}
    )
    verify(bearing("ES256", kid="1"))
    with pytest.raises(Refusal):
        verify(bearing("ES256", kid="2"))


# --- cached tokens ---------------------------------------------------------

SECRET = b"a-shared-secret-of-forty-characters-xxxx"
OTHER = b"another-secret-of-forty-characters-yyyyy"


def request(token: str, at_ms: int = NOW_MS, times: int = 1) -> Request:
    """Make a request that carries a token."""
    return Request(
        "POST", "/", ((b"Authorization", f"Bearer {token}".encode()),) * times, b"", at_ms
    )


@pytest.fixture
def verify() -> Verify:
    """Make the function that checks tokens with a shared secret."""
    return compile_verify(Jwt(secrets=("env:A",)), {"env:A": SECRET})


@pytest.fixture
def token() -> str:
    """Issue a valid token."""
    return issue_token(SECRET, now_ms=NOW_MS)


def test_a_cached_token_is_not_verified_again(
    verify: Verify, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its signature is computed once for all requests that have it."""
    verify(request(token))
    monkeypatch.setattr(verification, "verify_token", None)
    verify(request(token))


def test_a_cached_token_expires(verify: Verify, token: str) -> None:
    """Its expiry is checked with each request."""
    verify(request(token))
    last_ms = NOW_MS + (TOKEN_LIFETIME_S + token_policy.LEEWAY_S) * 1000
    verify(request(token, last_ms - 1))
    with pytest.raises(BadToken, match="expired"):
        verify(request(token, last_ms))


def test_a_cached_token_is_refused_before_its_time(verify: Verify, token: str) -> None:
    """If the clock steps back, the token was issued in the future."""
    verify(request(token))
    with pytest.raises(BadToken, match="becomes valid in"):
        verify(request(token, NOW_MS - token_policy.LEEWAY_S * 1000 - 1))


def test_a_cached_token_is_refused_when_given_twice(verify: Verify, token: str) -> None:
    """The cache does not bypass the check for one header."""
    verify(request(token))
    with pytest.raises(BadToken, match="2 times"):
        verify(request(token, times=2))


def test_an_invalid_token_is_not_cached(verify: Verify, token: str) -> None:
    """It is refused each time for the same reason."""
    forged = issue_token(OTHER, now_ms=NOW_MS)
    unfit = issue_token(SECRET, now_ms=NOW_MS, permissions=["OTHER"])
    for _ in range(2):
        with pytest.raises(BadToken, match="signature"):
            verify(request(forged))
        with pytest.raises(LacksPermission):
            verify(request(unfit))
    verify(request(token))


def test_a_cached_token_is_refused_after_its_key_is_withdrawn() -> None:
    """A change of the published keys verifies the token again."""

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


def test_the_cache_of_tokens_is_limited(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many different tokens do not fill the memory."""
    monkeypatch.setattr(verification, "_MAX_CACHED", 4)
    for number in range(20):
        verify(request(issue_token(SECRET, now_ms=NOW_MS, subject=str(number))))
        assert len(verify._cached) <= 4  # type: ignore[attr-defined]
