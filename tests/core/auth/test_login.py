"""The login exchanges an API key for a token that the endpoint accepts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nbincoming.core.auth.login import (
    LOGIN_PATH,
    MIN_KEY_LENGTH,
    ApiKey,
    TokenIssuer,
    find_key,
    key_record,
    login,
    login_unavailable,
)
from nbincoming.core.auth.schemes import Jwt, jwt
from nbincoming.core.gateway import Gateway
from nbincoming.core.outcomes import (
    Candidate,
    Rejected,
)
from nbincoming.core.request.message import Request, Response
from nbincoming.core.spec.model import Spec
from nbincoming.errors import (
    BadApiKey,
    BadHeader,
    BadJSON,
    BadToken,
    BodyTooLarge,
    LacksPermission,
    MethodNotAllowed,
    Refusal,
    UnsupportedMediaType,
)
from tests.core.strategies import requests

NOW_MS = 1_795_000_000_000
SECRET = b"0123456789abcdef0123456789abcdef"
SCHEME = jwt(secret="env:KEY")
KEY = "4f6c2d1e-8a44-4c4e-9d3e-0d1f0a1b2c3d"
RECORDS = (
    key_record("f" * 40, name="other", created_at_ms=1),
    key_record(KEY, name="crm", created_at_ms=2),
    key_record("r" * 40, name="reader", created_at_ms=3, permissions=["READ"]),
)
JSON = (b"content-type", b"application/json")


def login_request(body: object, method: str = "POST", headers: Any = (JSON,)) -> Request:
    """Make the request of a login."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(method, LOGIN_PATH, headers, raw, NOW_MS)


def issuer(
    records: Sequence[ApiKey] = RECORDS, scheme: Jwt = SCHEME, secret: bytes = SECRET
) -> TokenIssuer:
    """Make the issuer of an endpoint's tokens."""
    return TokenIssuer(lambda: records, scheme, secret)


def token_of(response: Response) -> str:
    """Return the token in the response of a login."""
    assert response.status == 200
    token: str = json.loads(response.body)["token"]
    return token


def call(scheme: Jwt, secret: bytes, token: str, later_s: int = 0) -> Candidate | Refusal:
    """Call the endpoint with a token."""
    spec = Spec(name="x", endpoint="0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d", authorization=scheme)
    headers = (JSON, (b"authorization", b"Bearer " + token.encode()))
    request = Request("POST", "/", headers, b"{}", NOW_MS + later_s * 1000)
    judged = Gateway(spec, {"env:KEY": secret}).judge(request)
    if isinstance(judged, Rejected):
        return judged.refusal
    assert isinstance(judged, Candidate)
    return judged


def test_a_key_is_exchanged_for_a_token_that_the_endpoint_accepts() -> None:
    """The response is JSON that no cache may keep."""
    answer = login(login_request({"apiKey": KEY}), [issuer()])
    scheme = jwt(secret="env:KEY")
    assert isinstance(call(scheme, SECRET, token_of(answer)), Candidate)
    assert ("Cache-Control", "no-store") in answer.headers
    assert ("Content-Type", "application/json") in answer.headers


def test_a_token_lasts_an_hour() -> None:
    """It is valid for its lifetime and the leeway, and not longer."""
    token = token_of(login(login_request({"apiKey": KEY}), [issuer()]))
    scheme = jwt(secret="env:KEY")
    assert isinstance(call(scheme, SECRET, token, 3_600 + 59), Candidate)
    assert isinstance(call(scheme, SECRET, token, 3_600 + 60), BadToken)


def test_a_token_has_the_claims_that_the_scheme_requires() -> None:
    """Audience, issuer and the name of the permissions claim come from the scheme."""
    scheme = jwt(secret="env:KEY", audience="us", issuer="them", permissions_claim="scope")
    token = token_of(login(login_request({"apiKey": KEY}), [issuer(scheme=scheme)]))
    assert isinstance(call(scheme, SECRET, token), Candidate)
    assert isinstance(
        call(scheme, SECRET, token_of(login(login_request({"apiKey": KEY}), [issuer()]))),
        BadToken,
    )


def test_the_issuer_that_has_the_key_answers() -> None:
    """One login serves several endpoints, and each API key gets tokens for its own."""
    other = issuer(records=RECORDS[:1], secret=b"x" * 32)
    token = token_of(login(login_request({"apiKey": KEY}), [other, issuer()]))
    assert isinstance(call(SCHEME, SECRET, token), Candidate)


def test_a_login_without_issuers_knows_no_key() -> None:
    """It refuses as for any unknown key."""
    with pytest.raises(BadApiKey):
        login(login_request({"apiKey": KEY}), [])


