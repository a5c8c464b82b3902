"""What a sender adds to a request so that an endpoint accepts it."""

from __future__ import annotations

import hashlib
from typing import assert_never

from nbincoming.core.authorization import (
    Authorization,
    Hmac,
    Jwt,
    Meta,
    NoAuthorization,
    StandardWebhooks,
)
from nbincoming.core.signatures import (
    META_HEADER,
    META_PREFIX,
    encode_signature,
    sign,
    standard_key,
)
from nbincoming.core.tokens import PERMISSION, issue_token
from nbincoming.core.verification import Secrets
from nbincoming.errors import SecretError


def credentials(
    authorization: Authorization, secrets: Secrets, body: bytes, now_ms: int
) -> dict[str, str]:
    """Return the headers that authorize a body; the newest secret signs.

    Raises
    ------
    SecretError
        If only the owner of a private key could sign.
    KeyError
        If a secret is missing.
    """
    now_s = str(now_ms // 1000)
    match authorization:
        case NoAuthorization():
            return {}
        case Jwt(algorithm=algorithm):
            if not algorithm.startswith("HS") or not authorization.secrets:
                raise SecretError(
                    f"{algorithm} tokens are signed by a private key, which is not here. Let its "
                    "owner sign one."
                )
            claims = {"aud": authorization.audience, "iss": authorization.issuer}
            token = issue_token(
                secrets[authorization.secrets[-1]],
                now_ms=now_ms,
                algorithm=algorithm,
                permissions=[authorization.permission or PERMISSION],
                permissions_claim=authorization.permissions_claim,
                claims={name: value for name, value in claims.items() if value is not None},
            )
            return {"authorization": f"Bearer {token}"}
        case Meta():
            mac = encode_signature(sign(secrets[authorization.secrets[-1]], body), "hex")
            return {META_HEADER: META_PREFIX + mac.decode()}
        case Hmac() as scheme:
            headers, content = {}, body
            if scheme.timestamp_header is not None:
                headers[scheme.timestamp_header] = now_s
                content = now_s.encode() + b"." + body
            mac = sign(secrets[scheme.secrets[-1]], content, scheme.algorithm)
            signature = scheme.prefix + encode_signature(mac, scheme.encoding).decode()
            return {**headers, scheme.header: signature}
        case StandardWebhooks():
            identity = "msg_" + hashlib.sha256(now_s.encode() + body).hexdigest()[:24]
            content = b".".join((identity.encode(), now_s.encode(), body))
            mac = sign(standard_key(secrets[authorization.secrets[-1]]), content)
            return {
                "webhook-id": identity,
                "webhook-timestamp": now_s,
                "webhook-signature": "v1," + encode_signature(mac, "base64").decode(),
            }
        case _:
            assert_never(authorization)
