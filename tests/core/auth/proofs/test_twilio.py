"""Twilio's signature of the URL with a form or a hash of the body."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.proofs.twilio import (
    TwilioSignature,
    form_content,
    with_and_without_port,
)
from nbincoming.core.auth.signatures import encode_signature, sign
from nbincoming.core.request.message import Request
from nbincoming.errors import BadSignature, Unauthorized

FORM = (b"Content-Type", b"application/x-www-form-urlencoded")
HOST = (b"Host", b"hooks.example.com")
PROOF = TwilioSignature()


def sent(body: bytes, *headers: tuple[bytes, bytes], target: str = "/hook") -> Request:
    """Sign a request."""
    return PROOF.sign(Request("POST", target, (HOST, *headers), body, 0), b"token")


@given(fields=st.lists(st.tuples(st.text(min_size=1), st.text())))
def test_the_fields_are_signed_in_any_order(fields: list[tuple[str, str]]) -> None:
    """By name and value, each pair once, as in Twilio's libraries."""
    try:
        body = urlencode(fields).encode()
    except UnicodeEncodeError:  # a lone surrogate, which no form can hold
        return
    content = form_content(body)
    assert content == form_content(urlencode([*reversed(fields), *fields]).encode())
    assert content.decode() == "".join(name + value for name, value in sorted(set(fields)))


def test_a_changed_field_is_refused() -> None:
    """And an added one."""
    request = sent(b"a=1&b=2", FORM)
    PROOF.verify(request, [b"other", b"token"])
    for body in (b"a=1&b=3", b"a=1&b=2&c=3", b"a=1", b""):
        with pytest.raises(BadSignature):
            PROOF.verify(request._replace(body=body), [b"token"])


def test_a_body_of_another_type_is_signed_by_its_hash() -> None:
    """Without the hash the body would be unsigned, so that is refused."""
    request = sent(b"{}")
    assert "bodySHA256=" in request.target
    PROOF.verify(request, [b"token"])
    with pytest.raises(BadSignature, match="is not the SHA-256 of this body"):
        PROOF.verify(request._replace(body=b"{} "), [b"token"])
    bare = Request("POST", "/hook", (HOST, *request.headers[1:]), b"{}", 0)
    with pytest.raises(BadSignature, match="given 0 times"):
        PROOF.verify(bare, [b"token"])


def test_an_empty_body_needs_no_hash() -> None:
    """The signature covers the URL alone."""

    mac = encode_signature(sign(b"token", b"https://hooks.example.com/hook", "sha1"), "base64")
    PROOF.verify(Request("POST", "/hook", (HOST, (b"X-Twilio-Signature", mac)), b"", 0), [b"token"])


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        (b"https://a/x", {b"https://a/x", b"https://a:443/x"}),
        (b"http://a/x", {b"http://a/x", b"http://a:80/x"}),
        (b"https://a:443/x", {b"https://a/x", b"https://a:443/x"}),
        (b"https://a:8443/x", {b"https://a/x", b"https://a:8443/x"}),
        (b"https://[::1]/x", {b"https://[::1]/x", b"https://[::1]:443/x"}),
    ],
)
def test_a_port_may_be_signed_or_not(url: bytes, urls: set[bytes]) -> None:
    """Twilio does one or the other."""
    assert with_and_without_port(url) == urls


@given(body=st.binary(max_size=100), target=st.text(max_size=30), value=st.binary(max_size=40))
def test_nothing_but_refusals_escapes(body: bytes, target: str, value: bytes) -> None:
    """Whatever the body, the URL and the signature are."""
    for headers in ((), (FORM,)):
        request = Request("POST", target, (HOST, *headers, (b"x-twilio-signature", value)), body, 0)
        with pytest.raises(Unauthorized):
            PROOF.verify(request, [b"token"])


def test_a_form_of_too_many_fields_is_refused() -> None:
    """So that sorting them costs little."""
    with pytest.raises(BadSignature, match="more than 1,000 fields"):
        form_content(b"&".join(b"a=%d" % n for n in range(1_001)))
