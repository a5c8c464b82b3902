"""Find all mistakes in a bearer token."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, get_args

from nbincoming.core.auth.diagnosis.finding import (
    FIRST_IN_MILLISECONDS,
    Finding,
    given_twice,
    missing_header,
)
from nbincoming.core.auth.diagnosis.variants import secret_variants
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

#: Text that looks like a JWT. Its header starts with ``{"``, in base64url ``eyJ``.
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
    """Find a token in any header, and report if it is in the wrong place."""
    how = "Send 'Authorization: Bearer <token>'."
    if value is None:
        for name, other in request.headers:
            match = _TOKEN.search(other)
            if match is not None:
                where = quote(name.decode("latin-1"))
                return match[0], [
                    Finding("other-header", f"The token is in the header {where}. {how}")
                ]
        return None, [missing_header("authorization")]
    match = _TOKEN.search(value)
    if match is None:
        return None, [Finding("no-token", f"The header Authorization contains no token. {how}")]
    before, after = value[: match.start()].strip().lower(), value[match.end() :]
    if before == b"bearer" and not after:
        return match[0], []
    if not before and not after:
        text = f"The header Authorization has a token without 'Bearer ' before it. {how}"
        return match[0], [Finding("no-bearer", text)]
    text = f"The header Authorization has more than 'Bearer ' and a token. {how}"
    return match[0], [Finding("not-alone", text)]


def _malformed_hint(raw: bytes) -> str:
    segments = raw.count(b".") + 1
    if segments == 5:
        return " This one has five segments, so it is encrypted (JWE). Send a signed token."
    if segments != 3:
        return f" This one has {segments} segments. Check that it was not cut off."
    if re.search(rb"[=+/]", raw):
        return " It is in standard base64. Write it in base64url, without =."
    return ""


def _examine_key(token: Token, scheme: Jwt, secrets: Secrets) -> Iterator[Finding]:
    required, named = scheme.algorithm, token.algorithm
    keys = [key for name in scheme.secret_names() for key in prepare_keys(secrets[name], required)]
    if named != required:
        yield Finding(
            "algorithm",
            f"The token names the algorithm {quote(named)}, but {required} is required. "
            + _algorithm_hint(named, required),
        )
    elif is_signed_by(token, required, keys_for(token, keys)):
        return
    known = {key.key_id for key in keys if key.key_id is not None}
    if known and token.key_id is not None and token.key_id not in known:
        yield Finding(
            "unknown-key",
            f"The token names the key {quote(token.key_id)}, but the keys in force are "
            f"{quote(', '.join(sorted(known)))}. Ask the issuer to publish its key.",
        )
        if named == required and is_signed_by(token, required, keys):
            return  # only the name of the key is wrong
    if named not in _ALGORITHMS:
        return
    for name in scheme.secret_names():
        for key, mistake in _keys_by_mistake(secrets[name], named):
            if is_signed_by(token, named, [key]):
                if mistake:
                    yield Finding(
                        "signature",
                        f"The issuer has the right secret, but {mistake}. Correct the secret "
                        "at the issuer or here.",
                    )
                elif named.startswith("HS") and not required.startswith("HS"):
                    yield Finding(
                        "key-confusion",
                        "The token is signed with the public key as if it were a shared secret. "
                        "Either this is an attack, or the issuer uses the wrong key.",
                    )
                else:
                    yield Finding(
                        "signature",
                        f"The signature is right for {named}. Set algorithm to {named} here, or "
                        f"to {required} at the issuer.",
                    )
                return
    yield Finding(
        "signature",
        "The token is not signed with a key in force. Use the same key at the issuer and here.",
    )


def _algorithm_hint(named: Value, required: str) -> str:
    if str(named).lower() == "none":
        return "A token without a signature proves nothing. Sign it."
    if str(named).startswith("HS") != required.startswith("HS"):
        return (
            "HS algorithms use a shared secret; RS, PS, ES and EdDSA use a pair of keys. Choose "
            "one kind at the issuer and here."
        )
    return "Set the same algorithm at the issuer and here."


def _keys_by_mistake(secret: bytes, algorithm: AlgorithmName) -> Iterator[tuple[TokenKey, str]]:
    if algorithm.startswith("HS") and not secret.lstrip().startswith(b"{"):
        for variant in secret_variants(secret):
            yield TokenKey(None, variant.value), variant.mistake
        return
    try:
        keys = prepare_keys(secret, algorithm)
    except ValueError:  # not a key for this algorithm
        return
    for key in keys:
        yield key, ""


def _examine_claims(
    claims: Mapping[str, Value], policy: TokenPolicy, now_ms: int
) -> Iterator[Finding]:
    in_ms = [name for name in ("exp", "nbf", "iat") if _in_milliseconds(claims.get(name))]
    for name in in_ms:
        yield Finding(
            "milliseconds", f"The token's {name} is in milliseconds. Issue it in seconds."
        )
    seconds = {name: v // 1000 if name in in_ms else v for name, v in claims.items()}
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
    return type(time) is int and FIRST_IN_MILLISECONDS <= time < FIRST_IN_MILLISECONDS * 1000


def _permission_hint(claims: Mapping[str, Value], policy: TokenPolicy) -> str:
    granted = claims.get(policy.permissions_claim)
    if isinstance(granted, str) and str(policy.permission) in granted.replace(",", " ").split():
        return " The claim is a string. Write an array of strings."
    for name, value in claims.items():
        words = value.replace(",", " ").split() if isinstance(value, str) else value
        if isinstance(words, list) and policy.permission in words:
            return f" The claim {quote(name)} grants it. Set permissions_claim to that name."
    return ""
