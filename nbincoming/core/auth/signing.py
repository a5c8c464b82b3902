"""The credentials that a sender adds to a request: signatures and tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbincoming.core.auth.proofs.proof import Proof
from nbincoming.core.auth.schemes import Authorization, Jwt, NoAuthorization
from nbincoming.core.auth.signatures import with_header
from nbincoming.core.auth.tokens import issue_token
from nbincoming.core.auth.verification import Secrets
from nbincoming.core.request.message import Request
from nbincoming.errors import Refusal, SecretError


def signed(authorization: Authorization, secrets: Secrets, request: Request) -> Request:
    """Return a request with what authorizes it, signed with the newest secret.

    Most schemes add headers. Some providers have their proof in the body or in the URL.

    Raises
    ------
    SecretError
        If the secret is missing or unusable, signing needs a private key, or the request lacks a
        part that is signed.
    """
    match authorization:
        case NoAuthorization():
            return request
        case Jwt():
            bearer = f"Bearer {token(authorization, secrets, request.received_at_ms)}"
            return with_header(request, "authorization", bearer.encode())
        case _:
            proof: Proof = authorization.proof()
            name = authorization.secrets[-1]
            secret = _newest(authorization.secrets, secrets)
            try:
                return proof.sign(request, proof.prepare(secret))
            except ValueError as error:
                raise SecretError(f"{name} {error}.") from None
            except Refusal as refusal:
                raise SecretError(f"The request cannot be signed. {refusal.detail}") from None


def credentials(
    authorization: Authorization, secrets: Secrets, body: bytes, now_ms: int
) -> dict[str, str]:
    """Return the headers that authorize a request, made with the newest secret.

    Raises
    ------
    SecretError
        As :func:`signed` does; also if more than the body is needed to sign, or more than headers
        to carry the proof.
    """
    request = Request("POST", "", (), body, now_ms)
    made = signed(authorization, secrets, request)
    if (made.body, made.target) != (body, ""):
        raise SecretError(
            "The proof of this sender is in the body or in the URL, so no header can carry it."
        )
    return {name.decode(): value.decode("latin-1") for name, value in made.headers}


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
