"""Signatures and the credentials that make them: twins, for every scheme."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from nbincoming.core.auth.scheme_fields import Scheme
from nbincoming.core.auth.schemes import hmac_signature, meta, standard_webhooks
from nbincoming.core.auth.signature_schemes import Hmac
from nbincoming.core.auth.signatures import (
    DEFAULT_TOLERANCE_S,
    decode_signature,
    encode_signature,
    sign_standard,
    standard_key,
)
from nbincoming.core.auth.signing import credentials
from nbincoming.core.auth.verification import compile_verify
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import json_text
from nbincoming.errors import BadSignature, MissingCredentials, Unauthorized
from tests.core.strategies import documents

NOW_MS = 1_795_000_000_000
OLD, NEW = b"an old secret", b"a new secret"
STANDARD = b"whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef")
SECRETS = {"env:OLD": OLD, "env:NEW": NEW, "env:STANDARD": STANDARD}
SCHEMES: dict[str, Scheme] = {
    "meta": meta(secret=["env:OLD", "env:NEW"]),
    "standard": standard_webhooks(secret="env:STANDARD"),
    **{
        f"{digest}-{encoding}": hmac_signature(
            secret="env:NEW", header="X-Sign", algorithm=digest, encoding=encoding, prefix="v1="
        )
        for digest in ("sha1", "sha256", "sha384", "sha512")
        for encoding in ("hex", "base64")
    },
    "timed": hmac_signature(secret="env:NEW", header="X-Sign", timestamp_header="X-Time"),
}
json_texts = documents.map(json_text)
TIMED = [name for name in SCHEMES if name in ("timed", "standard")]


def signed(scheme: Scheme, body: bytes, now_ms: int = NOW_MS) -> Request:
    """Make a request that its sender signed."""
    headers = credentials(scheme, SECRETS, body, now_ms)  # type: ignore[arg-type]
    pairs = tuple((name.encode(), value.encode()) for name, value in headers.items())
    return Request("POST", "/", pairs, body, now_ms)


def verify(scheme: Scheme, request: Request) -> None:
    """Check a request."""
    compile_verify(scheme, SECRETS)(request)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SCHEMES)
@given(body=st.binary(max_size=200), spoiled=st.binary(max_size=200))
def test_what_a_sender_signs_is_accepted_and_nothing_else(
    name: str, body: bytes, spoiled: bytes
) -> None:
    """Any bytes, JSON or not; the same signature under other bytes is refused."""
    request = signed(SCHEMES[name], body)
    verify(SCHEMES[name], request)
    if spoiled != body:
        with pytest.raises(BadSignature):
            verify(SCHEMES[name], request._replace(body=spoiled))


@pytest.mark.parametrize("name", SCHEMES)
@given(value=st.binary(max_size=80))
def test_a_made_up_signature_is_refused(name: str, value: bytes) -> None:
    """Whatever its bytes; nothing but a refusal escapes."""
    request = signed(SCHEMES[name], b"{}")
    pairs = tuple((header, value) for header, _ in request.headers)
    with pytest.raises(Unauthorized):
        verify(SCHEMES[name], request._replace(headers=pairs))


@pytest.mark.parametrize("name", SCHEMES)
def test_a_request_without_signature_lacks_credentials(name: str) -> None:
    """Which header is missing is said."""
    with pytest.raises(MissingCredentials, match="is missing"):
        verify(SCHEMES[name], Request("POST", "/", (), b"{}", NOW_MS))


@pytest.mark.parametrize("secret", ["env:OLD", "env:NEW"])
def test_any_secret_in_force_may_have_signed(secret: str) -> None:
    """Rotation is adding one."""
    verify(SCHEMES["meta"], signed(meta(secret=secret), b"{}"))


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_signed_time_must_be_near(name: str, sign: int) -> None:
    """The tolerance is included, on both sides."""
    request = signed(SCHEMES[name], b"{}")
    near, far = (NOW_MS + sign * (DEFAULT_TOLERANCE_S + more) * 1000 for more in (0, 1))
    verify(SCHEMES[name], request._replace(received_at_ms=near))
    with pytest.raises(BadSignature, match="300 s are allowed"):
        verify(SCHEMES[name], request._replace(received_at_ms=far))


def test_one_of_several_standard_signatures_is_enough() -> None:
    """As a sender that rotates its secrets sends them."""
    request = signed(SCHEMES["standard"], b"{}")
    headers = dict(request.headers)
    headers[b"webhook-signature"] = b"v1,AAAA v2,x " + headers[b"webhook-signature"]
    verify(SCHEMES["standard"], request._replace(headers=tuple(headers.items())))


def official(secret: bytes = STANDARD) -> Webhook:
    """Return the official library's twin of ours."""
    return Webhook(secret.decode())


