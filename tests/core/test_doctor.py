"""The auth doctor: each usual mistake is told by name, and nothing secret is said."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

import pytest

from nbincoming.core.authorization import Scheme, jwt, meta
from nbincoming.core.doctor import diagnose
from nbincoming.core.message import Request
from nbincoming.core.tokens import issue_token

NOW_MS = 1_795_000_000_000
SECRET = b"0123456789abcdef0123456789abcdef"
BODY = b'{"a": 1, "text": "\\u00e9"}'
META, JWT = meta(secret="env:KEY"), jwt(secret="env:KEY")
SIGNATURE = "x-hub-signature-256"


def mac(secret: bytes = SECRET, body: bytes = BODY, digest: str = "sha256") -> bytes:
    """Sign a body."""
    return hmac.new(secret, body, getattr(hashlib, digest)).digest()


def signed(made: bytes, prefix: str = "sha256=", header: str = SIGNATURE) -> dict[str, str]:
    """Put a signature into a header."""
    return {header: prefix + made.hex()}


def token(
    secret: bytes = SECRET, prefix: str = "Bearer ", now_ms: int = NOW_MS, **options: object
) -> dict[str, str]:
    """Put a token into its header."""
    made = issue_token(secret, now_ms=now_ms, **options)  # type: ignore[arg-type]
    return {"authorization": prefix + made}


MISTAKES: dict[str, tuple[Scheme, Callable[[], dict[str, str]]]] = {
    "the secret ended in a line break": (META, lambda: signed(mac(SECRET + b"\n"))),
    "started with 'sha256='": (META, lambda: signed(mac(), prefix="")),
    "written in hex, not in base64": (
        META,
        lambda: {SIGNATURE: "sha256=" + base64.b64encode(mac()).decode()},
    ),
    "signed as it was sent, not as compact JSON.": (
        META,
        lambda: signed(mac(body='{"a":1,"text":"é"}'.encode())),
    ),
    "compact JSON, escaped to ASCII": (
        META,
        lambda: signed(mac(body=b'{"a":1,"text":"\\u00e9"}')),
    ),
    "made by sha256, not by sha1": (META, lambda: signed(mac(digest="sha1"))),
    "came in the header x-hub-signature-256, not in x-signature": (
        META,
        lambda: signed(mac(), header="x-signature"),
    ),
    "none of the usual mistakes explains it": (META, lambda: signed(b"\x00" * 32)),
    "without 'Bearer ' before it": (JWT, lambda: token(prefix="")),
    "expired 400 s ago": (JWT, lambda: token(now_ms=NOW_MS - 4_000_000)),
    "not valid before 4,000 s from now": (JWT, lambda: token(now_ms=NOW_MS + 4_000_000)),
    "does not grant INCOMING_WEBHOOK_EXECUTE": (JWT, lambda: token(permissions=[])),
    "signed by 'HS512', and HS256 is required": (
        JWT,
        lambda: token(SECRET * 2, algorithm="HS512"),
    ),
    "would match if the secret ended in a line break": (JWT, lambda: token(SECRET + b"\n")),
}


def ask(scheme: Scheme, headers: dict[str, str]) -> str:
    """Have a request diagnosed."""
    pairs = tuple((name.encode(), value.encode()) for name, value in headers.items())
    found = diagnose(Request("POST", "/", pairs, BODY, NOW_MS), scheme, {"env:KEY": SECRET})  # type: ignore[arg-type]
    return " ".join(finding.sentence for finding in found)


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_told_and_no_secret(words: str) -> None:
    """What would have matched is said; secret, signature and token are not."""
    scheme, make = MISTAKES[words]
    headers = make()
    said = ask(scheme, headers)
    assert words in said
    for secret in (SECRET.decode(), mac().hex(), *headers.values()):
        assert secret not in said


def test_good_credentials_have_no_finding() -> None:
    """Nothing is wrong with them."""
    assert ask(JWT, token()) == ""
    assert ask(META, signed(mac())) == ""


def test_a_secret_that_is_missing_here_is_the_finding() -> None:
    """Then it is not the sender's fault."""
    request = Request("POST", "/", (), BODY, NOW_MS)
    (finding,) = diagnose(request, META, {})
    assert finding.cause == "unusable-secret"
    assert "env:KEY" in finding.sentence
