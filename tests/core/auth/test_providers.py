"""The table of providers: each row against its vendor's library or a published vector.

``provider_vectors.json`` holds requests that a vendor's own library signed or accepts, or that a
vendor publishes. ``oracle`` says which, with the version. Where neither exists, it is the code or
the header in the vendor's documentation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from nbincoming.core.auth.diagnosis.diagnose import diagnose
from nbincoming.core.auth.proofs.signature_format import SignatureFormat
from nbincoming.core.auth.provider_scheme import ProviderScheme
from nbincoming.core.auth.providers import BY_NAME, PROVIDERS, Provider, near_names
from nbincoming.core.auth.schemes import provider
from nbincoming.core.auth.signing import credentials, signed
from nbincoming.core.auth.verification import compile_verify
from nbincoming.core.deduplication import Deduplication
from nbincoming.core.gateway import judge
from nbincoming.core.outcomes import Challenge, Rejected
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.model import Spec
from nbincoming.errors import SecretError, SpecError, Unauthorized
from tests.core.strategies import documents

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "provider_vectors.json").read_text()
)
NOW_MS = 1_795_000_000_000
HOST = (b"Host", b"hooks.example.com")

#: Secrets of the form that a provider's are, where any text is not.
SECRETS = {
    "standard-webhooks": b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "svix": b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "adyen": b"44782DEF547AAA06C910C43932B1EB0C",
    "adyen-platforms": b"44782DEF547AAA06C910C43932B1EB0C",
}
SYMMETRIC = [row.name for row in PROVIDERS if row.name not in ("sendgrid", "discord")]
TOKENS = ["gitlab", "telegram", "microsoft-graph", "azure-event-grid", "cloudevents"]

#: Bodies of the form that a provider sends, where not every JSON has a place for the proof.
BODIES: dict[str, Any] = {
    "adyen": {
        "live": "false",
        "notificationItems": [
            {
                "NotificationRequestItem": {
                    "pspReference": reference,
                    "amount": {"value": 1130, "currency": "EUR"},
                    "success": "true",
                }
            }
            for reference in ("1", "2")
        ],
    },
    "microsoft-graph": {"value": [{"id": "1"}, {"id": "2"}]},
    "mailgun": {"event-data": {"id": "1"}},
    "linear": {"action": "create"},
}


def secrets_for(name: str) -> dict[str, bytes]:
    """Return an old and a new secret."""
    secret = SECRETS.get(name, b"the secret of this sender")
    other = {"adyen": b"00ff", "adyen-platforms": b"00ff"}.get(name, b"whsec_b2xk")
    return {"env:NEW": secret, "env:OLD": other}


def scheme_for(name: str, **options: Any) -> ProviderScheme:
    """Make a scheme with two secrets, as during a rotation."""
    return provider(name, secret=["env:OLD", "env:NEW"], **options)


def send(name: str, body: bytes, now_ms: int = NOW_MS, **options: Any) -> Request:
    """Make a request as the provider sends it."""
    request = Request("POST", "/hook", (HOST,), body, now_ms)
    return signed(scheme_for(name, **options), secrets_for(name), request)


def verify(
    scheme: ProviderScheme, request: Request, secrets: Mapping[str, bytes] | None = None
) -> None:
    """Check a request."""
    compile_verify(scheme, secrets or secrets_for(scheme.provider))(request)


def body_for(name: str) -> bytes:
    """Return a body of the form that a provider sends."""
    return json_text(BODIES.get(name, {"id": "1"})).encode()


def recorded(vector: dict[str, Any]) -> tuple[ProviderScheme, Request, dict[str, bytes]]:
    """Return a vector's scheme, request and secrets."""
    pairs = tuple((name.encode(), value.encode()) for name, value in vector["headers"])
    parts = vector["method"], vector["target"], pairs, vector["body"].encode()
    scheme = provider(vector["provider"], secret="env:A", **vector.get("options", {}))
    return scheme, Request(*parts, vector["received_at_ms"]), {"env:A": vector["secret"].encode()}


# --- the vendors -----------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['provider']}: {v['oracle']}")
def test_what_the_vendor_signs_is_accepted(vector: dict[str, Any]) -> None:
    """Byte for byte as its library, its documentation or its tests have it."""
    verify(*recorded(vector))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['provider']}: {v['oracle']}")
