"""Explain why a request was refused, and what the sender must change.

The notebook shows findings to the analyst. Senders never get them, because findings help to
forge signatures. No finding contains a secret or a MAC.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence

from nbincoming.core.auth.diagnosis.finding import Finding
from nbincoming.core.auth.diagnosis.proof_mistakes import examine_proof
from nbincoming.core.auth.diagnosis.token_mistakes import examine_token
from nbincoming.core.auth.diagnosis.variants import secret_variants
from nbincoming.core.auth.provider_scheme import ProviderScheme
from nbincoming.core.auth.providers import Provider
from nbincoming.core.auth.schemes import Authorization, Jwt, NoAuthorization, ProofScheme
from nbincoming.core.auth.signature_schemes import Meta
from nbincoming.core.auth.verification import (
    Secrets,
    compile_handshake,
    compile_verify,
    shakes_hands,
)
from nbincoming.core.request.message import Request
from nbincoming.errors import Refusal, SecretError


def diagnose(request: Request, authorization: Authorization, secrets: Secrets) -> list[Finding]:
    """Find out why a request is not authorized.

    Parameters
    ----------
    request
        A refused request.
    authorization, secrets
        The scheme and the secrets of the endpoint that refused it.

    Returns
    -------
    list of Finding
        Empty if the credentials are right. If no known mistake explains the refusal, it
        contains only the refusal's message.
    """
    if isinstance(authorization, NoAuthorization):
        return []
    try:
        verify: Callable[[Request], object] = compile_verify(authorization, secrets)
        handshake = compile_handshake(authorization, secrets)
    except SecretError as error:
        return [Finding("unusable-secret", str(error))]
    if handshake is not None and request.method == "GET":
        verify = handshake
    try:
        verify(request)
    except Refusal as refusal:
        found = list(_examine(request, authorization, secrets))
        return found or [Finding(refusal.slug, refusal.detail)]
    return []


def _examine(request: Request, scheme: Jwt | ProofScheme, secrets: Secrets) -> Iterator[Finding]:
    if request.method == "GET" and shakes_hands(scheme):
        yield from _examine_handshake(request, scheme, secrets)
        return
    match scheme:
        case Jwt():
            yield from examine_token(request, scheme, secrets)
        case _:
            values = [secrets[name] for name in scheme.secrets]
            if isinstance(scheme, ProviderScheme):
                yield from _examine_setup(request, scheme.row, values)
            yield from examine_proof(request, scheme.proof(), values)


def _examine_setup(
    request: Request, provider: Provider, secrets: Sequence[bytes]
) -> Iterator[Finding]:
    """Find the usual mistakes in setting up a provider."""
    for start, what in provider.wrong_secrets.items():
        if any(secret.strip().startswith(start.encode()) for secret in secrets):
            yield Finding(
                "another-secret",
                f"The secret here starts with {start}, so it is {what} of {provider.title}. "
                f"{provider.setup}",
            )
    for header, meaning in provider.other_headers.items():
        own = provider.proof.headers()
        if request.header(header.encode()) and not any(request.header(h.encode()) for h in own):
            yield Finding("another-header", f"{meaning} {provider.setup}")


def _examine_handshake(
    request: Request, scheme: Meta | ProviderScheme, secrets: Secrets
) -> Iterator[Finding]:
    if scheme.verify_token is None:
        yield Finding(
            "no-verify-token", "No verify_token is set here. Set one, and enter it at the sender."
        )
        return
    for name in ("hub.mode", "hub.verify_token", "hub.challenge"):
        count = len(request.query(name))
        if count != 1:
            written = name.replace(".", "_")
            but = f", but {written} is there" if request.query(written) else ""
            yield Finding("handshake", f"{name} is given {count} times{but}. Send it once.")
    if request.query("hub.mode") not in ([], ["subscribe"]):
        yield Finding("mode", "hub.mode is not 'subscribe'. Send hub.mode=subscribe.")
    expected = secrets[scheme.verify_token]
    for text in request.query("hub.verify_token")[:1]:
        given = text.encode("utf-8", "surrogateescape")
        if hmac.compare_digest(given, expected):
            continue
        if any(
            hmac.compare_digest(given.strip(), each.value) for each in secret_variants(expected)
        ):
            yield Finding(
                "verify-token",
                "hub.verify_token differs from the one set here only by white space or quotes "
                "around it. Enter it again.",
            )
        elif any(hmac.compare_digest(given, secrets[name]) for name in scheme.secrets):
            yield Finding(
                "verify-token",
                "hub.verify_token holds the app secret, which must not appear in a URL. Renew "
                "the app secret, and enter the verify token at the sender.",
            )
        else:
            yield Finding(
                "verify-token", "hub.verify_token is not the one set here. Enter it again."
            )
