"""A signature in a header, as `nbi.hmac` describes it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.schemes import hmac_signature
from nbincoming.core.auth.signatures import sign
from nbincoming.core.auth.signing import signed
from nbincoming.core.auth.verification import compile_verify
from nbincoming.core.request.message import Request
from nbincoming.errors import MissingCredentials, SecretError, SpecError, Unauthorized

NOW_MS = 1_795_000_000_123
SECRETS = {"env:A": b"00ff", "env:OLD": b"aaaa"}
HOST = (b"Host", b"hooks.example.com")
FORMATS: dict[str, dict[str, Any]] = {
    "the body": {},
    "base64url": {"encoding": "base64url", "algorithm": "sha512", "prefix": "v1="},
    "Slack": {"signed": "v0:{timestamp}:{body}", "timestamp_header": "x-time", "prefix": "v0="},
    "Stripe": {"member": "v1", "timestamp_member": "t"},
    "Paddle": {
        "signed": "{timestamp}:{body}", "member": "h1", "timestamp_member": "ts", "separator": ";",
    },
    "a member without a time": {"member": "sig"},
    "milliseconds": {"timestamp_header": "x-time", "timestamp_format": "ms"},
    "ISO 8601": {"timestamp_header": "x-time", "timestamp_format": "iso8601"},
    "an id": {
        "signed": "{id}.{timestamp}.{body}", "id_header": "x-id", "timestamp_header": "x-time",
        "separator": " ", "encoding": "base64",
    },
    "method and path": {"signed": "{method} {path}\n{header:X-Event}\n{body}"},
    "a URL": {"signed": "{url}{body}"},
    "a secret in hexadecimal": {"secret_encoding": "hex"},
    "a secret in base64": {"secret_encoding": "base64"},
    "the time twice": {"signed": "{timestamp}{body}{timestamp}", "timestamp_header": "x-time"},
}  # fmt: skip
TIMED = ["Slack", "Stripe", "Paddle", "milliseconds", "ISO 8601", "an id", "the time twice"]


def scheme(name: str) -> Any:
    """Make the scheme of a format."""
    return hmac_signature(secret=["env:OLD", "env:A"], header="X-Sign", **FORMATS[name])


def send(name: str, body: bytes = b"{}", now_ms: int = NOW_MS) -> Request:
    """Make a request as the sender does."""
    request = Request("POST", "/hook?a=1", (HOST, (b"X-Event", b"push")), body, now_ms)
    return signed(scheme(name), SECRETS, request)


def verify(name: str, request: Request) -> None:
    """Check a request."""
    compile_verify(scheme(name), SECRETS)(request)


def value_of(request: Request) -> bytes:
    """Return the signature's header."""
    (value,) = request.header(b"x-sign")
    return value


def with_value(request: Request, value: bytes) -> Request:
    """Replace the signature's header."""
    others = (pair for pair in request.headers if pair[0] != b"x-sign")
    return request._replace(headers=(*others, (b"X-Sign", value)))


@pytest.mark.parametrize("name", FORMATS)
@given(body=st.binary(max_size=50), other=st.binary(max_size=50), now_ms=st.integers(0, 10**13))
def test_what_is_signed_is_accepted_and_nothing_else(
    name: str, body: bytes, other: bytes, now_ms: int
) -> None:
    """In every format, whatever the body and the time."""
    request = send(name, body, now_ms)
    verify(name, request)
    if body != other:
        with pytest.raises(Unauthorized):
            verify(name, request._replace(body=other))


@pytest.mark.parametrize("name", FORMATS)
@given(value=st.binary(max_size=80))
def test_nothing_but_refusals_escapes(name: str, value: bytes) -> None:
    """Whatever the headers that carry the proof contain."""
    request = send(name)
    for header in ("x-sign", "x-time", "x-id"):
        pairs = tuple((n, value if n == header.encode() else v) for n, v in request.headers)
        if pairs != request.headers and value != dict(request.headers)[header.encode()]:
            with pytest.raises(Unauthorized):
                verify(name, request._replace(headers=pairs))


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("sign", [1, -1])
def test_an_old_time_is_refused(name: str, sign: int) -> None:
    """Of whatever format, and however far it is in the future."""
    request = send(name)
    verify(name, request._replace(received_at_ms=NOW_MS + sign * 299_000))
    with pytest.raises(Unauthorized, match=r"30[12] s (old|ahead); 300 s are allowed"):
        verify(name, request._replace(received_at_ms=NOW_MS + sign * 301_500))


@pytest.mark.parametrize(
    ("name", "stamp", "words"),
    [
        ("milliseconds", b"soon", "not a time in whole milliseconds"),
        ("ISO 8601", b"1795000000", "not a time in ISO 8601"),
        ("ISO 8601", b"\xff", "not a time in ISO 8601"),
        ("Slack", b"9" * 13, "not a time in whole seconds"),
    ],
)
def test_what_is_no_time_is_refused(name: str, stamp: bytes, words: str) -> None:
    """The message says which format is needed."""
    request = send(name)
    pairs = tuple((n, stamp if n == b"x-time" else v) for n, v in request.headers)
    with pytest.raises(Unauthorized, match=words):
        verify(name, request._replace(headers=pairs))


