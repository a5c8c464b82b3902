"""Explain why a request was refused, and what the sender must change.

The notebook shows findings to the analyst. Senders never get them, because findings help to
forge signatures. No finding contains a secret or a MAC.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import Final, assert_never

from nbincoming.core.auth.diagnosis.finding import (
    FIRST_IN_MILLISECONDS,
    Finding,
    given_twice,
    missing_header,
)
from nbincoming.core.auth.diagnosis.signature_mistakes import SignatureFormat, explain_signature
from nbincoming.core.auth.diagnosis.token_mistakes import examine_token
from nbincoming.core.auth.diagnosis.variants import (
    Variant,
    body_variants,
    secret_variants,
    timed_variants,
)
from nbincoming.core.auth.schemes import (
    Authorization,
    Hmac,
    Jwt,
    Meta,
    NoAuthorization,
    StandardWebhooks,
)
from nbincoming.core.auth.signatures import META_HEADER, META_PREFIX, check_time, standard_key
from nbincoming.core.auth.verification import Secrets, compile_handshake, compile_verify
from nbincoming.core.request.message import Request
from nbincoming.errors import Refusal, SecretError

#: Headers of Standard Webhooks, with their former names.
_FORMER_NAMES: Final = {"webhook-id": "svix-id", "webhook-timestamp": "svix-timestamp"}


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


def _examine(
    request: Request, scheme: Jwt | Meta | Hmac | StandardWebhooks, secrets: Secrets
) -> Iterator[Finding]:
    match scheme:
        case Jwt():
            yield from examine_token(request, scheme, secrets)
        case Meta() if request.method == "GET":
            yield from _examine_handshake(request, scheme, secrets)
        case Meta():
            expected = SignatureFormat(META_HEADER, "sha256", "hex", META_PREFIX)
            yield from _examine_hmac(request, expected, _secret_variants(scheme.secrets, secrets))
        case Hmac():
            expected = SignatureFormat(
                scheme.header, scheme.algorithm, scheme.encoding, scheme.prefix
            )
            keys = _secret_variants(scheme.secrets, secrets)
            if scheme.timestamp_header is not None:
                yield from _examine_time(request, scheme.timestamp_header, scheme.tolerance_s)
            yield from _examine_hmac(request, expected, keys, scheme.timestamp_header)
        case StandardWebhooks():
            yield from _examine_standard(request, scheme, secrets)
        case _:
            assert_never(scheme)


def _secret_variants(names: tuple[str, ...], secrets: Secrets) -> list[Variant]:
    return [variant for name in names for variant in secret_variants(secrets[name])]


def _examine_hmac(
    request: Request,
    expected: SignatureFormat,
    keys: list[Variant],
    timestamp_header: str | None = None,
) -> Iterator[Finding]:
    time = None
    if timestamp_header is not None:
        values = request.header(timestamp_header.encode())
        time = values[0].strip() if values else b""
    contents = timed_variants(request, body_variants(request.body), time)
    yield from _examine_signature(request, expected, keys, contents)


def _examine_standard(
    request: Request, scheme: StandardWebhooks, secrets: Secrets
) -> Iterator[Finding]:
    given = {}
    for header, former in _FORMER_NAMES.items():
        values, before = request.header(header.encode()), request.header(former.encode())
        given[header] = (values or before or [b""])[0].strip()
        if not values:
            yield missing_header(header, instead=former if before else None)
    if request.header(b"webhook-timestamp"):
        yield from _examine_time(request, "webhook-timestamp", scheme.tolerance_s)
    start = given["webhook-id"] + b"." + given["webhook-timestamp"] + b"."
    contents = [Variant(start + each.value, each.mistake) for each in body_variants(request.body)]
    contents.append(
        Variant(
            request.body, "signed the body without the id and the time; sign <id>.<time>.<body>"
        )
    )
    undecoded = "did not remove the prefix whsec_ and decode the rest of the secret from base64"
    keys = []
    for name in scheme.secrets:
        text = secrets[name]
        keys += [
            Variant(standard_key(text)),
            Variant(text, undecoded),
            Variant(text.removeprefix(b"whsec_"), undecoded),
        ]
    expected = SignatureFormat("webhook-signature", "sha256", "base64", "v1,")
    yield from _examine_signature(request, expected, keys, contents)


def _examine_signature(
    request: Request, expected: SignatureFormat, keys: list[Variant], contents: list[Variant]
) -> Iterator[Finding]:
    given = request.header(expected.header.encode())
    if len(given) > 1:
        yield given_twice(expected.header, len(given))
    mistakes = explain_signature(request, expected, keys, contents)
    if mistakes:
        yield Finding(
            "signature",
            f"The sender has the right secret, but {', and '.join(mistakes)}. "
            "Correct the sender, or change the authorization here.",
        )
    elif not given:
        yield missing_header(expected.header)
    elif mistakes is None:
        yield Finding(
            "signature",
            "The signature was made with another secret or for another body. None of the usual "
            "mistakes explains it. Enter the same secret at the sender and here.",
        )


def _examine_time(request: Request, header: str, tolerance_s: int) -> Iterator[Finding]:
    values = request.header(header.encode())
    if len(values) != 1:
        yield given_twice(header, len(values)) if values else missing_header(header)
        return
    stamp = values[0].strip()
    if stamp.isdigit() and int(stamp[:20]) >= FIRST_IN_MILLISECONDS:
        yield Finding(
            "milliseconds", f"The time in {header} is in milliseconds. Send it in seconds."
        )
        return
    try:
        check_time(stamp, request.received_at_ms, tolerance_s, header)
    except Refusal as refusal:
        yield Finding("time", refusal.detail)


def _examine_handshake(request: Request, scheme: Meta, secrets: Secrets) -> Iterator[Finding]:
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