def test_what_the_vendor_signs_is_refused_with_another_secret(vector: dict[str, Any]) -> None:
    """A refusal names neither the secret nor the signature."""
    scheme, request, secrets = recorded(vector)
    text = bytearray(secrets["env:A"])
    text[len(text) // 2] ^= 1 if vector["provider"] not in ("sendgrid", "discord") else 0
    if bytes(text) == secrets["env:A"]:  # a public key with a flipped bit is none
        request = request._replace(body=request.body + b" ")
    with pytest.raises(Unauthorized) as caught:
        verify(scheme, request, {"env:A": bytes(text)})
    for hidden in (bytes(text), *(value for _, value in request.headers if len(value) > 20)):
        assert hidden.decode("latin-1") not in str(caught.value)


def test_every_row_has_a_vector() -> None:
    """No row of the table is only believed."""
    assert {vector["provider"] for vector in VECTORS} == set(BY_NAME)


@pytest.mark.parametrize(
    "vector",
    [each for each in VECTORS if BY_NAME[each["provider"]].signs_time],
    ids=lambda v: v["provider"],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_vendors_old_request_is_refused(vector: dict[str, Any], sign: int) -> None:
    """A time is signed to be checked; the option `tolerance_s` allows more."""
    scheme, request, secrets = recorded(vector)
    late = request._replace(received_at_ms=request.received_at_ms + sign * 302_000)
    with pytest.raises(Unauthorized, match=r"30[12] s (old|ahead)"):
        verify(scheme, late, secrets)
    verify(scheme.model_copy(update={"tolerance_s": 400}), late, secrets)


# --- our own signatures ------------------------------------------------------------------


@pytest.mark.parametrize("name", SYMMETRIC)
@settings(max_examples=20)  # of each of thirty rows
@given(document=documents, now_ms=st.integers(1_000_000, 4_102_444_800_000))
def test_what_is_signed_as_a_provider_is_accepted(name: str, document: Any, now_ms: int) -> None:
    """Whatever the body and the time, the endpoint accepts what `nbincoming send` signs."""
    body = body_for(name) if name in BODIES else json_text(document).encode()
    verify(scheme_for(name), send(name, body, now_ms))


def flipped(rng: Any, raw: bytes) -> bytes:
    """Flip one bit."""
    text = bytearray(raw)
    text[rng.randrange(len(text))] ^= 1 << rng.randrange(8)
    return bytes(text)


#: What a signature inside the body does not cover is said in the row's note.
COVERING = [name for name in SYMMETRIC if name not in (*TOKENS, "mailgun", "adyen")]


@pytest.mark.parametrize("name", COVERING)
@settings(max_examples=20)
@given(rng=st.randoms(use_true_random=False))
def test_a_body_with_a_flipped_bit_is_refused(name: str, rng: Any) -> None:
    """Anywhere in the body."""
    request = send(name, body_for(name))
    with pytest.raises(Unauthorized):
        verify(scheme_for(name), request._replace(body=flipped(rng, request.body)))


@pytest.mark.parametrize("name", [name for name in SYMMETRIC if BY_NAME[name].proof.headers()])
@settings(max_examples=20)
@given(rng=st.randoms(use_true_random=False))
def test_a_proof_with_a_flipped_bit_is_refused(name: str, rng: Any) -> None:
    """A bit of the case of a hexadecimal digit excepted, which means the same."""
    request = send(name, body_for(name))
    proof = BY_NAME[name].proof
    header = proof.headers()[-1].encode()
    value = dict(request.headers)[header]
    changed = flipped(rng, value)
    is_hex = isinstance(proof, SignatureFormat) and proof.encoding == "hex"
    if is_hex and changed.lower() == value.lower():
        return
    pairs = tuple((n, changed if n == header else v) for n, v in request.headers)
    with pytest.raises(Unauthorized):
        verify(scheme_for(name), request._replace(headers=pairs))


def test_each_item_of_adyen_must_be_signed() -> None:
    """An unsigned item among signed ones is refused, and so is one whose signed field changed."""
    body = json.loads(send("adyen", body_for("adyen")).body)
    for change in ({"pspReference": "3"}, {"success": "false"}, {"additionalData": {}}):
        changed = json.loads(json_text(body))
        changed["notificationItems"][1]["NotificationRequestItem"].update(change)
        with pytest.raises(Unauthorized, match=r"notificationItems\[1\]"):
            verify(scheme_for("adyen"), Request("POST", "/", (), json_text(changed).encode(), 0))


def test_each_notification_of_graph_must_have_the_client_state() -> None:
    """One without it, or with another one, is refused."""
    body = json.loads(send("microsoft-graph", body_for("microsoft-graph")).body)
    for state in (None, "", "another", 5, ["the secret of this sender"]):
        body["value"][1]["clientState"] = state
        request = Request("POST", "/", (), json_text(body).encode(), 0)
        with pytest.raises(Unauthorized, match=r"value\[1\]"):
            verify(scheme_for("microsoft-graph"), request)


@pytest.mark.parametrize("name", ["adyen", "microsoft-graph", "mailgun", "linear"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"value":[]}', b"\xff", b"[" * 200])
def test_a_body_without_its_proof_is_not_authorized(name: str, body: bytes) -> None:
    """Also one that is not JSON: the answer is 401, as for every request without a proof."""
    with pytest.raises(Unauthorized):
        verify(scheme_for(name), Request("POST", "/", (), body, NOW_MS))


# --- URLs --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["twilio", "square", "hubspot"])
def test_a_signature_is_for_one_url(name: str) -> None:
    """Another host, another path or another query is refused."""
    request = send(name, b"{}")
    verify(scheme_for(name), request)
    for changed in (
        request._replace(target=request.target.replace("hook", "hooks")),
        request._replace(target=request.target + "?a=1"),
        request._replace(headers=((b"Host", b"other.example.com"), *request.headers[1:])),
        request._replace(headers=request.headers[1:]),
    ):
        with pytest.raises(Unauthorized):
            verify(scheme_for(name), changed)


@pytest.mark.parametrize("name", ["twilio", "square", "hubspot"])
def test_the_public_url_is_an_option(name: str) -> None:
    """Behind a proxy, the endpoint sees another host, scheme and path than the sender."""
    request = send(name, b"{}", url="https://public.example.com/in")
    inside = ((b"Host", b"10.0.0.1:8080"), *request.headers[1:])
    verify(scheme_for(name, url="https://public.example.com/in"), request._replace(headers=inside))
    with pytest.raises(Unauthorized):
        verify(scheme_for(name), request._replace(headers=inside))


@pytest.mark.parametrize("name", ["twilio", "square", "hubspot"])
def test_a_proxys_headers_count_only_if_the_spec_says_so(name: str) -> None:
    """Without the option, nobody can choose the URL by X-Forwarded-Host."""
    request = send(name, b"{}")
    proxied = (
        (b"Host", b"10.0.0.1"),
        (b"X-Forwarded-Host", b"hooks.example.com"),
        (b"X-Forwarded-Proto", b"https"),
        *request.headers[1:],
    )
    verify(scheme_for(name, url="forwarded"), request._replace(headers=proxied))
    with pytest.raises(Unauthorized):
        verify(scheme_for(name), request._replace(headers=proxied))


# --- the table and the scheme ------------------------------------------------------------


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_a_row_is_complete(row: Provider) -> None:
    """Its labels can be a deduplication key, its source is a page, its words are sentences."""
    assert Deduplication(parameters=row.key).parameters == row.key
    assert row.source.startswith("https://")
    assert row.setup.endswith(".")
    assert row.note == "" or row.note.endswith(".")
    assert row.name == row.name.lower()


def test_there_are_at_least_25_rows_with_names_of_their_own() -> None:
    """A second row of a name would hide the first."""
    assert len(BY_NAME) == len(PROVIDERS) >= 25


@pytest.mark.parametrize(
    ("name", "near"),
    [("strip", "stripe"), ("Git_Hub", "github"), ("graph", "microsoft-graph"), ("woo", "woocomm")],
)
def test_an_unknown_name_is_answered_with_near_ones(name: str, near: str) -> None:
    """With its place, and without the name, which may be a secret."""
    with pytest.raises(SpecError, match=rf"provider: No provider .*Did you mean .*{near}"):
        provider(name, secret="env:A")


def test_a_name_that_resembles_none_has_no_near_ones() -> None:
    """The message says where the list is."""
    assert near_names("zzzzzz") == near_names("") == []
    with pytest.raises(SpecError, match=r"has this name\. docs/providers\.md lists"):
        provider("zzzzzz", secret="env:A")


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("github", {"url": "https://example.com"}),
        ("github", {"tolerance_s": 5}),
        ("slack", {"verify_token": "env:V"}),
        ("square", {"url": "ftp://example.com"}),
        ("square", {"url": "https://example.com/?a=1"}),
        ("square", {"url": "https://user:sesame@example.com/"}),
    ],
)
def test_an_option_without_effect_or_meaning_is_refused(name: str, option: Any) -> None:
    """So nobody believes that it protects something."""
    with pytest.raises(SpecError, match=r"Remove|Write the URL") as caught:
        provider(name, secret="env:A", **option)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "secret", "words"),
    [
        ("svix", b"whsec_!", "is not base64"),
        ("adyen", b"xyz", "is not hexadecimal"),
        ("adyen", b" \n", "is empty"),
        ("adyen-platforms", b"xyz", "is not hexadecimal"),
        ("discord", b"00" * 31, "is not a public key for ed25519"),
        ("discord", b"zz" * 32, "is not a public key for ed25519"),
        ("sendgrid", b"SG.sesame", "is not a public key for ecdsa"),
        ("sendgrid", b"-----BEGIN PRIVATE KEY-----\nsesame", "is a private key"),
        ("telegram", b"sesame\x00", "has control characters"),
        ("gitlab", b" \n", "is empty"),
    ],
)
def test_an_unusable_secret_is_named_and_not_shown(name: str, secret: bytes, words: str) -> None:
    """When the spec is compiled, not with the first request."""
    with pytest.raises(SecretError, match=rf"env:A {words}") as caught:
        compile_verify(provider(name, secret="env:A"), {"env:A": secret})
    assert "sesame" not in str(caught.value)


