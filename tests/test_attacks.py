"""Attacks and the answers to them; ``docs/attacks.md`` lists the same rows."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from nbincoming.core.auth.scheme_fields import Scheme
from nbincoming.core.auth.schemes import basic, header, jwt, meta, provider
from nbincoming.core.auth.signing import credentials
from nbincoming.core.auth.signing import signed as sign_request
from nbincoming.core.auth.tokens import PERMISSION, issue_token
from nbincoming.core.deduplication import Deduplication
from nbincoming.core.gateway import (
    Gateway,
    answer,
    endpoint_path,
)
from nbincoming.core.outcomes import (
    Candidate,
    Rejected,
)
from nbincoming.core.request.message import Request
from nbincoming.core.spec.model import Spec
from tests.fuzz import ENDPOINT, NOW_MS, run

NOW_S = NOW_MS // 1000
KEY = b"0123456789abcdef0123456789abcdef"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
SECRETS = {
    "env:KEY": KEY,
    "env:PEM": PUBLIC_PEM,
    "env:APP": b"app secret",
    "env:VERIFY": b"verify token",
    "env:PAIR": b"me:a password",
    "env:HEX": b"00ff",
}
META_SHAKING = meta(secret="env:APP", verify_token="env:VERIFY")
SHAKE = "?hub.mode=subscribe"
HS, RS = jwt(secret="env:KEY"), jwt(secret="env:PEM", algorithm="RS256")
META = meta(secret="env:APP")
TOKEN = header("x-api-key", secret="env:KEY")
HOST = b"hooks.example.com"
CLAIMS: dict[str, Any] = {"exp": NOW_S + 600, "permissions": [PERMISSION]}
BODY = b'{"id": 1}'
GOOD = {"content-type": "application/json"}


def send(
    scheme: Scheme,
    *,
    headers: dict[str, str] | None = None,
    extra: tuple[tuple[bytes, bytes], ...] = (),
    body: bytes = BODY,
    method: str = "POST",
    query: str = "",
) -> Candidate | Rejected:
    """Judge a request."""
    spec = Spec(
        name="attacked",
        endpoint=ENDPOINT,
        authorization=scheme,
        deduplication=Deduplication(parameters=("headers.x-deduplication-hash",)),
    )
    raw = {**GOOD, **(headers or {})}
    pairs = tuple((name.encode(), value.encode("latin-1")) for name, value in raw.items())
    request = Request(method, endpoint_path(ENDPOINT) + query, pairs + extra, body, NOW_MS)
    judged = Gateway(spec, SECRETS).judge(request)
    assert isinstance(judged, Candidate | Rejected)
    return judged


def token(claims: object = None, **header: object) -> str:
    """Sign claims by the shared secret, under any header."""
    return compact({"alg": "HS256", "typ": "JWT", **header}, CLAIMS if claims is None else claims)


def compact(header: object, claims: object, key: bytes = KEY) -> str:
    """Sign by HMAC-SHA256, whatever the header says."""
    parts = [json.dumps(part) if not isinstance(part, str) else part for part in (header, claims)]
    signed = b".".join(b64(part.encode()) for part in parts)
    return (signed + b"." + b64(hmac.digest(key, signed, "sha256"))).decode()


def b64(raw: bytes) -> bytes:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def bearing(text: str, scheme: Scheme = HS, **options: Any) -> Candidate | Rejected:
    """Send a token."""
    return send(scheme, headers={"authorization": f"Bearer {text}"}, **options)


def without(name: str) -> dict[str, Any]:
    """Leave a claim out."""
    return {key: value for key, value in CLAIMS.items() if key != name}


def provided(
    name: str, signed_ms: int, change: tuple[bytes, bytes] = (b"", b""), **options: Any
) -> Candidate | Rejected:
    """Send what a provider signed at some time, with a change in its headers."""
    request = Request("POST", endpoint_path(ENDPOINT), ((b"host", HOST),), BODY, signed_ms)
    made = sign_request(provider(name, secret="env:KEY"), SECRETS, request)
    headers = {n.decode(): v.replace(*change).decode() for n, v in made.headers}
    return send(provider(name, secret="env:KEY"), headers=headers, **options)


def signed(body: bytes, signature: str) -> Candidate | Rejected:
    """Send a body with this signature of Meta's."""
    return send(META, headers={"x-hub-signature-256": signature}, body=body)


