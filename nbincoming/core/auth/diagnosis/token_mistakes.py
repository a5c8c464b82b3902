"""The usual mistakes with bearer tokens: what is wrong with one, all of it at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, get_args

from nbincoming.core.auth.diagnosis.signature_mistakes import (
    LATEST_S,
    Finding,
    given_twice,
    missing_header,
    secret_variants,
)
from nbincoming.core.auth.schemes import Jwt
from nbincoming.core.auth.token_keys import AlgorithmName, TokenKey, prepare_keys
from nbincoming.core.auth.token_policy import (
    TokenPolicy,
    check_parties,
    check_permission,
    check_times,
)
from nbincoming.core.auth.tokens import Token, is_signed_by, keys_for
from nbincoming.core.auth.verification import Secrets
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import Value
from nbincoming.errors import BadToken, Refusal, quote

#: A JWT, or what may have been meant as one: its header starts with ``{"``.
_TOKEN: Final = re.compile(rb"eyJ[A-Za-z0-9_=+/-]*(?:\.[A-Za-z0-9_=+/-]*)+")

_ALGORITHMS: Final = get_args(AlgorithmName)


def examine_token(request: Request, scheme: Jwt, secrets: Secrets) -> list[Finding]:
    """Find what is wrong with a request's token."""
    values = request.header(b"authorization")
    if len(values) > 1:
        return [given_twice("authorization", len(values))]
    raw, findings = _find_token(request, values[0].strip() if values else None)
    if raw is None:
        return findings
    try:
        token = Token.read(raw)
        claims = token.claims()
    except BadToken as error:
        return [*findings, Finding("malformed", error.detail + _malformed_hint(raw))]
    return [
        *findings,
        *_examine_key(token, scheme, secrets),
        *_examine_claims(claims, scheme.token_policy(), request.received_at_ms),
    ]


def _find_token(request: Request, value: bytes | None) -> tuple[bytes | None, list[Finding]]:
    """Find what looks like a token, wherever it is, and say what is wrong with the place."""
    how = "Send 'Authorization: Bearer <token>'."
    if value is None:
        for name, other in request.headers:
            match = _TOKEN.search(other)
            if match is not None:
                where = quote(name.decode("latin-1"))
                return match[0], [
                    Finding("other-header", f"The token came in the header {where}. {how}")
                ]
        return None, [missing_header("authorization")]
    match = _TOKEN.search(value)
    if match is None:
        return None, [Finding("no-token", f"The header Authorization holds no token. {how}")]
    before, after = value[: match.start()].strip().lower(), value[match.end() :]
    if before == b"bearer" and not after:
        return match[0], []
    if not before and not after:
        text = f"The header Authorization holds a token without 'Bearer ' before it. {how}"
        return match[0], [Finding("no-bearer", text)]
    text = f"The header Authorization holds more than 'Bearer ' and a token. {how}"
    return match[0], [Finding("not-alone", text)]


def _malformed_hint(raw: bytes) -> str:
    segments = raw.count(b".") + 1
    if segments == 5:
        return " This one has five, so it is encrypted (JWE). Send a signed token."
    if segments != 3:
        return f" This one has {segments}; perhaps it was cut off."
    if re.search(rb"[=+/]", raw):
        return " It is written in plain base64. Write it in base64url, without =."
    return ""


def _examine_key(token: Token, scheme: Jwt, secrets: Secrets) -> Iterator[Finding]:
    required, named = scheme.algorithm, token.algorithm
    keys = [key for name in scheme.secret_names() for key in prepare_keys(secrets[name], required)]
    if named != required:
        yield Finding(
            "algorithm",
            f"The token says that it is signed by {quote(named)}, and {required} is required. "
            + _algorithm_hint(named, required),
        )
    elif is_signed_by(token, required, keys_for(token, keys)):
        return
    known = {key.key_id for key in keys if key.key_id is not None}
    if known and token.key_id is not None and token.key_id not in known:
        yield Finding(
            "unknown-key",
            f"The token names the key {quote(token.key_id)}, and those in force are "
            f"{quote(', '.join(sorted(known)))}. Let the issuer publish its key.",
        )
        if named == required and is_signed_by(token, required, keys):
            return  # by a key that it does not name: nothing else is wrong with the signature
    if named not in _ALGORITHMS:
        return
    for name in scheme.secret_names():
        for key, mistake in _keys_by_mistake(secrets[name], named):
            if is_signed_by(token, named, [key]):
                if mistake:
                    yield Finding("signature", f"The signature would match if {mistake}.")
                elif named.startswith("HS") and not required.startswith("HS"):
                    yield Finding(
                        "key-confusion",
                        "The token is signed by the public key as if that were a shared secret: "
                        "an attack, or a library that was given the wrong key.",
                    )
                else:
                    yield Finding(
                        "signature",
                        f"The signature is right by {named}. Set algorithm to {named} here, or "
                        f"to {required} at the issuer.",
                    )
                return
    yield Finding("signature", "The token is signed by another key than those in force.")


def _algorithm_hint(named: Value, required: str) -> str:
    if str(named).lower() == "none":
        return "A token without a signature is nobody's."
    if str(named).startswith("HS") != required.startswith("HS"):
        return "A shared secret (HS…) and a pair of keys (RS…, PS…, ES…, EdDSA) do not go together."
    return "Set the one or the other."


def _keys_by_mistake(secret: bytes, algorithm: AlgorithmName) -> Iterator[tuple[TokenKey, str]]:
    if algorithm.startswith("HS") and not secret.lstrip().startswith(b"{"):
        for variant in secret_variants(secret):
            yield TokenKey(None, variant.value), variant.mistake
        return
    try:
        keys = prepare_keys(secret, algorithm)
    except ValueError:  # it is of another kind
        return
    for key in keys:
        yield key, ""


def _examine_claims(
    claims: Mapping[str, Value], policy: TokenPolicy, now_ms: int
) -> Iterator[Finding]:
    late = [name for name in ("exp", "nbf", "iat") if _in_milliseconds(claims.get(name))]
    for name in late:
        yield Finding(
            "milliseconds", f"The token's {name} is in milliseconds. Write it in seconds."
        )
    seconds = {name: v // 1000 if name in late else v for name, v in claims.items()}
    try:
        check_times(seconds, policy, now_ms)
    except BadToken as error:
        yield Finding("time", error.detail)
    try:
        check_parties(claims, policy)
    except BadToken as error:
        yield Finding("party", error.detail)
    try:
        check_permission(claims, policy)
    except Refusal as refusal:
        yield Finding("permission", refusal.detail + _permission_hint(claims, policy))


def _in_milliseconds(time: Value) -> bool:
    return type(time) is int and LATEST_S <= time < LATEST_S * 1000


def _permission_hint(claims: Mapping[str, Value], policy: TokenPolicy) -> str:
    granted = claims.get(policy.permissions_claim)
    if isinstance(granted, str) and str(policy.permission) in granted.replace(",", " ").split():
        return " It is there in a text. Write a list of texts."
    for name, value in claims.items():
        words = value.replace(",", " ").split() if isinstance(value, str) else value
        if isinstance(words, list) and policy.permission in words:
            return f" It is there in the claim {quote(name)}. Set permissions_claim to that."
    return ""