def test_a_public_key_cannot_sign() -> None:
    """Only the sender has the private key."""
    pair = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex().encode()
    request = Request("POST", "/", (), b"{}", NOW_MS)
    with pytest.raises(SecretError, match="is a public key; only the sender"):
        signed(provider("discord", secret="env:A"), {"env:A": pair}, request)


@pytest.mark.parametrize("name", ["mailgun", "twilio", "linear"])
def test_headers_alone_cannot_carry_each_proof(name: str) -> None:
    """Those of these providers are in the body, or need the URL."""
    with pytest.raises(SecretError, match=r"no header can carry it|cannot be signed"):
        credentials(scheme_for(name), secrets_for(name), b"{}", NOW_MS)


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_a_row_names_the_headers_that_its_signature_covers(row: Provider) -> None:
    """They are among those that carry the proof; a token covers none."""
    covered = row.proof.signed_headers()
    assert set(covered) <= set(row.proof.headers())
    assert (row.name in TOKENS) <= (covered == ())


def test_the_handshake_of_a_provider_is_metas() -> None:
    """WhatsApp has it, and needs the verify token; others answer no GET."""
    spec = {"name": "x", "endpoint": "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d"}
    target = "/?hub.mode=subscribe&hub.verify_token=right&hub.challenge=1158"
    request = Request("GET", target, (), b"", NOW_MS)
    secrets = {"env:A": b"secret", "env:V": b"right"}
    shaking = provider("whatsapp", secret="env:A", verify_token="env:V")
    assert judge(request, Spec(**spec, authorization=shaking), secrets) == Challenge("1158")
    other = request._replace(target=target.replace("right", "wrong"))
    findings = diagnose(other, shaking, secrets)
    assert "hub.verify_token is not the one set here" in str(findings[0])
    for scheme in (provider("whatsapp", secret="env:A"), provider("github", secret="env:A")):
        judged = judge(request, Spec(**spec, authorization=scheme), secrets)
        assert isinstance(judged, Rejected)


@pytest.mark.parametrize("name", ["square", "adyen"])
def test_a_request_without_what_is_signed_cannot_be_signed(name: str) -> None:
    """Square signs the URL, Adyen the items of the body."""
    with pytest.raises(SecretError, match="The request cannot be signed"):
        signed(scheme_for(name), secrets_for(name), Request("POST", "/", (), b"{}", NOW_MS))
