"""The usual mistakes with proofs: each is reported, and no secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.diagnosis.diagnose import diagnose
from nbincoming.core.auth.providers import PROVIDERS, Provider
from nbincoming.core.auth.schemes import Authorization, basic, header, hmac_signature, provider
from nbincoming.core.request.message import Request
from tests.core.auth.test_providers import SYMMETRIC, body_for, scheme_for, secrets_for, send
from tests.core.strategies import requests

NOW_MS = 1_795_000_000_000
NOW = str(NOW_MS // 1000).encode()
SECRET = b"0123456789abcdef0123456789abcdef"
BODY = b'{"a": 1}'
HOST = (b"host", b"hooks.example.com")
PAIR = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PAIR.public_key().public_bytes_raw().hex().encode()


def mac(content: bytes, secret: bytes = SECRET, digest: str = "sha256") -> bytes:
    """Sign a content."""
    return hmac.new(secret, content, getattr(hashlib, digest)).digest()


def text(made: bytes) -> bytes:
    """Write a signature in hexadecimal."""
    return made.hex().encode()


def ask(
    scheme: Authorization,
    headers: Mapping[str, bytes],
    secret: bytes = SECRET,
    target: str = "/hook",
    body: bytes = BODY,
) -> str:
    """Diagnose a request, and return the findings as one text."""
    pairs = (HOST, *((name.encode(), value) for name, value in headers.items()))
    secrets = dict.fromkeys(scheme.secret_names(), secret)
    findings = diagnose(Request("POST", target, pairs, body, NOW_MS), scheme, secrets)
    said = " ".join(map(str, findings))
    assert secret.decode() not in said
    for value in headers.values():
        assert len(value) < 20 or value.decode("latin-1") not in said
    return said


def stripe(content: bytes, stamp: bytes = NOW, **options: Any) -> dict[str, bytes]:
    """Sign as Stripe does."""
    return {"stripe-signature": b"t=" + stamp + b",v1=" + text(mac(content, **options))}


def slack(content: bytes, stamp: bytes = NOW) -> dict[str, bytes]:
    """Sign as Slack does."""
    made = b"v0=" + text(mac(content))
    return {"x-slack-signature": made, "x-slack-request-timestamp": stamp}


STRIPE = provider("stripe", secret="env:A")
SLACK = provider("slack", secret="env:A")
HUBSPOT = provider("hubspot", secret="env:A")
TOKEN = header("x-api-key", secret="env:A")
BEARER = header("authorization", secret="env:A", prefix="Bearer ")
BASIC = basic(secret="env:A")
USER = b"me:open sesame please"
URL = b"https://hooks.example.com/hook"
MS = NOW + b"000"


def hubspot(url: bytes, stamp: bytes = MS) -> dict[str, bytes]:
    """Sign as HubSpot does."""
    made = base64.b64encode(mac(b"POST" + url + BODY + stamp))
    return {"x-hubspot-signature-v3": made, "x-hubspot-request-timestamp": stamp}


MISTAKES: dict[str, str] = {
    "Stripe without a time": ask(STRIPE, stripe(BODY)),
    "Stripe, old": ask(STRIPE, stripe(b"1794999000." + BODY, b"1794999000")),
    "Stripe, milliseconds": ask(STRIPE, stripe(MS + b"." + BODY, MS)),
    "Stripe, re-serialised": ask(STRIPE, stripe(NOW + b'.{"a":1}')),
    "Stripe without v1": ask(STRIPE, {"stripe-signature": b"t=" + NOW}),
    "Stripe, SHA-512": ask(STRIPE, stripe(NOW + b"." + BODY, digest="sha512")),
    "Stripe, an API key": ask(STRIPE, stripe(BODY), b"sk_live_0123456789abcdef"),
    "Slack, dots": ask(SLACK, slack(b"v0:" + NOW + b":" + BODY + b" ")),
    "Slack, the body alone": ask(SLACK, slack(BODY)),
    "Slack, no time": ask(SLACK, {"x-slack-signature": b"v0=" + text(mac(BODY))}),
    "Slack, a bot token": ask(SLACK, slack(BODY), b"xoxb-0123456789-abcdef"),
    "Svix for Standard": ask(
        provider("standard-webhooks", secret="env:A"), {"svix-signature": b"v1,AAAA"}, b"whsec_QUJD"
    ),
    "GitHub, SHA-1": ask(
        provider("github", secret="env:A"), {"x-hub-signature": b"sha1=" + text(mac(BODY))}
    ),
    "HubSpot, http": ask(HUBSPOT, hubspot(b"http" + URL[5:])),
    "HubSpot, a slash": ask(HUBSPOT, hubspot(URL + b"/")),
    "HubSpot, seconds": ask(HUBSPOT, hubspot(URL, NOW)),
    "HubSpot, a proxy": ask(
        HUBSPOT,
        {
            **hubspot(b"https://public.example.com/hook"),
            "x-forwarded-host": b"public.example.com",
            "x-forwarded-proto": b"https",
        },
    ),
    "Twilio, http": ask(
        provider("twilio", secret="env:A"),
        {
            "content-type": b"application/x-www-form-urlencoded",
            "x-twilio-signature": base64.b64encode(
                mac(b"http://hooks.example.com/hookab", digest="sha1")
            ),
        },
        body=b"a=b",
    ),
    "Adyen, the key as text": ask(
        provider("adyen-platforms", secret="env:A"),
        {"hmacsignature": base64.b64encode(mac(BODY))},
    ),
    "Discord, a changed body": ask(
        provider("discord", secret="env:A"),
        {
            "x-signature-ed25519": text(PAIR.sign(NOW + b'{"a":1}')),
            "x-signature-timestamp": NOW,
        },
        PUBLIC,
    ),
    "Discord, another key": ask(
        provider("discord", secret="env:A"),
        {"x-signature-ed25519": b"00" * 64, "x-signature-timestamp": NOW},
        PUBLIC,
    ),
    "base64url": ask(
        hmac_signature(secret="env:A", header="x-s", encoding="base64url"),
        {"x-s": text(mac(BODY))},
    ),
    "token, none": ask(TOKEN, {}),
    "token, Bearer": ask(TOKEN, {"x-api-key": b"Bearer " + SECRET}),
    "token, no Bearer": ask(BEARER, {"authorization": SECRET}),
    "token, another header": ask(TOKEN, {"authorization": b"Bearer " + SECRET}),
    "token, another": ask(TOKEN, {"x-api-key": b"x" * 32}),
    "Basic, Bearer": ask(BASIC, {"authorization": b"Bearer abc"}, USER),
    "Basic, another password": ask(
        BASIC, {"authorization": b"Basic " + base64.b64encode(b"me:another")}, USER
    ),
    "Basic, another user": ask(
        BASIC, {"authorization": b"Basic " + base64.b64encode(b"you:open")}, USER
    ),
    "Basic, only base64": ask(BASIC, {"authorization": base64.b64encode(USER)}, USER),
    "Basic, none": ask(BASIC, {}, USER),
}  # fmt: skip
WORDS = {
    "Stripe without a time": "signed the body without the time; sign <time>.<body>",
    "Stripe, old": "is 1,000 s old",
    "Stripe, milliseconds": "stripe-signature (t) is in milliseconds. Send it in seconds",
    "Stripe, re-serialised": "signed the body as compact JSON",
    "Stripe without v1": "has no member v1=",
    "Stripe, SHA-512": "signed with sha512, not sha256",
    "Stripe, an API key": "starts with sk_, so it is an API key of Stripe",
    "Slack, dots": "None of the usual mistakes explains it",
    "Slack, the body alone": "signed the body without the time; sign v0:<time>:<body>",
    "Slack, no time": "x-slack-request-timestamp is missing",
    "Slack, a bot token": "starts with xoxb-, so it is a bot token of Slack",
    "Svix for Standard": "use the provider svix",
    "GitHub, SHA-1": "the old one of SHA-1",
    "HubSpot, http": "signed the URL with http; set the option url",
    "HubSpot, a slash": "signed the URL with a slash at its end",
    "HubSpot, seconds": "is in seconds. Send it in milliseconds",
    "HubSpot, a proxy": "signed the URL that the proxy received; set the option url",
    "Twilio, http": "signed the URL with http",
    "Adyen, the key as text": "did not decode the secret from hexadecimal",
    "Discord, a changed body": "signed the body as compact JSON",
    "Discord, another key": "does not belong to this public key",
    "base64url": "wrote the signature in hex, not base64url",
    "token, none": "The header x-api-key is missing",
    "token, Bearer": "is right, but not how it is written. Send it with nothing before it",
    "token, no Bearer": "Send it with 'Bearer ' before it",
    "token, another header": "but the right token in authorization is there",
    "token, another": "is another one",
    "Basic, Bearer": "is not 'Basic'",
    "Basic, another password": "The password is not the one",
    "Basic, another user": "The user is not the one",
    "Basic, only base64": "It has only the base64 text",
    "Basic, none": "authorization is missing",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_reported(name: str) -> None:
    """In words that say what to do, without a secret."""
    assert WORDS[name] in MISTAKES[name]


def test_a_header_given_twice_is_reported() -> None:
    """A token that is right counts only once, too."""
    pairs = ((b"x-api-key", SECRET), (b"x-api-key", SECRET))
    (found,) = diagnose(Request("POST", "/", pairs, BODY, NOW_MS), TOKEN, {"env:A": SECRET})
    assert "The header x-api-key is given 2 times" in str(found)


def test_a_right_signature_that_is_late_is_only_late() -> None:
    """The finding about the time is the only one."""
    headers = {
        "x-signature-ed25519": text(PAIR.sign(b"1794999000" + BODY)),
        "x-signature-timestamp": b"1794999000",
    }
    said = ask(provider("discord", secret="env:A"), headers, PUBLIC)
    assert "1,000 s old" in said
    assert "signature" not in said.replace("x-signature-timestamp", "")


def test_a_template_with_only_a_header_has_no_part_to_leave_out() -> None:
    """Nothing is guessed."""
    scheme = hmac_signature(secret="env:A", header="x-s", signed="{header:x-a}{body}")
    said = ask(scheme, {"x-a": b"a", "x-s": text(mac(BODY))})
    assert "None of the usual mistakes explains it" in said


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_a_secret_of_another_kind_is_recognised_in_every_row(row: Provider) -> None:
    """By how it starts; the finding says which secret is needed."""
    scheme = provider(row.name, secret="env:A")
    for start, what in row.wrong_secrets.items():
        secret = start.encode() + b"0123456789"
        request = Request("POST", "/", (HOST,), BODY, NOW_MS)
        said = [str(each) for each in diagnose(request, scheme, {"env:A": secret})]
        is_unusable = row.name in ("sendgrid", "adyen", "adyen-platforms")
        assert is_unusable or (what in said[0] and row.setup in said[0])


@pytest.mark.parametrize("name", SYMMETRIC)
def test_a_good_request_of_a_provider_has_no_finding(name: str) -> None:
    """And one that is late by a day has one, if a time is signed."""
    request = send(name, body_for(name))
    assert diagnose(request, scheme_for(name), secrets_for(name)) == []


@given(request=requests, row=st.sampled_from(PROVIDERS))
def test_every_refused_request_of_a_provider_has_a_finding(request: Request, row: Provider) -> None:
    """Nothing is raised, whatever the request is."""
    scheme = provider(row.name, secret="env:A")
    secrets = {"sendgrid": SENDGRID, "discord": PUBLIC, "svix": b"whsec_QUJD"}
    value = secrets.get(row.name, b"00ff")
    assert diagnose(replace_method(request), scheme, {"env:A": value})


SENDGRID = (
    b"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+"
    b"2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
)


def replace_method(request: Request) -> Request:
    """Make a POST of a request, because a GET is a handshake."""
    return request._replace(method="POST")
