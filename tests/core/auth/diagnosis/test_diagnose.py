"""The auth doctor: each usual mistake is told by name, and nothing secret is said."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.diagnosis.diagnose import diagnose
from nbincoming.core.auth.schemes import (
    Scheme,
    hmac_signature,
    jwt,
    meta,
    no_authorization,
    standard_webhooks,
)
from nbincoming.core.auth.signing import credentials
from nbincoming.core.request.message import Request
from tests.core.strategies import requests

NOW_MS = 1_795_000_000_000
NOW = str(NOW_MS // 1000).encode()
SECRET = b"0123456789abcdef0123456789abcdef"
VERIFY = b"a verify token"
WHSEC = b"whsec_" + base64.b64encode(SECRET)
SECRETS = {"env:KEY": SECRET, "env:VERIFY": VERIFY, "env:WHSEC": WHSEC}
BODY = b'{"a": 1, "text": "\\u00e9"}'

META = meta(secret="env:KEY", verify_token="env:VERIFY")
TIMED = hmac_signature(secret="env:KEY", header="X-Sign", timestamp_header="X-Time")
PLAIN = hmac_signature(secret="env:KEY", header="X-Sign")
STANDARD = standard_webhooks(secret="env:WHSEC")

Headers = Mapping[str, bytes]


def mac(secret: bytes = SECRET, body: bytes = BODY, digest: str = "sha256") -> bytes:
    """Sign a body."""
    return hmac.new(secret, body, getattr(hashlib, digest)).digest()


def hub(made: bytes, prefix: bytes = b"sha256=", header: str = "x-hub-signature-256") -> Headers:
    """Put a signature where Meta puts it."""
    return {header: prefix + made.hex().encode()}


def timed(made: bytes, time: bytes | None = NOW) -> Headers:
    """Put a signature beside its time."""
    sign = {"x-sign": made.hex().encode()}
    return sign if time is None else {**sign, "x-time": time}


def standard(
    key: bytes = SECRET, content: bytes = b"msg_1." + NOW + b"." + BODY, **changes: bytes
) -> Headers:
    """Sign as Standard Webhooks has it, but for the changes."""
    made = b"v1," + base64.b64encode(hmac.digest(key, content, "sha256"))
    headers = {"webhook-id": b"msg_1", "webhook-timestamp": NOW, "webhook-signature": made}
    return {**headers, **{name.replace("_", "-"): value for name, value in changes.items()}}


def ask(
    scheme: Scheme,
    headers: Headers,
    *,
    method: str = "POST",
    target: str = "/",
    twice: tuple[str, ...] = (),
    secrets: Mapping[str, bytes] = SECRETS,
    body: bytes = BODY,
) -> list[str]:
    """Have a request diagnosed."""
    pairs = [(name.encode(), value) for name, value in headers.items()]
    pairs += [pair for pair in pairs if pair[0].decode() in twice]
    request = Request(method, target, tuple(pairs), body, NOW_MS)
    findings = diagnose(request, scheme, secrets)  # type: ignore[arg-type]
    said = [str(finding) for finding in findings]
    for secret in (*SECRETS.values(), SECRET.hex().encode(), base64.b64encode(SECRET), mac()):
        assert secret.decode("latin-1") not in " ".join(said)
    assert mac().hex() not in " ".join(said)
    for value in headers.values():
        assert len(value) < 20 or value.decode("latin-1") not in " ".join(said)
    return said


MISTAKES: dict[str, tuple[Scheme, Callable[[], Headers]]] = {
    "if the secret ended in a line break": (META, lambda: hub(mac(SECRET + b"\n"))),
    "if it started with 'sha256='": (META, lambda: hub(mac(), prefix=b"")),
    "if it started with 'sha256=', not with 'sha1='": (META, lambda: hub(mac(), b"sha1=")),
    "if it were written in hex, not in base64": (
        META,
        lambda: {"x-hub-signature-256": b"sha256=" + base64.b64encode(mac())},
    ),
    "signed as it was sent, not as compact JSON.": (
        META,
        lambda: hub(mac(body='{"a":1,"text":"é"}'.encode())),
    ),
    "compact JSON, escaped to ASCII": (META, lambda: hub(mac(body=b'{"a":1,"text":"\\u00e9"}'))),
    "if it were made by sha256, not by sha1": (META, lambda: hub(mac(digest="sha1"))),
    "if it came in the header x-hub-signature-256, not in x-signature": (
        META,
        lambda: hub(mac(), header="x-signature"),
    ),
    "if the time were not signed along": (
        META,
        lambda: {**hub(mac(body=NOW + b"." + BODY)), "x-time": NOW},
    ),
    "and if the secret ended in a line break": (
        META,
        lambda: hub(mac(SECRET + b"\r\n"), prefix=b""),
    ),
    "none of the usual mistakes explains it": (META, lambda: hub(b"\x00" * 32)),
    "x-hub-signature-256 is missing": (META, dict),
    "if it did not start with 'sha256='": (
        PLAIN,
        lambda: {"x-sign": b"sha256=" + mac().hex().encode()},
    ),
    "if the time were signed along, as <time>.<body>": (TIMED, lambda: timed(mac())),
    "The header x-time is missing": (TIMED, lambda: timed(mac(), None)),
    "The time in x-time is in milliseconds": (
        TIMED,
        lambda: timed(mac(body=NOW + b"000." + BODY), NOW + b"000"),
    ),
    "The time in x-time is 999 s old": (
        TIMED,
        lambda: timed(mac(), str(int(NOW) - 999).encode()),
    ),
    "if the secret were decoded from base64, without its prefix whsec_": (
        STANDARD,
        lambda: standard(WHSEC),
    ),
    "if the id and the time were signed along, as <id>.<time>.<body>": (
        STANDARD,
        lambda: standard(content=BODY),
    ),
    "webhook-id is missing, but svix-id is there": (
        STANDARD,
        lambda: {
            name.replace("webhook-id", "svix-id").replace("webhook-ti", "svix-ti"): value
            for name, value in standard().items()
        },
    ),
    "webhook-timestamp is missing. Send it": (
        STANDARD,
        lambda: {name: value for name, value in standard().items() if "time" not in name},
    ),
    "The time in webhook-timestamp is in milliseconds": (
        STANDARD,
        lambda: standard(webhook_timestamp=NOW + b"000"),
    ),
    "if it started with 'v1,'": (
        STANDARD,
        lambda: standard(
            webhook_signature=base64.b64encode(mac(body=b"msg_1." + NOW + b"." + BODY))
        ),
    ),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_told_and_no_secret(words: str) -> None:
    """What would have matched is said; secret, signature and token are not."""
    scheme, make = MISTAKES[words]
    assert words in " ".join(ask(scheme, make()))


@pytest.mark.parametrize(
    ("scheme", "header"), [(META, "x-hub-signature-256"), (TIMED, "x-sign"), (TIMED, "x-time")]
)
def test_what_is_given_twice_is_told(scheme: Scheme, header: str) -> None:
    """Even where both are the same."""
    headers = hub(mac()) if scheme is META else timed(mac(body=NOW + b"." + BODY))
    assert f"The header {header} is given 2 times" in " ".join(
        ask(scheme, headers, twice=(header,))
    )


HANDSHAKES = {
    "hub.mode is given 0 times, but hub_mode is": "hub_mode=subscribe",
    "hub.mode is not 'subscribe'": "hub.mode=unsubscribe",
    "hub.challenge is given 0 times. Send it once": "hub.mode=subscribe",
    "hub.verify_token is given 2 times": "hub.verify_token=a&hub.verify_token=b",
    "white space or quotes around": "hub.verify_token=a+verify+token%0A",
    "is the app secret": f"hub.verify_token={SECRET.decode()}",
    "is another than the one set here": "hub.verify_token=b",
}


@pytest.mark.parametrize("words", HANDSHAKES)
def test_what_is_wrong_with_a_handshake_is_told(words: str) -> None:
    """All of it, by parameter."""
    said = ask(META, {}, method="GET", target="/x?" + HANDSHAKES[words])
    assert words in " ".join(said)


def test_a_handshake_that_nothing_could_pass_is_told() -> None:
    """Where no verify token is set, the sender is not to blame."""
    (said,) = ask(meta(secret="env:KEY"), {}, method="GET", target="/x?hub.mode=subscribe")
    assert "No verify_token is set here" in said


def test_a_handshake_without_a_challenge_is_told_even_if_the_token_is_right() -> None:
    """Nothing is said of what is right."""
    query = "/x?hub.mode=subscribe&hub.verify_token=a%20verify%20token"
    (said,) = ask(META, {}, method="GET", target=query)
    assert "hub.challenge is given 0 times" in said


@pytest.mark.parametrize("scheme", [META, PLAIN, TIMED, STANDARD, jwt(secret="env:KEY")])
def test_good_credentials_have_no_finding(scheme: Scheme) -> None:
    """Nothing is wrong with them."""
    headers = credentials(scheme, SECRETS, BODY, NOW_MS)  # type: ignore[arg-type]
    assert ask(scheme, {name: value.encode() for name, value in headers.items()}) == []


def test_no_authorization_refuses_nothing() -> None:
    """So there is nothing to find."""
    assert ask(no_authorization(), {}) == []


def test_a_secret_that_is_missing_here_is_the_finding() -> None:
    """Then it is not the sender's fault."""
    (said,) = ask(META, {}, secrets={})
    assert "env:KEY" in said


def test_where_no_mistake_is_known_the_refusal_speaks() -> None:
    """A time that is no number, beside a signature that would do."""
    said = ask(TIMED, timed(mac(body=b"soon." + BODY), b"soon"))
    assert said == ["The header x-time is not a time in whole seconds since the epoch."]


@given(
    request=requests,
    scheme=st.sampled_from([META, PLAIN, TIMED, STANDARD, jwt(secret="env:KEY")]),
)
def test_whatever_came_is_diagnosed(request: Request, scheme: Scheme) -> None:
    """Nothing is raised, and whoever is refused is told something."""
    assert diagnose(request, scheme, SECRETS)  # type: ignore[arg-type]  # nobody drawn knows a secret
