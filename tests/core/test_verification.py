"""A scheme and its secrets made into a check, for every scheme."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.authorization import jwt, meta, standard_webhooks
from nbincoming.core.message import Request
from nbincoming.core.verification import check_handshake, compile_handshake, compile_verify
from nbincoming.errors import BadVerifyToken, Refusal, SecretError
from tests.core.test_tokens import KEYS, jwk, jwks

NOW_MS = 1_795_000_000_000
APP, VERIFY = b"an app secret", b"a verify token"
SECRETS = {"env:APP": APP, "env:VERIFY": VERIFY}
URL = "https://issuer.example/jwks.json"


def shaking(query: str) -> Request:
    """Make a handshake."""
    return Request("GET", f"/x?{query}", (), b"", NOW_MS)


GOOD = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=a+verify+token"


def test_a_handshake_is_answered_by_its_challenge() -> None:
    """Meta asks so before it subscribes."""
    handshake = compile_handshake(meta(secret="env:APP", verify_token="env:VERIFY"), SECRETS)
    assert handshake is not None
    assert handshake(shaking(GOOD)) == "1158201444"


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
    """The token that is wanted is in no message."""
    with pytest.raises(BadVerifyToken) as caught:
        check_handshake(shaking(query), VERIFY)
    assert VERIFY.decode() not in str(caught.value)


def test_without_a_verify_token_no_handshake_is_good() -> None:
    """An empty one does not match an empty one."""
    handshake = compile_handshake(meta(secret="env:APP"), SECRETS)
    assert handshake is not None
    with pytest.raises(BadVerifyToken):
        handshake(shaking(GOOD.replace("a+verify+token", "")))


def test_only_meta_shakes_hands() -> None:
    """Other schemes answer no GET."""
    assert compile_handshake(jwt(secret="env:APP"), SECRETS) is None


@given(query=st.text(max_size=80))
def test_a_handshake_raises_nothing_but_refusals(query: str) -> None:
    """Whatever stands in the URL."""
    try:
        check_handshake(shaking(query), VERIFY)
    except Refusal:
        pass
    else:
        raise AssertionError("it knows the verify token")


def test_all_unusable_secrets_are_named_at_once() -> None:
    """With what to do about each, and none of their values."""
    secrets = {"env:SHORT": b"sesame", "env:EMPTY": b""}
    scheme = jwt(secret=["env:SHORT", "env:EMPTY", "env:GONE", "file:/nowhere/x"])
    with pytest.raises(SecretError) as caught:
        compile_verify(scheme, secrets)
    text = str(caught.value)
    assert text.startswith("4 secrets are not usable:")
    assert "env:SHORT has 6 bytes, but HS256 needs at least 32" in text
    assert "env:EMPTY is empty." in text
    assert "env:GONE is not there. Set the environment variable GONE" in text
    assert "file:/nowhere/x is not there. Write it to /nowhere/x" in text
    assert "sesame" not in text


def test_one_unusable_secret_is_said_as_one() -> None:
    """A key set that cannot be fetched, and a secret of Standard Webhooks that is no base64."""
    with pytest.raises(
        SecretError, match=r"^1 secret is not usable:\n.*See that it can be fetched"
    ):
        compile_verify(jwt(jwks_url=URL, algorithm="RS256"), {})
    with pytest.raises(SecretError, match="is not base64"):
        compile_verify(standard_webhooks(secret="env:S"), {"env:S": b"whsec_!"})


class Issuer(dict[str, bytes]):
    """An issuer whose keys may change, or which may be away."""

    asked = 0
    fault: Exception | None = None

    def __getitem__(self, name: str) -> bytes:
        if self.fault is not None:
            raise self.fault
        return super().__getitem__(name)

    def refresh(self, name: str) -> bytes:
        """Count how often the keys are asked for anew."""
        self.asked += 1
        return self[name]


def bearing(algorithm: str, **options: Any) -> Request:
    """Make a request whose token names a key."""
    import jwt as pyjwt

    claims = {"exp": NOW_MS // 1000 + 60, "permissions": ["INCOMING_WEBHOOK_EXECUTE"]}
    token = pyjwt.encode(claims, KEYS[algorithm], algorithm=algorithm, headers=options)
    return Request("POST", "/", ((b"authorization", b"Bearer " + token.encode()),), b"", NOW_MS)


@pytest.mark.parametrize("fault", [KeyError("x"), OSError("away"), None])
def test_an_issuer_that_is_away_or_broken_leaves_the_old_keys_in_force(
    fault: Exception | None,
) -> None:
    """Its outage is not the sender's fault; what it publishes by mistake is passed over."""
    issuer = Issuer({URL: jwks(jwk("ES256", KEYS["ES256"], kid="1"))})
    verify = compile_verify(jwt(jwks_url=URL, algorithm="ES256"), issuer)
    issuer.fault = fault
    dict.__setitem__(issuer, URL, b"<html>not today</html>")
    verify(bearing("ES256", kid="1"))
    verify(bearing("ES256", kid="1"))
    with pytest.raises(Refusal):
        verify(bearing("ES256", kid="2"))


def test_a_token_of_another_algorithm_makes_nobody_ask_the_issuer() -> None:
    """A stranger must not be able to make us hammer it."""
    issuer = Issuer({URL: jwks(jwk("ES256", KEYS["ES256"], kid="1"))})
    verify = compile_verify(jwt(jwks_url=URL, algorithm="ES256"), issuer)
    with pytest.raises(Refusal):
        verify(bearing("RS256", kid="2"))
    assert issuer.asked == 0


def test_secrets_that_cannot_be_refreshed_are_no_fault() -> None:
    """A plain dict will do where the keys do not change."""
    verify = compile_verify(
        jwt(jwks_url=URL, algorithm="ES256"), {URL: jwks(jwk("ES256", KEYS["ES256"], kid="1"))}
    )
    verify(bearing("ES256", kid="1"))
    with pytest.raises(Refusal):
        verify(bearing("ES256", kid="2"))
