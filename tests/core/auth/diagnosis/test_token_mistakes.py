"""Which mistakes were made with a bearer token."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.diagnosis.token_mistakes import examine_token
from nbincoming.core.auth.schemes import Jwt, jwt
from nbincoming.core.auth.tokens import PERMISSION
from nbincoming.core.request.message import Request
from tests.core.auth.test_tokens import KEYS, jwk, jwks, public_pem

NOW_MS = 1_795_000_000_000
NOW_S = NOW_MS // 1000
SECRET = b"0123456789abcdef" * 4
SECRETS = {
    "env:KEY": SECRET,
    "env:TEXT": b'"' + SECRET + b'"',
    "env:PEM": public_pem(KEYS["RS256"]),
    "env:SET": jwks(jwk("ES256", KEYS["ES256"], kid="1")),
    "env:OCT": jwks({"kty": "oct", "k": base64.urlsafe_b64encode(SECRET).decode().rstrip("=")}),
}
HS, RS = jwt(secret="env:KEY"), jwt(secret="env:PEM", algorithm="RS256")
ES = jwt(secret="env:SET", algorithm="ES256")
OTHER = ec.generate_private_key(ec.SECP256R1())
CLAIMS: dict[str, Any] = {"exp": NOW_S + 60, "permissions": [PERMISSION]}


def token(
    key: Any = SECRET, algorithm: str = "HS256", headers: Any = None, **changes: Any
) -> bytes:
    """Sign the claims with changes; None removes a claim."""
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return pyjwt.encode(claims, key, algorithm=algorithm, headers=headers).encode()


def say(scheme: Jwt, *pairs: tuple[bytes, bytes]) -> list[str]:
    """Examine a request's token, and check that no finding repeats it."""
    request = Request("POST", "/", pairs, b"", NOW_MS)
    said = [str(finding) for finding in examine_token(request, scheme, SECRETS)]
    for _, value in pairs:
        assert len(value) < 30 or value.decode() not in " ".join(said)
    assert SECRET.decode() not in " ".join(said)
    return said


def bearing(raw: bytes, before: bytes = b"Bearer ") -> tuple[bytes, bytes]:
    """Put a token into its header."""
    return b"Authorization", before + raw


def plain_base64(raw: bytes) -> bytes:
    """Write a token's segments in base64 with padding."""
    return b".".join(part + b"=" * (-len(part) % 4) for part in raw.split(b"."))


def confused() -> bytes:
    """Sign by a public key, as if it were a shared secret; PyJWT itself refuses to."""
    parts = [{"alg": "HS256"}, CLAIMS]
    signed = b".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts
    )
    import hmac

    made = hmac.digest(SECRETS["env:PEM"], signed, "sha256")
    return signed + b"." + base64.urlsafe_b64encode(made).rstrip(b"=")