@given(body=json_texts, identity=st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True))
def test_what_the_official_library_signs_is_accepted(body: str, identity: str) -> None:
    """Standard Webhooks, as its own implementation has it."""
    when = datetime.fromtimestamp(NOW_MS // 1000, tz=UTC)
    headers = {
        "webhook-id": identity,
        "webhook-timestamp": str(NOW_MS // 1000),
        "webhook-signature": official().sign(identity, when, body),
    }
    pairs = tuple((name.encode(), value.encode()) for name, value in headers.items())
    verify(SCHEMES["standard"], Request("POST", "/", pairs, body.encode(), NOW_MS))


@given(body=json_texts)
def test_events_are_signed_as_the_official_library_signs(body: str) -> None:
    """The relay signs what it delivers by the same standard."""
    stamp = str(NOW_MS // 1000)
    made = sign_standard(standard_key(STANDARD), b"msg_1", stamp.encode(), body.encode())
    when = datetime.fromtimestamp(NOW_MS // 1000, tz=UTC)
    assert made.decode() == official().sign("msg_1", when, body)


@given(mac=st.binary(max_size=70), encoding=st.sampled_from(["hex", "base64", "base64url"]))
def test_a_written_signature_reads_back(mac: bytes, encoding: Any) -> None:
    """In each encoding; what is not valid in it is no signature."""
    assert decode_signature(encode_signature(mac, encoding), encoding) == mac
    assert decode_signature(encode_signature(mac, encoding) + b"!", encoding) is None


@given(body=json_texts)
def test_the_official_library_accepts_what_we_sign(body: str) -> None:
    """And not under another body."""
    now_ms = time.time_ns() // 1_000_000  # the library has a clock of its own
    raw = dict(signed(SCHEMES["standard"], body.encode(), now_ms).headers)
    headers = {name.decode(): value.decode() for name, value in raw.items()}
    official().verify(body.encode(), headers)
    with pytest.raises(WebhookVerificationError):
        official().verify(body.encode() + b" ", headers)


@pytest.mark.parametrize("length", range(1, 9))
def test_a_standard_secret_is_read_as_the_official_library_reads_it(length: int) -> None:
    """With padding and without, with the prefix and without."""
    key = b"key 4567"[:length]
    padded = base64.b64encode(key)
    for text in (padded, padded.rstrip(b"="), b"whsec_" + padded, b"whsec_" + padded.rstrip(b"=")):
        assert standard_key(text) == key == official(text)._whsecret


@pytest.mark.parametrize("secret", [b"whsec_", b"whsec_==", b"=="])
def test_a_standard_secret_of_nothing_is_refused(secret: bytes) -> None:
    """Anybody could sign by it."""
    with pytest.raises(ValueError, match="is empty"):
        standard_key(secret)


def test_a_standard_secret_that_is_not_base64_is_said_to_be_none() -> None:
    """Without quoting it."""
    with pytest.raises(ValueError, match="is not base64") as caught:
        standard_key(b"whsec_not base64!")
    assert "not base64!" not in str(caught.value)


def test_a_scheme_holds_names_and_no_values() -> None:
    """What a spec would contain."""
    scheme = SCHEMES["timed"]
    assert isinstance(scheme, Hmac)
    assert scheme.data() == {
        "scheme": "hmac",
        "secrets": ["env:NEW"],
        "header": "x-sign",
        "timestamp_header": "x-time",
    }