def test_an_issuer_does_not_show_its_secret() -> None:
    """Its repr has neither the secret nor the keys."""
    assert "0123456789" not in repr(issuer())


def test_a_private_key_signs_for_an_endpoint_with_the_public_key() -> None:
    """The login works with asymmetric algorithms, too."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    scheme = jwt(secret="env:KEY", algorithm="ES256")
    token = token_of(login(login_request({"apiKey": KEY}), [issuer(scheme=scheme, secret=private)]))
    assert isinstance(call(scheme, public, token), Candidate)


def test_a_token_has_just_the_permissions_of_its_key() -> None:
    """A key without the permission logs in, and its token is refused with 403."""
    token = token_of(login(login_request({"apiKey": "r" * 40}), [issuer()]))
    assert isinstance(call(jwt(secret="env:KEY"), SECRET, token), LacksPermission)


def test_a_revoked_key_is_refused_as_an_unknown_one() -> None:
    """Both get the same refusal, so a sender cannot tell whether a key existed."""
    answers = []
    for key, records in ((KEY, RECORDS[:1]), ("never was, but is long enough", RECORDS)):
        with pytest.raises(BadApiKey) as caught:
            login(login_request({"apiKey": key}), [issuer(records=records)])
        assert key not in str(caught.value)
        answers.append((str(caught.value), caught.value.headers))
    assert answers[0] == answers[1]
    assert answers[0][1][0][0] == "WWW-Authenticate"


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (login_request({"apiKey": KEY}, method="GET"), MethodNotAllowed),
        (login_request({"apiKey": KEY, "pad": "x" * 8_192}), BodyTooLarge),
        (login_request({"apiKey": KEY}, headers=()), UnsupportedMediaType),
        (login_request({"apiKey": KEY}, headers=(JSON, JSON)), BadHeader),
        (login_request(b"{"), BadJSON),
        (login_request([KEY]), BadJSON),
        (login_request({"apikey": KEY}), BadJSON),
        (login_request({"apiKey": 5}), BadJSON),
        (login_request({"apiKey": None}), BadJSON),
        (login_request({"apiKey": ""}), BadApiKey),
        (login_request({"apiKey": KEY.upper()}), BadApiKey),
        (login_request({"apiKey": KEY + "\n"}), BadApiKey),
    ],
)
def test_any_other_login_is_refused(request_: Request, refusal: type[Refusal]) -> None:
    """The refusal says what is wrong and does not repeat the key."""
    with pytest.raises(refusal) as caught:
        login(request_, [issuer()])
    assert KEY not in str(caught.value).lower()


@given(request_=requests)
def test_every_request_gets_a_response_or_a_refusal(request_: Request) -> None:
    """Nothing but refusals escapes the login."""
    try:
        status = login(request_, [issuer()]).status
    except Refusal as refusal:
        status = refusal.status
    assert status == 200 or 400 <= status < 500


@given(key=st.text(min_size=MIN_KEY_LENGTH))
def test_a_key_is_found_by_its_hash(key: str) -> None:
    """A record matches only its own key, and contains no part of it."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return  # JSON in UTF-8 cannot contain it
    record = key_record(key, name="x", created_at_ms=0)
    assert find_key(key, [*RECORDS, record]) is record
    assert find_key(key + "x", [*RECORDS, record]) is None
    assert key not in str(record.data())


def test_a_lone_surrogate_is_no_key() -> None:
    """It matches no record, and raises nothing."""
    assert find_key("\ud800" * 40, RECORDS) is None


def test_a_login_whose_keys_cannot_be_read_is_refused_for_now() -> None:
    """The status is 503 with Retry-After, because the key may be valid."""
    refusal = login_unavailable(7)
    assert refusal.status == 503
    assert refusal.headers == (("Retry-After", "7"),)


def test_a_key_that_can_be_guessed_is_refused() -> None:
    """The message says how long a key must be, and does not quote it."""
    with pytest.raises(ValueError, match="at least 32 random characters; this one has 6") as caught:
        key_record("sesame", name="x", created_at_ms=0)
    assert "sesame" not in str(caught.value)


def test_a_record_reads_back() -> None:
    """The JSON form of a record makes the same record again."""
    assert [ApiKey.model_validate(record.data()) for record in RECORDS] == list(RECORDS)


def test_a_wrong_record_is_refused_without_showing_it() -> None:
    """The value may be the key itself in place of its hash."""
    with pytest.raises(ValidationError) as caught:
        ApiKey.model_validate({"name": "x", "sha256": KEY, "created_at_ms": 0})
    assert KEY not in str(caught.value)