def test_one_of_several_signatures_is_enough() -> None:
    """During a rotation a sender signs with both secrets; spaces around them do not count."""
    for name, others in (
        ("Stripe", b"v1=%s,v0=aa , v1="),
        ("Paddle", b"h1=%s;h1="),
    ):
        request = send(name)
        time, _, mac = value_of(request).partition(b"," if name == "Stripe" else b";")
        mac = mac.partition(b"=")[2]
        separator = b"," if name == "Stripe" else b";"
        more = others.replace(b"%s", b"0" * 64)
        verify(name, with_value(request, time + separator + more + mac))
    request = send("an id")
    verify("an id", with_value(request, b"AAAA  " + value_of(request) + b" BBBB"))


def test_no_more_than_ten_signatures_are_tried() -> None:
    """So that a header cannot cost much time."""
    request = send("an id")
    verify("an id", with_value(request, b"AAAA " * 9 + value_of(request)))
    with pytest.raises(Unauthorized, match="No signature in x-sign matches"):
        verify("an id", with_value(request, b"AAAA " * 10 + value_of(request)))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"v1=00", "no member t="),
        (b"t=1795000000", "no member v1="),
        (b"t=1795000000,t=1795000000,v1=00", r"\(t\) is given 2 times"),
        (b"", "no member"),
    ],
)
def test_a_missing_or_repeated_member_is_named(value: bytes, words: str) -> None:
    """With the header that lacks it."""
    with pytest.raises(Unauthorized, match=words):
        verify("Stripe", with_value(send("Stripe"), value))


def test_padding_and_case_do_not_matter_where_they_mean_nothing() -> None:
    """Base64 for URLs may be padded, hexadecimal may be in upper case."""
    request = send("base64url")
    verify("base64url", with_value(request, value_of(request) + b"=="))
    request = send("the body")
    verify("the body", with_value(request, value_of(request).upper()))


def test_a_secret_is_decoded_as_the_spec_says() -> None:
    """The same text is another key as text, in hexadecimal and in base64."""
    keys = {
        "the body": b"00ff",
        "a secret in hexadecimal": b"\x00\xff",
        "a secret in base64": base64.b64decode(b"00ff"),
    }
    for name, key in keys.items():
        assert value_of(send(name)).decode() == sign(key, b"{}").hex()


@pytest.mark.parametrize(
    ("name", "secret", "words"),
    [
        ("a secret in hexadecimal", b"0f0", "is not hexadecimal"),
        ("a secret in hexadecimal", b" ", "is empty"),
        ("a secret in base64", b"sesame!", "is not base64"),
    ],
)
def test_an_unusable_secret_is_named(name: str, secret: bytes, words: str) -> None:
    """Without showing it."""
    with pytest.raises(SecretError, match=words) as caught:
        compile_verify(scheme(name), {"env:A": secret, "env:OLD": b"aaaa"})
    assert "sesame" not in str(caught.value)


def test_a_header_of_the_template_must_be_there_once() -> None:
    """It is a part of what is signed."""
    request = send("method and path")
    without = tuple(pair for pair in request.headers if pair[0] != b"X-Event")
    with pytest.raises(MissingCredentials, match="x-event is missing"):
        verify("method and path", request._replace(headers=without))
    with pytest.raises(SecretError, match="x-event is missing"):
        signed(scheme("method and path"), SECRETS, Request("POST", "/", (HOST,), b"", 0))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown placeholder": ({"signed": "{nonce}{body}"}, "Braces are for"),
    "no body": ({"signed": "{method}"}, "does not protect the body"),
    "a time that is not signed": (
        {"signed": "{body}", "timestamp_header": "x-time"}, "signed does not contain {timestamp}",
    ),
    "a time from nowhere": ({"signed": "{timestamp}{body}"}, "Set timestamp_header or"),
    "an id from nowhere": ({"signed": "{id}{body}"}, "Set id_header, too"),
    "an id that is not signed": ({"id_header": "x-id"}, "signed does not contain {id}"),
    "a URL that is not signed": ({"url": "https://example.com"}, "signed does not contain {url}"),
    "two times": (
        {"timestamp_header": "x-time", "member": "v1", "timestamp_member": "t"}, "not both",
    ),
    "a time among no members": ({"timestamp_member": "t"}, "Set member, too"),
    "one member for two": ({"member": "t", "timestamp_member": "t"}, "cannot be both"),
    "a member with a sign": ({"member": "v1="}, "member"),
    "another separator": ({"separator": "|"}, "separator"),
    "an unknown format": ({"timestamp_format": "rfc5322"}, "timestamp_format"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_work_is_refused(what: str) -> None:
    """When the scheme is made, not with the first request."""
    options, words = WRONG[what]
    with pytest.raises(SpecError) as caught:
        hmac_signature(secret="env:A", header="X-Sign", **options)
    assert words in str(caught.value)


def test_a_scheme_names_all_that_its_signature_covers() -> None:
    """The headers of the template among them, each once."""
    assert scheme("an id").signed_headers() == ("x-id", "x-time")
    assert scheme("method and path").signed_headers() == ("x-event",)
    assert scheme("the time twice").signed_headers() == ("x-time",)
    assert scheme("Stripe").signed_headers() == ()
