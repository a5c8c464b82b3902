"""A token in a header, and a user with a password."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.schemes import basic, header
from nbincoming.core.auth.signing import signed
from nbincoming.core.auth.verification import compile_verify
from nbincoming.core.request.message import Request
from nbincoming.errors import BadCredentials, MissingCredentials, SecretError, SpecError

TOKEN = header("X-Api-Key", secret=["env:OLD", "env:NEW"])
BEARER = header("Authorization", secret=["env:OLD", "env:NEW"], prefix="Bearer ")
BASIC = basic(secret=["env:OLD", "env:NEW"])
SECRETS = {"env:OLD": b"me:old sesame", "env:NEW": "me:nowe hasło\n".encode()}
SCHEMES = {"token": TOKEN, "bearer": BEARER, "basic": BASIC}


def request(*values: bytes, name: bytes = b"Authorization") -> Request:
    """Make a request with a header."""
    return Request("POST", "/", tuple((name, value) for value in values), b"{}", 0)


def verify(scheme: Any, sent: Request) -> None:
    """Check a request."""
    compile_verify(scheme, SECRETS)(sent)


@pytest.mark.parametrize("name", SCHEMES)
def test_each_secret_in_force_is_accepted(name: str) -> None:
    """Rotation is adding one. The line break at the end of a file does not count."""
    for secret in SECRETS:
        one = SCHEMES[name].model_copy(update={"secrets": (secret,)})
        verify(SCHEMES[name], signed(one, SECRETS, request()))


@pytest.mark.parametrize("name", SCHEMES)
@given(value=st.binary(max_size=60))
def test_nothing_else_is_accepted(name: str, value: bytes) -> None:
    """Nothing but a refusal escapes, and it does not contain what was sent or is expected."""
    scheme = SCHEMES[name]
    sent = request(value, name=scheme.proof().headers()[0].encode())
    with pytest.raises(BadCredentials) as caught:
        verify(scheme, sent)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "challenge"),
    [
        ("token", 'Token realm="incoming integration"'),
        ("bearer", 'Bearer realm="incoming integration"'),
        ("basic", 'Basic realm="incoming integration", charset="UTF-8"'),
    ],
)
def test_a_401_has_the_challenge_of_its_scheme(name: str, challenge: str) -> None:
    """RFC 9110, section 15.5.2; RFC 7617, section 2.1."""
    name_sent = SCHEMES[name].proof().headers()[0].encode()
    for sent in (request(), request(b"x", name=name_sent), request(b"x", b"x", name=name_sent)):
        with pytest.raises((MissingCredentials, BadCredentials)) as caught:
            verify(SCHEMES[name], sent)
        assert caught.value.headers == (("WWW-Authenticate", challenge),)
        assert caught.value.status == 401


def test_the_scheme_of_basic_is_written_in_any_case() -> None:
    """RFC 9110, section 11.1; the password may contain colons and spaces."""
    pair = base64.b64encode(b"me:old sesame")
    for start in (b"Basic ", b"basic ", b"BASIC  "):
        verify(BASIC, request(start + pair))


@pytest.mark.parametrize("value", [b"me:old sesame", b"Basic me:old sesame", b"Basic", b"Basic !"])
def test_a_pair_that_is_not_base64_is_refused(value: bytes) -> None:
    """As it is not what the RFC says."""
    with pytest.raises(BadCredentials, match="user:password in base64"):
        verify(BASIC, request(value))


@pytest.mark.parametrize("secret", [b"sesame", b":sesame", b"sesame:", b"", b"a:\x00"])
def test_a_secret_of_basic_is_a_pair(secret: bytes) -> None:
    """Otherwise no sender could present it."""
    with pytest.raises(SecretError, match=r"user:password|is empty|control") as caught:
        compile_verify(basic(secret="env:A"), {"env:A": secret})
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("name", ["x-event", "user-agent", "x-request-id"])
def test_a_token_is_only_in_a_header_whose_values_are_masked(name: str) -> None:
    """It would be shown in samples and delivered with events."""
    with pytest.raises(SpecError, match="Use a name such as Authorization"):
        header(name, secret="env:A")


@pytest.mark.parametrize("prefix", [" Bearer", "\n", "x" * 41])
def test_a_prefix_is_what_a_header_can_start_with(prefix: str) -> None:
    """White space before a value is no part of it."""
    with pytest.raises(SpecError, match="prefix"):
        header("x-token", secret="env:A", prefix=prefix)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_token_signs_nothing(name: str) -> None:
    """So no header of the request is protected by it."""
    assert SCHEMES[name].signed_headers() == ()
