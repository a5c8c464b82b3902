"""What a spec may say of who may call: the schemes, their secrets by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter

from nbincoming.core.auth.scheme_fields import Scheme
from nbincoming.core.auth.schemes import (
    Authorization,
    hmac_signature,
    jwt,
    meta,
    no_authorization,
    standard_webhooks,
)
from nbincoming.errors import SpecError

SCHEME: TypeAdapter[Authorization] = TypeAdapter(Authorization)
URL = "https://issuer.example/jwks.json"
SCHEMES = [
    no_authorization(),
    jwt(secret="env:KEY"),
    jwt(secret=["env:OLD", "file:/run/secrets/new"], algorithm="HS512", leeway_s=0),
    jwt(jwks_url=URL, algorithm="RS256", audience="us", issuer="them", permission=None),
    meta(secret="env:APP", verify_token="env:VERIFY"),
    hmac_signature(secret="env:KEY", header="X-Sign", encoding="base64", timestamp_header="X-Time"),
    standard_webhooks(secret="env:KEY", tolerance_s=60),
]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.scheme)
def test_a_scheme_reads_back(scheme: Scheme) -> None:
    """The JSON form leaves out what is at its default, and nothing else."""
    assert SCHEME.validate_python(scheme.data()) == scheme


def test_secrets_are_listed_with_all_that_a_scheme_needs() -> None:
    """The verify token and the URL of a JWKS are among them."""
    assert SCHEMES[0].secret_names() == ()
    assert SCHEMES[2].secret_names() == ("env:OLD", "file:/run/secrets/new")
    assert SCHEMES[3].secret_names() == (URL,)
    assert SCHEMES[4].secret_names() == ("env:APP", "env:VERIFY")
    assert meta(secret="env:APP").secret_names() == ("env:APP",)
    assert [len(scheme.secret_names()) for scheme in SCHEMES[5:]] == [1, 1]


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "no key": (jwt, "Name a secret in secrets, or set jwks_url"),
    "a shared secret from a URL": (lambda: jwt(jwks_url=URL), "must not be published at a URL"),
    "keys without TLS": (
        lambda: jwt(jwks_url="http://issuer.example/", algorithm="RS256"),
        "Write an https URL",
    ),
    "no host": (lambda: jwt(jwks_url="https:///x", algorithm="RS256"), "Write an https URL"),
    "a file's URL": (lambda: jwt(jwks_url="file:///x", algorithm="RS256"), "Write an https URL"),
    "a password in a URL": (
        lambda: jwt(jwks_url="https://me:sesame@issuer.example/", algorithm="RS256"),
        "without user and password",
    ),
    "an unknown algorithm": (lambda: jwt(secret="env:KEY", algorithm="none"), "algorithm"),
    "no secret": (lambda: meta(secret=()), "Name a secret, such as env:NAME"),
    "no header's name": (
        lambda: hmac_signature(secret="env:KEY", header="X Sign"), "not the name of a header"
    ),
    "an unknown option": (lambda: meta(secret="env:KEY", header="x"), "field is unknown"),
    "too much leeway": (lambda: jwt(secret="env:KEY", leeway_s=601), "leeway_s"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_no_scheme_can_be_is_refused(what: str) -> None:
    """Each with its place and what to write."""
    make, words = WRONG[what]
    with pytest.raises(SpecError, match=words) as caught:
        make()
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:80"])
def test_keys_of_this_machine_need_no_tls(host: str) -> None:
    """So that an issuer can be tried out."""
    assert jwt(jwks_url=f"http://{host}/", algorithm="RS256").jwks_url == f"http://{host}/"


@pytest.mark.parametrize("make", [jwt, meta, standard_webhooks])
@pytest.mark.parametrize("secret", ["sesame-open-up", "env:", "env:1X", "file:", "env:sesame up"])
def test_a_secret_in_place_of_its_name_is_refused_and_not_shown(
    make: Callable[..., Any], secret: str
) -> None:
    """What is wrong there is often the secret itself."""
    with pytest.raises(SpecError, match="not the name of a secret") as caught:
        make(secret=secret)
    assert "sesame" not in str(caught.value)


def test_header_names_are_kept_in_lower_case() -> None:
    """Headers are found by it."""
    scheme = hmac_signature(secret="env:KEY", header="X-Sign", timestamp_header="X-Time")
    assert (scheme.header, scheme.timestamp_header) == ("x-sign", "x-time")


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        (no_authorization(), ()),
        (jwt(secret="env:A"), ()),
        (meta(secret="env:A"), ()),
        (hmac_signature(secret="env:A", header="X-S"), ()),
        (hmac_signature(secret="env:A", header="X-S", timestamp_header="X-Time"), ("x-time",)),
        (standard_webhooks(secret="env:A"), ("webhook-id", "webhook-timestamp")),
    ],
)
def test_a_scheme_names_the_headers_that_its_signature_covers(
    scheme: Scheme, headers: tuple[str, ...]
) -> None:
    """In lower case; most signatures cover the body alone."""
    assert scheme.signed_headers() == headers