MISTAKES: dict[str, tuple[Jwt, Callable[[], list[tuple[bytes, bytes]]]]] = {
    "The header authorization is missing": (HS, list),
    "The token is in the header 'X-Token'": (HS, lambda: [(b"X-Token", token())]),
    "contains no token": (HS, lambda: [bearing(b"x")]),
    "without 'Bearer ' before it": (HS, lambda: [bearing(token(), b"")]),
    "has more than 'Bearer ' and a token": (HS, lambda: [bearing(token(), b'Bearer "')]),
    "authorization is given 2 times": (HS, lambda: [bearing(token())] * 2),
    "it is encrypted (JWE)": (HS, lambda: [bearing(token() + b".e.f")]),
    "This one has 2 segments. Check that it was not cut off.": (
        HS, lambda: [bearing(token().rpartition(b".")[0])]
    ),
    "in standard base64": (HS, lambda: [bearing(plain_base64(token(sub="xx")))]),
    "payload is not a JSON object": (HS, lambda: [bearing(b"eyJhIjowfQ.W10.AA")]),
    "the algorithm 'none', but HS256 is required. A token without a signature": (
        HS, lambda: [bearing(pyjwt.encode(CLAIMS, None, algorithm="none").encode() + b"AA")]
    ),
    "Set algorithm to HS512 here, or to HS256 at the issuer": (
        HS, lambda: [bearing(token(algorithm="HS512"))]
    ),
    "HS algorithms use a shared secret; RS, PS, ES and EdDSA use a pair of keys": (
        RS, lambda: [bearing(token())]
    ),
    "signed with the public key as if it were a shared secret": (
        RS, lambda: [bearing(confused())]
    ),
    "but used the secret without the quotes around it. Correct the secret": (
        jwt(secret="env:TEXT"), lambda: [bearing(token())]
    ),
    "but used the secret with a line break at its end": (
        HS, lambda: [bearing(token(SECRET + b"\n"))]
    ),
    "The token is not signed with a key in force": (
        RS, lambda: [bearing(token(KEYS["ES256"], "ES256"))]
    ),
    "the algorithm 'ES256', but HS256 is required. HS": (
        HS, lambda: [bearing(token(KEYS["ES256"], "ES256"))]
    ),
    "The signature is right for RS512. Set algorithm": (
        RS, lambda: [bearing(token(KEYS["RS512"], "RS512"))]
    ),
    "Ask the issuer to publish its key. The token is not signed": (
        ES, lambda: [bearing(token(OTHER, "ES256", {"kid": "2"}))]
    ),
    "segments have extra bits at their end": (HS, lambda: [bearing(b"eyJhIjowfQ.W10.AB")]),
    "names the key '2', but the keys in force are '1'": (
        ES, lambda: [bearing(token(KEYS["ES256"], "ES256", {"kid": "2"}, exp=1))]
    ),
    "expired 1,000 s ago": (HS, lambda: [bearing(token(exp=NOW_S - 1_000))]),
    "The token has no exp": (HS, lambda: [bearing(token(exp=None))]),
    "The token's exp is in milliseconds": (HS, lambda: [bearing(token(exp=NOW_MS + 60_000))]),
    "not for the audience that this endpoint requires (aud)": (
        jwt(secret="env:KEY", audience="us"), lambda: [bearing(token(aud="them"))]
    ),
    "The claim is a string. Write an array": (
        HS, lambda: [bearing(token(permissions=f"A,{PERMISSION}"))]
    ),
    "The claim 'scope' grants it": (
        HS, lambda: [bearing(token(permissions=None, scope=f"A {PERMISSION}"))]
    ),
    "The claim 'roles' grants it": (
        HS, lambda: [bearing(token(permissions=5, roles=[PERMISSION]))]
    ),
    "Give the API key this permission.": (HS, lambda: [bearing(token(permissions=["A"]))]),
}  # fmt: skip


@pytest.mark.parametrize("words", MISTAKES)
def test_each_mistake_is_reported(words: str) -> None:
    """The finding says what is wrong and what to do."""
    scheme, make = MISTAKES[words]
    assert words in " ".join(say(scheme, *make()))


def test_a_right_signature_with_an_unknown_key_id_is_one_mistake() -> None:
    """The signature is by a key in force, so only the name is reported."""
    (said,) = say(ES, bearing(token(KEYS["ES256"], "ES256", {"kid": "2"})))
    assert said.startswith("The token names the key '2'")


def test_all_mistakes_are_reported_at_once() -> None:
    """The header, the signature and the claims each have a finding."""
    raw = token(SECRET + b"\n", exp=NOW_S - 1_000, permissions=[])
    said = " ".join(say(HS, (b"X-Token", raw)))
    for words in ("X-Token", "line break", "expired", "does not grant"):
        assert words in said


def test_a_good_token_has_no_mistake() -> None:
    """It has no finding, whichever kind of key verifies it."""
    assert say(HS, bearing(token())) == []
    assert say(RS, bearing(token(KEYS["RS256"], "RS256"))) == []
    assert say(ES, bearing(token(KEYS["ES256"], "ES256", {"kid": "1"}))) == []
    assert say(jwt(secret="env:OCT"), bearing(token())) == []


def test_a_token_with_an_unknown_algorithm_is_not_verified() -> None:
    """The finding quotes the algorithm, whatever it is."""
    header = base64.urlsafe_b64encode(b'{"alg": ["HS256"]}').rstrip(b"=")
    _, payload, signature = token().split(b".")
    said = " ".join(say(HS, bearing(b".".join((header, payload, signature)))))
    assert "names the algorithm" in said
    assert "not signed with a key" not in said


@given(value=st.binary(max_size=60) | st.from_regex(rb"(Bearer )?eyJ[\w.=+/-]{0,60}"))
def test_every_header_value_has_a_finding(value: bytes) -> None:
    """Nothing is raised, whatever the header contains."""
    request = Request("POST", "/", ((b"authorization", value),), b"", NOW_MS)
    assert examine_token(request, HS, SECRETS)
