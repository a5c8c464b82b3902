"""The auth doctor: why a request was refused, and what would have made it good.

For the analyst in front of the notebook, never for the sender: one who is told how wrong a
signature is learns how to forge one. No finding holds a secret or a MAC.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import Final, assert_never

from nbincoming.core.auth.diagnosis.signature_mistakes import (
    LATEST_S,
    Finding,
    Variant,
    Wanted,
    body_variants,
    explain_signature,
    given_twice,
    missing_header,
    secret_variants,
    timed_variants,
)
from nbincoming.core.auth.diagnosis.token_mistakes import examine_token
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

#: The headers of Standard Webhooks, and what they were called before.
_FORMERLY: Final = {"webhook-id": "svix-id", "webhook-timestamp": "svix-timestamp"}


def diagnose(request: Request, authorization: Authorization, secrets: Secrets) -> list[Finding]:
    """Say why a request is not authorized, as far as the usual mistakes explain it.

    Parameters
    ----------
    request
        A request that was refused.
    authorization, secrets
        Those of the endpoint.

    Returns
    -------
    list of Finding
        Empty where the credentials are right.
    """
    if isinstance(authorization, NoAuthorization):
        return []  # it refuses nothing
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
            wanted = Wanted(META_HEADER, "sha256", "hex", META_PREFIX)
            yield from _examine_hmac(request, wanted, _forms(scheme.secrets, secrets))
        case Hmac():
            wanted = Wanted(scheme.header, scheme.algorithm, scheme.encoding, scheme.prefix)
            keys = _forms(scheme.secrets, secrets)
            if scheme.timestamp_header is not None:
                yield from _examine_time(request, scheme.timestamp_header, scheme.tolerance_s)
            yield from _examine_hmac(request, wanted, keys, scheme.timestamp_header)
        case StandardWebhooks():
            yield from _examine_standard(request, scheme, secrets)
        case _:
            assert_never(scheme)


def _forms(names: tuple[str, ...], secrets: Secrets) -> list[Variant]:
    return [variant for name in names for variant in secret_variants(secrets[name])]


def _examine_hmac(
    request: Request, wanted: Wanted, keys: list[Variant], timestamp_header: str | None = None
) -> Iterator[Finding]:
    time = None
    if timestamp_header is not None:
        values = request.header(timestamp_header.encode())
        time = values[0].strip() if values else b""
    contents = timed_variants(request, body_variants(request.body), time)
    yield from _examine_signature(request, wanted, keys, contents)


def _examine_standard(
    request: Request, scheme: StandardWebhooks, secrets: Secrets
) -> Iterator[Finding]:
    given = {}
    for header, former in _FORMERLY.items():
        values, before = request.header(header.encode()), request.header(former.encode())
        given[header] = (values or before or [b""])[0].strip()
        if not values:
            yield missing_header(header, instead=former if before else None)
    if request.header(b"webhook-timestamp"):
        yield from _examine_time(request, "webhook-timestamp", scheme.tolerance_s)
    start = given["webhook-id"] + b"." + given["webhook-timestamp"] + b"."
    contents = [Variant(start + each.value, each.mistake) for each in body_variants(request.body)]
    contents.append(
        Variant(request.body, "the id and the time were signed along, as <id>.<time>.<body>")
    )
    undecoded = "the secret were decoded from base64, without its prefix whsec_"
    keys = []
    for name in scheme.secrets:
        text = secrets[name]
        keys += [
            Variant(standard_key(text)),
            Variant(text, undecoded),
            Variant(text.removeprefix(b"whsec_"), undecoded),
        ]
    wanted = Wanted("webhook-signature", "sha256", "base64", "v1,")
    yield from _examine_signature(request, wanted, keys, contents)


def _examine_signature(
    request: Request, wanted: Wanted, keys: list[Variant], contents: list[Variant]
) -> Iterator[Finding]:
    given = request.header(wanted.header.encode())
    if len(given) > 1:
        yield given_twice(wanted.header, len(given))
    mistakes = explain_signature(request, wanted, keys, contents)
    if mistakes:
        yield Finding(
            "signature",
            f"The signature would match if {' and if '.join(mistakes)}. "
            "Change that at the sender, or the authorization here.",
        )
    elif not given:
        yield missing_header(wanted.header)
    elif mistakes is None:
        yield Finding(
            "signature",
            "The signature is of another secret or another body; none of the usual mistakes "
            "explains it. Enter the same secret at the sender and here.",
        )


def _examine_time(request: Request, header: str, tolerance_s: int) -> Iterator[Finding]:
    values = request.header(header.encode())
    if len(values) != 1:
        yield given_twice(header, len(values)) if values else missing_header(header)
        return
    stamp = values[0].strip()
    if stamp.isdigit() and int(stamp[:20]) >= LATEST_S:
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
            "no-verify-token", "No verify_token is set here. Set one, and enter it there."
        )
        return
    for name in ("hub.mode", "hub.verify_token", "hub.challenge"):
        count = len(request.query(name))
        if count != 1:
            written = name.replace(".", "_")
            but = f", but {written} is" if request.query(written) else ""
            yield Finding("handshake", f"{name} is given {count} times{but}. Send it once.")
    if request.query("hub.mode") not in ([], ["subscribe"]):
        yield Finding("mode", "hub.mode is not 'subscribe'.")
    wanted = secrets[scheme.verify_token]
    for text in request.query("hub.verify_token")[:1]:
        given = text.encode("utf-8", "surrogateescape")
        if hmac.compare_digest(given, wanted):
            continue
        if any(hmac.compare_digest(given.strip(), each.value) for each in secret_variants(wanted)):
            yield Finding(
                "verify-token",
                "hub.verify_token would match but for white space or quotes around one of the two. "
                "Enter it again.",
            )
        elif any(hmac.compare_digest(given, secrets[name]) for name in scheme.secrets):
            yield Finding(
                "verify-token",
                "hub.verify_token is the app secret. They are two things, and a secret must not "
                "stand in a URL: renew it, and enter the verify token.",
            )
        else:
            yield Finding(
                "verify-token", "hub.verify_token is another than the one set here. Enter it again."
            )