def mac(body: bytes, secret: bytes = b"app secret", digest: str = "sha256") -> str:
    """Compute a signature."""
    return hmac.new(secret, body, getattr(hashlib, digest)).hexdigest()


ATTACKS: dict[str, Callable[[], Candidate | Rejected]] = {
    "no token": lambda: send(HS),
    "another scheme, Basic": lambda: send(HS, headers={"authorization": "Basic eDp5"}),
    "alg none": lambda: bearing(pyjwt.encode(CLAIMS, None, algorithm="none")),
    "alg none with a signature": lambda: bearing(token(alg="none")),
    "alg nOnE": lambda: bearing(token(alg="nOnE")),
    "the public key used as an HMAC secret": lambda: bearing(
        compact({"alg": "HS256"}, CLAIMS, PUBLIC_PEM), RS
    ),
    "the same, claiming RS256": lambda: bearing(compact({"alg": "RS256"}, CLAIMS, PUBLIC_PEM), RS),
    "HS512 where HS256 is required": lambda: bearing(
        pyjwt.encode(CLAIMS, KEY * 2, algorithm="HS512")
    ),
    "a key of the attacker's": lambda: bearing(compact({"alg": "HS256"}, CLAIMS, b"x" * 32)),
    "a key inside the token (jwk, jku)": lambda: bearing(
        compact(
            {"alg": "HS256", "jku": "https://evil.example/jwks", "jwk": {"kty": "oct", "k": "eA"}},
            CLAIMS,
            b"x",
        )
    ),
    "claims changed after signing": lambda: bearing(
        ".".join(
            [token().split(".")[0], b64(b'{"exp":9999999999}').decode(), token().split(".")[2]]
        )
    ),
    "no expiry": lambda: bearing(token(without("exp"))),
    "expired": lambda: bearing(token({**CLAIMS, "exp": NOW_S - 61})),
    "expiry as text": lambda: bearing(token({**CLAIMS, "exp": str(NOW_S + 600)})),
    "expiry as true": lambda: bearing(token({**CLAIMS, "exp": True})),
    "expiry 1e999999": lambda: bearing(
        compact({"alg": "HS256"}, f'{{"exp":1e999999,"permissions":["{PERMISSION}"]}}')
    ),
    "expiry NaN": lambda: bearing(
        compact({"alg": "HS256"}, f'{{"exp":NaN,"permissions":["{PERMISSION}"]}}')
    ),
    "expiry in milliseconds": lambda: bearing(token({**CLAIMS, "exp": NOW_MS + 600_000_000_000})),
    "not valid yet": lambda: bearing(token({**CLAIMS, "nbf": NOW_S + 120})),
    "issued in the future": lambda: bearing(token({**CLAIMS, "iat": NOW_S + 120})),
    "a claim twice": lambda: bearing(
        compact({"alg": "HS256"}, f'{{"exp":{NOW_S + 600},"exp":1,"permissions":["{PERMISSION}"]}}')
    ),
    "critical extensions": lambda: bearing(token(crit=["b64"], b64=False)),
    "an unencoded payload (b64)": lambda: bearing(token(b64=False)),
    "a compressed payload (zip)": lambda: bearing(token(zip="DEF")),
    "padding in a segment": lambda: bearing(token() + "="),
    "plain base64 in a segment": lambda: bearing(token().replace("_", "/").replace("-", "+") + "+"),
    "white space in a token": lambda: bearing(token().replace(".", " .")),
    "a token that is not ASCII": lambda: bearing(token()[:-1] + "é"),
    "stray bits in a segment": lambda: bearing(_stray(token())),
    "two segments": lambda: bearing(token().rpartition(".")[0]),
    "four segments": lambda: bearing(token() + ".e30"),
    "an empty signature": lambda: bearing(token().rpartition(".")[0] + "."),
    "a token as a JSON object": lambda: bearing(
        json.dumps(
            dict(zip(("protected", "payload", "signature"), token().split("."), strict=True))
        )
    ),
    "a token of 100,000 bytes": lambda: bearing("a" * 100_000),
    "a token in the query": lambda: send(HS, query=f"?access_token={token()}"),
    "Authorization twice": lambda: bearing(
        token(), extra=((b"authorization", f"Bearer {token()}".encode()),)
    ),
    "permission missing": lambda: bearing(token(without("permissions"))),
    "permissions as one text": lambda: bearing(token({**CLAIMS, "permissions": f"x {PERMISSION}"})),
    "no signature": lambda: send(META),
    "a signature of another body": lambda: signed(BODY, "sha256=" + mac(b'{"id": 2}')),
    "a signature of the re-serialised body": lambda: signed(BODY, "sha256=" + mac(b'{"id":1}')),
    "SHA-1 for SHA-256": lambda: signed(BODY, "sha1=" + mac(BODY, digest="sha1")),
    "a signature without its prefix": lambda: signed(BODY, mac(BODY)),
    "a signature that is not ASCII": lambda: signed(BODY, "sha256=café"),
    "the signature header twice": lambda: send(
        META,
        headers={"x-hub-signature-256": "sha256=" + mac(BODY)},
        extra=((b"X-Hub-Signature-256", b"sha256=00"),),
    ),
    "a signature in upper case hexadecimal under another key": lambda: signed(
        BODY, "sha256=" + mac(BODY, b"other").upper()
    ),
    "another token in a header": lambda: send(TOKEN, headers={"x-api-key": "a guess"}),
    "the token in another header": lambda: send(TOKEN, headers={"authorization": KEY.decode()}),
    "the token twice, once right": lambda: send(
        TOKEN, headers={"x-api-key": KEY.decode()}, extra=((b"X-Api-Key", b"a guess"),)
    ),
    "Basic with another password": lambda: send(
        basic(secret="env:PAIR"), headers={"authorization": "Basic bWU6Z3Vlc3M="}
    ),
    "a signature of another provider's form": lambda: send(
        provider("stripe", secret="env:KEY"), headers={"stripe-signature": mac(BODY, KEY)}
    ),
    "a signed request of yesterday": lambda: provided("stripe", NOW_MS - 86_400_000),
    "a new time with an old signature": lambda: provided(
        "stripe", NOW_MS - 86_400_000, (b"t=%d" % (NOW_S - 86_400), b"t=%d" % NOW_S)
    ),
    "two signed times, one of them new": lambda: provided(
        "stripe", NOW_MS - 86_400_000, (b"t=", b"t=%d,t=" % NOW_S)
    ),
    "a signed URL by X-Forwarded-Host": lambda: provided(
        "square",
        NOW_MS,
        (b"hooks.example.com", b"evil.example.com"),
        extra=((b"X-Forwarded-Host", b"hooks.example.com"), (b"X-Forwarded-Proto", b"https")),
    ),
    "a signature in the body for another key": lambda: send(
        provider("mailgun", secret="env:KEY"),
        body=b'{"signature":{"timestamp":"%d","token":"a","signature":"%s"}}' % (NOW_S, b"0" * 64),
    ),
    "a body whose items have no signature": lambda: send(
        provider("adyen", secret="env:HEX"), body=b'{"notificationItems":[{}]}'
    ),
    "a body without items to be signed": lambda: send(
        provider("adyen", secret="env:HEX"), body=b'{"notificationItems":[]}'
    ),
    "another clientState": lambda: send(
        provider("microsoft-graph", secret="env:KEY"), body=b'{"value":[{"clientState":"a guess"}]}'
    ),
    "a handshake without a token set": lambda: send(
        META, method="GET", query="?hub.mode=subscribe&hub.verify_token=&hub.challenge=1"
    ),
    "a handshake with another token": lambda: send(
        META_SHAKING, method="GET", query=f"{SHAKE}&hub.verify_token=guess&hub.challenge=1"
    ),
    "a handshake with two tokens, one right": lambda: send(
        META_SHAKING,
        method="GET",
        query=f"{SHAKE}&hub.verify_token=guess&hub.verify_token=verify%20token&hub.challenge=1",
    ),
    "DELETE": lambda: bearing(token(), method="DELETE"),
    "GET where there is no handshake": lambda: bearing(token(), method="GET"),
    "a body beyond the limit": lambda: bearing(token(), body=b"[" + b" " * 1_048_576 + b"]"),
    "text/plain": lambda: send(
        HS, headers={"authorization": f"Bearer {token()}", "content-type": "text/plain"}
    ),
    "a compressed body": lambda: bearing(
        token(), extra=((b"Content-Encoding", b"gzip"),), body=gzip.compress(BODY)
    ),
    "Content-Type twice": lambda: bearing(token(), extra=((b"Content-Type", b"text/plain"),)),
    "duplicate members": lambda: bearing(token(), body=b'{"id": 1, "id": 2}'),
    "NaN": lambda: bearing(token(), body=b'{"id": NaN}'),
    "a byte order mark": lambda: bearing(token(), body=b"\xef\xbb\xbf{}"),
    "a lone surrogate": lambda: bearing(token(), body=b'{"id": "\\ud800"}'),
    "invalid UTF-8": lambda: bearing(token(), body=b'{"id": "\xff"}'),
    "65 levels": lambda: bearing(token(), body=b"[" * 65 + b"]" * 65),
    "100,000 open brackets": lambda: bearing(token(), body=b"[" * 100_000),
    "10,001 parameters": lambda: bearing(token(), body=b"[" + b"1," * 10_000 + b"1]"),
    "an integer of 5,000 digits": lambda: bearing(token(), body=b"[" + b"9" * 5_000 + b"]"),
    "an exponent out of range": lambda: bearing(token(), body=b"[1e9999999999999999999]"),
    "a single value": lambda: bearing(token(), body=b'"text"'),
    "two hashes of the sender's": lambda: bearing(
        token(), extra=((b"X-Deduplication-Hash", b"a"), (b"X-Deduplication-Hash", b"b"))
    ),
    "a hash of 300 bytes": lambda: bearing(token(), extra=((b"X-Deduplication-Hash", b"a" * 300),)),
}

