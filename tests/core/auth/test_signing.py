"""What a sender adds to a request: the twin of the endpoint's check."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.schemes import (
    Authorization,
    hmac_signature,
    jwt,
    meta,
    no_authorization,
    standard_webhooks,
)
from nbincoming.core.auth.signing import credentials, token
from nbincoming.core.gateway import Gateway
from nbincoming.core.outcomes import (
    Candidate,
    Rejected,
)
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.model import Spec
from nbincoming.errors import BadToken, LacksPermission, SecretError, Unauthorized
from tests.core.strategies import documents

NOW_MS = 1_718_010_930_123
OLD, NEW = b"old" + b"0" * 61, b"new" + b"1" * 61
STANDARD = b"whsec_" + base64.b64encode(b"standard" * 4)
JWKS = b'{"keys": [{"kty": "oct", "kid": "k", "k": "%s"}]}' % base64.urlsafe_b64encode(b"j" * 66)
SECRETS = {"env:OLD": OLD, "env:NEW": NEW, "env:STANDARD": STANDARD, "env:JWKS": JWKS}
BOTH = ["env:OLD", "env:NEW"]

SCHEMES: dict[str, Authorization] = {
    "none": no_authorization(),
    "jwt": jwt(secret=BOTH),
    "jwt HS512": jwt(secret=BOTH, algorithm="HS512"),
    "jwt with parties": jwt(secret="env:NEW", audience="us", issuer="them"),
    "jwt with its own permission": jwt(
        secret="env:NEW", permission="CALL", permissions_claim="scope"
    ),
    "jwt without a permission": jwt(secret="env:NEW", permission=None),
    "jwt by a JWKS": jwt(secret="env:JWKS"),
    "meta": meta(secret=BOTH),
    "hmac": hmac_signature(secret=BOTH, header="X-Signature"),
    "hmac in base64": hmac_signature(
        secret="env:NEW", header="X-S", encoding="base64", prefix="v0=", algorithm="sha512"
    ),
    "hmac with a time": hmac_signature(
        secret="env:NEW", header="X-S", timestamp_header="X-Time", tolerance_s=1
    ),
    "standard webhooks": standard_webhooks(secret="env:STANDARD"),
}
each_signing = pytest.mark.parametrize(
    "scheme", [s for name, s in SCHEMES.items() if name != "none"], ids=list(SCHEMES)[1:]
)


def judged(
    scheme: Authorization,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Mapping[str, bytes] = SECRETS,
    now_ms: int = NOW_MS,
) -> Any:
    """Let an endpoint with this authorization judge a request with these headers."""
    spec = Spec(name="x", endpoint="0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d", authorization=scheme)
    raw = [(b"Content-Type", b"application/json")]
    raw += [(name.encode(), value.encode()) for name, value in headers.items()]
    return Gateway(spec, secrets).judge(Request("POST", "/", tuple(raw), body, now_ms))


@given(
    scheme=st.sampled_from(list(SCHEMES.values())),
    document=documents,
    now_ms=st.integers(0, 4_102_444_800_000),
)
def test_what_is_signed_is_accepted(scheme: Authorization, document: Any, now_ms: int) -> None:
    """Whatever the body and the time, the endpoint takes what its sender made."""
    body = json_text(document).encode()
    headers = credentials(scheme, SECRETS, body, now_ms)
    assert isinstance(judged(scheme, headers, body, now_ms=now_ms), Candidate)


@each_signing
def test_without_its_credentials_no_body_is_accepted(scheme: Authorization) -> None:
    """What credentials() adds is needed: each header of it."""
    body = b'{"a": 1}'
    headers = credentials(scheme, SECRETS, body, NOW_MS)
    assert headers
    for name in headers:
        fewer = {other: value for other, value in headers.items() if other != name}
        found = judged(scheme, fewer, body)
        assert isinstance(found, Rejected)
        assert isinstance(found.refusal, Unauthorized)


@pytest.mark.parametrize(
    "name", [name for name in SCHEMES if name.split()[0] not in ("none", "jwt")]
)
def test_a_signature_is_for_one_body(name: str) -> None:
    """A signed body that was changed on the way is refused."""
    headers = credentials(SCHEMES[name], SECRETS, b'{"a":1}', NOW_MS)
    assert isinstance(judged(SCHEMES[name], headers, b'{"a":2}'), Rejected)


@each_signing
def test_the_newest_secret_signs(scheme: Authorization) -> None:
    """During a rotation a sender uses the last of the names, so the others may go."""
    names = scheme.secret_names()
    headers = credentials(scheme, SECRETS, b"{}", NOW_MS)
    newest = scheme.model_copy(update={"secrets": (names[-1],)})
    assert isinstance(judged(newest, headers, b"{}"), Candidate)
    if len(names) > 1:
        oldest = scheme.model_copy(update={"secrets": (names[0],)})
        assert isinstance(judged(oldest, headers, b"{}"), Rejected)


def test_no_authorization_adds_nothing() -> None:
    """Whoever needs no credentials sends none."""
    assert credentials(no_authorization(), {}, b"{}", NOW_MS) == {}


@each_signing
@pytest.mark.parametrize("secrets", [{}, dict.fromkeys(SECRETS, b"")], ids=["missing", "empty"])
def test_a_missing_secret_is_named(scheme: Authorization, secrets: dict[str, bytes]) -> None:
    """Without its secret nothing is signed, and the message says which one is needed."""
    with pytest.raises(SecretError, match=scheme.secret_names()[-1]):
        credentials(scheme, secrets, b"{}", NOW_MS)


@pytest.mark.parametrize("name", ["jwt", "standard webhooks"])
def test_an_unusable_secret_is_not_disclosed(name: str) -> None:
    """A secret of the wrong form is named, and its value stays out of the message."""
    secrets = dict.fromkeys(SECRETS, b"sesame!")
    with pytest.raises(SecretError) as caught:
        credentials(SCHEMES[name], secrets, b"{}", NOW_MS)
    assert SCHEMES[name].secret_names()[-1] in str(caught.value)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("algorithm", ["RS256", "PS384", "ES256", "EdDSA"])
def test_a_private_key_is_not_here_to_sign(algorithm: str) -> None:
    """Tokens of an asymmetric algorithm are their owner's to sign, and the message says so."""
    with pytest.raises(SecretError, match=f"{algorithm} tokens are signed with a private key"):
        credentials(jwt(secret="env:NEW", algorithm=algorithm), SECRETS, b"{}", NOW_MS)


def refusal_of(scheme: Any, **options: Any) -> Any:
    """Sign a token with options and return why it is refused."""
    bearer = {"authorization": f"Bearer {token(scheme, SECRETS, NOW_MS, **options)}"}
    found = judged(scheme, bearer, b"{}")
    return found.refusal if isinstance(found, Rejected) else None


@pytest.mark.parametrize("name", [name for name in SCHEMES if name.startswith("jwt")])
def test_a_token_is_accepted_by_its_scheme(name: str) -> None:
    """Audience, issuer, permission and the claim's name are those that the scheme asks for."""
    assert refusal_of(SCHEMES[name]) is None


def test_a_token_can_be_made_wrong_on_purpose() -> None:
    """Options go before what the scheme asks for, so that refusals can be tried out."""
    scheme = SCHEMES["jwt with parties"]
    assert isinstance(refusal_of(scheme, permissions=[]), LacksPermission)
    assert isinstance(refusal_of(scheme, lifetime_s=-3_600), BadToken)
    assert isinstance(refusal_of(scheme, claims={"aud": "others"}), BadToken)
    assert refusal_of(scheme, claims={"more": 1}) is None
