"""The credentials that a sender adds to a request: signatures and tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, assert_never

from nbincoming.core.auth.schemes import (
    Authorization,
    Hmac,
    Jwt,
    Meta,
    NoAuthorization,
    StandardWebhooks,
)
from nbincoming.core.auth.signatures import (
    META_HEADER,
    META_PREFIX,
    encode_signature,
    sign,
    sign_standard,
    standard_key,
)
from nbincoming.core.auth.tokens import issue_token
from nbincoming.core.auth.verification import Secrets
from nbincoming.errors import SecretError


def credentials(
    authorization: Authorization, secrets: Secrets, body: bytes, now_ms: int
) -> dict[str, str]:
    """Return the headers that authorize a request, made with the newest secret.

    Raises
    ------
    SecretError
        If the secret is missing or unusable, or signing needs a private key.
    """
    now_s = str(now_ms // 1000)
    match authorization:
        case NoAuthorization():
            return {}
        case Jwt():
            return {"authorization": f"Bearer {token(authorization, secrets, now_ms)}"}
        case Meta():
            mac = encode_signature(sign(_newest(authorization.secrets, secrets), body), "hex")
            return {META_HEADER: META_PREFIX + mac.decode()}
        case Hmac() as scheme:
            headers, content = {}, body
            if scheme.timestamp_header is not None:
                headers[scheme.timestamp_header] = now_s
                content = now_s.encode() + b"." + body
            mac = sign(_newest(scheme.secrets, secrets), content, scheme.algorithm)
            signature = scheme.prefix + encode_signature(mac, scheme.encoding).decode()
            return {**headers, scheme.header: signature}
        case StandardWebhooks():
            try:
                key = standard_key(_newest(authorization.secrets, secrets))
            except ValueError as error:
                raise SecretError(f"{authorization.secrets[-1]} {error}.") from None
            identity = "msg_" + hashlib.sha256(now_s.encode() + body).hexdigest()[:24]
            signed = sign_standard(key, identity.encode(), now_s.encode(), body)
            return {
                "webhook-id": identity,
                "webhook-timestamp": now_s,
                "webhook-signature": signed.decode(),
            }
        case _:
            assert_never(authorization)


def token(scheme: Jwt, secrets: Secrets, now_ms: int, **options: Any) -> str:
    """Sign a token that a scheme accepts, with the newest secret.

    Parameters
    ----------
    **options
        Options of :func:`~nbincoming.core.auth.tokens.issue_token`. They override the scheme.

    Raises
    ------
    SecretError
        If the secret is missing or unusable, or signing needs a private key.
    """
    if not scheme.algorithm.startswith("HS"):
        raise SecretError(
            f"{scheme.algorithm} tokens are signed with a private key, which nbincoming does not "
            "have. Ask its owner for a token."
        )
    parties = {"aud": scheme.audience, "iss": scheme.issuer}
    claims = {name: value for name, value in parties.items() if value is not None}
    secret = _newest(scheme.secrets, secrets)
    required = {
        "permissions": [] if scheme.permission is None else [scheme.permission],
        "permissions_claim": scheme.permissions_claim,
    }
    claims |= options.pop("claims", None) or {}
    try:
        return issue_token(
            secret,
            now_ms=now_ms,
            algorithm=scheme.algorithm,
            claims=claims,
            **{**required, **options},
        )
    except ValueError as error:
        raise SecretError(f"{scheme.secrets[-1]} {error}.") from None


def _newest(names: Sequence[str], secrets: Secrets) -> bytes:
    name = names[-1]
    try:
        value = secrets[name]
    except LookupError:
        value = b""
    if not value:
        raise SecretError(f"The secret {name} was not found. Set it, or enter it in the notebook.")
    return value