_ROW = re.compile(r"^\| ([^|]+?) \| (\d{3}) \| `([a-z-]+)` \|$", re.MULTILINE)
_DOCUMENTED = {
    name: (int(status), slug)
    for name, status, slug in _ROW.findall(
        (Path(__file__).parents[1] / "docs" / "attacks.md").read_text()
    )
}


def _stray(text: str) -> str:
    """Change bits of the last character that decode to nothing: 43 characters hold 256 bits."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_as_documented(name: str) -> None:
    """Status and cause are those of docs/attacks.md, and nothing secret is said."""
    judged = ATTACKS[name]()
    assert isinstance(judged, Rejected)
    response = answer(judged)
    assert (response.status, judged.refusal.slug) == _DOCUMENTED[name]
    said = response.body + repr(response.headers).encode() + str(judged.refusal).encode()
    for secret in (KEY, b"app secret", b"verify token", mac(BODY).encode(), token().encode()):
        assert secret not in said


def test_every_documented_attack_is_tried() -> None:
    """No row of the table is only words."""
    assert set(_DOCUMENTED) == set(ATTACKS)


@pytest.mark.parametrize("scheme", [HS, META], ids=["jwt", "meta"])
def test_good_credentials_pass(scheme: Scheme) -> None:
    """The guard is not a wall: what a sender adds is accepted."""
    assert isinstance(send(scheme, headers=credentials(scheme, SECRETS, BODY, NOW_MS)), Candidate)


def test_an_rsa_token_passes() -> None:
    """The owner of the private key gets through with the public key set here."""
    pem = RSA_KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    text = issue_token(pem, now_ms=NOW_MS, algorithm="RS256")
    assert isinstance(bearing(text, RS), Candidate)


def test_githubs_published_vector() -> None:
    """The signature that GitHub's documentation gives is the one computed here."""
    wanted = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert mac(b"Hello, World!", b"It's a Secret to Everybody") == wanted
    spec = Spec(name="github", endpoint=ENDPOINT, authorization=META)
    headers = ((b"X-Hub-Signature-256", b"sha256=" + wanted.encode()),)
    request = Request("POST", "/", headers, b"Hello, World!", NOW_MS)
    judged = Gateway(spec, {"env:APP": b"It's a Secret to Everybody"}).judge(request)
    assert isinstance(judged, Rejected)
    assert judged.refusal.slug == "unsupported-media-type"  # past the signature


def test_nothing_but_refusals_escapes() -> None:
    """Mutated real payloads, headers and credentials under every scheme."""
    found = run(4_000, seed=2026)
    assert found["candidate"] > 100
    assert found["bad-json"] > 100
