"""The diagnosis of refused requests: each usual mistake is reported, and no secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.diagnosis.diagnose import diagnose
from nbincoming.core.auth.scheme_fields import Scheme
from nbincoming.core.auth.schemes import (
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
    """Write a signature as Meta does."""
    return {header: prefix + made.hex().encode()}


def timed(made: bytes, time: bytes | None = NOW) -> Headers:
    """Write a signature and its time."""
    sign = {"x-sign": made.hex().encode()}
    return sign if time is None else {**sign, "x-time": time}


def standard(
    key: bytes = SECRET, content: bytes = b"msg_1." + NOW + b"." + BODY, **changes: bytes
) -> Headers:
    """Sign by Standard Webhooks, then apply the changes."""
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
    """Diagnose a request."""
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
    "but used the secret with a line break at its end. Correct": (
        META,
        lambda: hub(mac(SECRET + b"\n")),
    ),
    "but left out 'sha256=' before the signature": (META, lambda: hub(mac(), prefix=b"")),
    "but put 'sha1=', not 'sha256=', before the signature": (META, lambda: hub(mac(), b"sha1=")),
    "but wrote the signature in base64, not hex": (
        META,
        lambda: {"x-hub-signature-256": b"sha256=" + base64.b64encode(mac())},
    ),
    "but signed the body as compact JSON, not as it was sent.": (
        META,
        lambda: hub(mac(body='{"a":1,"text":"é"}'.encode())),
    ),
    "as compact JSON, escaped to ASCII, not as it was sent": (
        META,
        lambda: hub(mac(body=b'{"a":1,"text":"\\u00e9"}')),
    ),
    "but signed with sha1, not sha256": (META, lambda: hub(mac(digest="sha1"))),
    "but sent the signature in the header x-signature, not x-hub-signature-256": (
        META,
        lambda: hub(mac(), header="x-signature"),
    ),
    "but signed the time with the body; sign only the body": (
        META,
        lambda: {**hub(mac(body=NOW + b"." + BODY)), "x-time": NOW},
    ),
    "but left out 'sha256=' before the signature, and used the secret with a line": (
        META,
        lambda: hub(mac(SECRET + b"\r\n"), prefix=b""),
    ),
    "None of the usual mistakes explains it": (META, lambda: hub(b"\x00" * 32)),
    "x-hub-signature-256 is missing": (META, dict),
    "but put 'sha256=' before the signature": (
        PLAIN,
        lambda: {"x-sign": b"sha256=" + mac().hex().encode()},
    ),
    "but signed the body without the time; sign <time>.<body>": (TIMED, lambda: timed(mac())),
    "The header x-time is missing": (TIMED, lambda: timed(mac(), None)),
    "The time in x-time is in milliseconds": (
        TIMED,
        lambda: timed(mac(body=NOW + b"000." + BODY), NOW + b"000"),
    ),
    "The time in x-time is 999 s old": (
        TIMED,
        lambda: timed(mac(), str(int(NOW) - 999).encode()),
    ),
    "but did not remove the prefix whsec_ and decode the rest of the secret from base64": (
        STANDARD,
        lambda: standard(WHSEC),
    ),
    "but signed the body without the id and the time; sign <id>.<time>.<body>": (
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
    "webhook-timestamp is missing. Send webhook-timestamp.": (
        STANDARD,
        lambda: {name: value for name, value in standard().items() if "time" not in name},
    ),
    "The time in webhook-timestamp is in milliseconds": (
        STANDARD,
        lambda: standard(webhook_timestamp=NOW + b"000"),
    ),
    "but left out 'v1,' before the signature": (
        STANDARD,
        lambda: standard(
            webhook_signature=base64.b64encode(mac(body=b"msg_1." + NOW + b"." + BODY))
        ),
    ),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_each_mistake_is_reported_without_secrets(words: str) -> None:
    """The finding names the mistake but no secret, signature or token."""
    scheme, make = MISTAKES[words]
    assert words in " ".join(ask(scheme, make()))


@pytest.mark.parametrize(
    ("scheme", "header"), [(META, "x-hub-signature-256"), (TIMED, "x-sign"), (TIMED, "x-time")]
)
def test_a_header_given_twice_is_reported(scheme: Scheme, header: str) -> None:
    """Two equal values are refused, too."""
    headers = hub(mac()) if scheme is META else timed(mac(body=NOW + b"." + BODY))
    assert f"The header {header} is given 2 times" in " ".join(
        ask(scheme, headers, twice=(header,))
    )


HANDSHAKES = {
    "hub.mode is given 0 times, but hub_mode is there. Send it once": "hub_mode=subscribe",
    "hub.mode is not 'subscribe'. Send hub.mode=subscribe.": "hub.mode=unsubscribe",
    "hub.challenge is given 0 times. Send it once": "hub.mode=subscribe",
    "hub.verify_token is given 2 times": "hub.verify_token=a&hub.verify_token=b",
    "only by white space or quotes around it": "hub.verify_token=a+verify+token%0A",
    "holds the app secret, which must not appear in a URL": f"hub.verify_token={SECRET.decode()}",
    "hub.verify_token is not the one set here": "hub.verify_token=b",
}


@pytest.mark.parametrize("words", HANDSHAKES)
def test_each_mistake_in_a_handshake_is_reported(words: str) -> None:
    """The finding names the parameter."""
    said = ask(META, {}, method="GET", target="/x?" + HANDSHAKES[words])
    assert words in " ".join(said)


def test_a_missing_verify_token_is_reported() -> None:
    """The analyst must set one before any handshake can succeed."""
    (said,) = ask(meta(secret="env:KEY"), {}, method="GET", target="/x?hub.mode=subscribe")
    assert said == "No verify_token is set here. Set one, and enter it at the sender."


def test_a_handshake_with_the_right_token_still_needs_a_challenge() -> None:
    """The one finding is about the challenge."""
    query = "/x?hub.mode=subscribe&hub.verify_token=a%20verify%20token"
    (said,) = ask(META, {}, method="GET", target=query)
    assert "hub.challenge is given 0 times" in said


@pytest.mark.parametrize("scheme", [META, PLAIN, TIMED, STANDARD, jwt(secret="env:KEY")])
def test_good_credentials_have_no_finding(scheme: Scheme) -> None:
    """The diagnosis of an authorized request is empty."""
    headers = credentials(scheme, SECRETS, BODY, NOW_MS)  # type: ignore[arg-type]
    assert ask(scheme, {name: value.encode() for name, value in headers.items()}) == []


def test_no_authorization_refuses_nothing() -> None:
    """The diagnosis without authorization is always empty."""
    assert ask(no_authorization(), {}) == []


def test_a_secret_that_is_missing_here_is_reported() -> None:
    """The sender cannot correct it, so it is the only finding."""
    (said,) = ask(META, {}, secrets={})
    assert "env:KEY" in said


def test_an_unexplained_refusal_is_repeated() -> None:
    """A time that is not a number, with a right signature, is no usual mistake."""
    said = ask(TIMED, timed(mac(body=b"soon." + BODY), b"soon"))
    assert said == ["The header x-time is not a time in whole seconds since the epoch."]


@given(
    request=requests,
    scheme=st.sampled_from([META, PLAIN, TIMED, STANDARD, jwt(secret="env:KEY")]),
)
def test_every_refused_request_has_a_finding(request: Request, scheme: Scheme) -> None:
    """Nothing is raised, whatever the request is."""
    assert diagnose(request, scheme, SECRETS)  # type: ignore[arg-type]  # no drawn request knows a secret
