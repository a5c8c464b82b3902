"""What is wrong with a proof: a signature in a header, a token, a password."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from nbincoming.core.auth.diagnosis.finding import (
    FIRST_IN_MILLISECONDS,
    Finding,
    given_twice,
    missing_header,
)
from nbincoming.core.auth.diagnosis.signature_mistakes import explain_signature
from nbincoming.core.auth.diagnosis.variants import (
    Variant,
    body_variants,
    secret_variants,
    timed_variants,
    url_variants,
)
from nbincoming.core.auth.proofs.header_token import (
    BasicCredentials,
    TokenInHeader,
    decoded_pair,
)
from nbincoming.core.auth.proofs.proof import Proof
from nbincoming.core.auth.proofs.signature_format import SignatureFormat
from nbincoming.core.auth.proofs.template import WORDS, placeholders_of, shown
from nbincoming.core.auth.proofs.twilio import TwilioSignature
from nbincoming.core.auth.signatures import check_time
from nbincoming.core.request.message import Request
from nbincoming.errors import Refusal

#: Other names of headers: Svix had its own before Standard Webhooks.
_FORMER_NAMES: Final = {"webhook-id": "svix-id", "webhook-timestamp": "svix-timestamp"}

_UNEXPLAINED: Final = (
    "The signature was made with another secret or for another body. None of the usual mistakes "
    "explains it. Enter the same secret at the sender and here."
)


def examine_proof(request: Request, proof: Proof, secrets: Sequence[bytes]) -> Iterator[Finding]:
    """Find what is wrong with a request's proof; nothing if no usual mistake explains it."""
    match proof:
        case SignatureFormat():
            yield from _examine_signature(request, proof, secrets)
        case TokenInHeader():
            yield from _examine_token(request, proof, secrets)
        case BasicCredentials():
            yield from _examine_password(request, secrets)
        case TwilioSignature():
            yield from _examine_twilio(request, proof, secrets)


# --- signatures ------------------------------------------------------------------------


def _examine_signature(
    request: Request, proof: SignatureFormat, secrets: Sequence[bytes]
) -> Iterator[Finding]:
    own_header = request.header(proof.header.encode())
    given = {}
    for header in proof.signed_headers():
        former = _FORMER_NAMES.get(header, "")
        values, before = request.header(header.encode()), request.header(former.encode())
        given[header] = (values or before or [b""])[0].strip()
        if not values:
            yield missing_header(header, instead=former if before else None)
        elif header == proof.timestamp_header:
            yield from _examine_time_header(request, proof, values)
    stamp = given.get(proof.timestamp_header or "", b"")
    if proof.timestamp_member is not None and len(own_header) == 1:
        try:
            stamp = proof.read(own_header[0])[1] or b""
        except Refusal as refusal:
            yield Finding("signature-header", refusal.detail)
        else:
            yield from _examine_time(request, proof, stamp)
    added = tuple((name.encode(), value) for name, value in given.items() if value)
    complete = request._replace(
        headers=(*(pair for pair in request.headers if not _is_one_of(pair, given)), *added)
    )
    if len(own_header) > 1:
        yield given_twice(proof.header, len(own_header))
    contents = list(_contents(complete, proof, stamp))
    if not proof.is_symmetric:
        yield from _examine_public(request, proof, secrets, contents)
        return
    mistakes = explain_signature(request, proof, _keys(proof, secrets), contents)
    if mistakes:
        yield Finding(
            "signature",
            f"The sender has the right secret, but {', and '.join(mistakes)}. "
            "Correct the sender, or change the authorization here.",
        )
    elif not own_header:
        yield missing_header(proof.header)
    elif mistakes is None:
        yield Finding("signature", _UNEXPLAINED)


def _is_one_of(pair: tuple[bytes, bytes], names: dict[str, bytes]) -> bool:
    return pair[0].decode("latin-1").lower() in names


def _keys(proof: SignatureFormat, secrets: Sequence[bytes]) -> list[Variant]:
    if proof.secret_encoding == "text":
        return [variant for secret in secrets for variant in secret_variants(secret)]
    how = {
        "standard": "did not remove the prefix whsec_ and decode the rest of the secret from "
        "base64",
        "hex": "did not decode the secret from hexadecimal",
        "base64": "did not decode the secret from base64",
    }[proof.secret_encoding]
    found = []
    for secret in secrets:
        key = proof.prepare(secret)
        assert isinstance(key, bytes)
        found += [
            Variant(key),
            Variant(secret.strip(), how),
            Variant(secret.strip().removeprefix(b"whsec_"), how),
        ]
    return found


def _contents(request: Request, proof: SignatureFormat, stamp: bytes) -> Iterator[Variant]:
    """List what the sender may have signed, the right content first."""
    bodies = body_variants(request.body)
    if proof.signed == "{body}":
        yield from timed_variants(request, bodies, None)
        return
    if proof.signed == "{timestamp}.{body}":
        yield from timed_variants(request, bodies, stamp)
        return
    for url, mistake in url_variants(request, proof.url) if "{url}" in proof.signed else [("", "")]:
        for each in bodies if not mistake else bodies[:1]:
            form = replace(proof, url=url or None)
            try:
                content = form.content(request, stamp, body=each.value)
            except Refusal:
                continue  # a header is missing, which is another finding
            yield Variant(content, " and ".join(filter(None, (mistake, each.mistake))))
    used = placeholders_of(proof.signed)
    without = " and ".join(words for name, words in WORDS.items() if name in used)
    if without:
        yield Variant(
            request.body, f"signed the body without {without}; sign {shown(proof.signed)}"
        )


def _examine_public(
    request: Request,
    proof: SignatureFormat,
    secrets: Sequence[bytes],
    contents: Sequence[Variant],
) -> Iterator[Finding]:
    values = request.header(proof.header.encode())
    if not values:
        yield missing_header(proof.header)
        return
    keys = [proof.prepare(secret) for secret in secrets]
    for each in contents:
        if each.mistake and proof.matches(values[0], keys, each.value):
            yield Finding(
                "signature",
                f"The public key is right, but the sender, or a proxy before this endpoint, "
                f"{each.mistake}. Pass the body on unchanged.",
            )
            return
    if not proof.matches(values[0], keys, contents[0].value if contents else b""):
        yield Finding(
            "signature",
            "The signature does not belong to this public key, or the body was changed on the "
            "way. Copy the public key from the sender again.",
        )


def _examine_time_header(
    request: Request, proof: SignatureFormat, values: Sequence[bytes]
) -> Iterator[Finding]:
    if len(values) > 1:
        yield given_twice(proof.time_place, len(values))
    else:
        yield from _examine_time(request, proof, values[0].strip())


def _examine_time(request: Request, proof: SignatureFormat, stamp: bytes) -> Iterator[Finding]:
    place, form = proof.time_place, proof.timestamp_format
    in_ms = stamp.isdigit() and int(stamp[:20]) >= FIRST_IN_MILLISECONDS
    if form == "s" and in_ms:
        yield Finding(
            "milliseconds", f"The time in {place} is in milliseconds. Send it in seconds."
        )
        return
    if form == "ms" and stamp.isdigit() and not in_ms:
        yield Finding("seconds", f"The time in {place} is in seconds. Send it in milliseconds.")
        return
    try:
        check_time(stamp, request.received_at_ms, proof.tolerance_s, place, form)
    except Refusal as refusal:
        yield Finding("time", refusal.detail)


def _examine_twilio(
    request: Request, proof: TwilioSignature, secrets: Sequence[bytes]
) -> Iterator[Finding]:
    for url, mistake in url_variants(request, proof.url):
        form = replace(proof, url=url)
        keys = [(secret, "") for secret in secrets]
        keys += [(each.value, each.mistake) for secret in secrets for each in _others(secret)]
        for key, wrong in keys:
            if (mistake or wrong) and _is_accepted(form.verify, request, [key]):
                words = ", and ".join(filter(None, (mistake, wrong)))
                yield Finding("signature", f"The sender has the right secret, but {words}.")
                return


def _others(secret: bytes) -> list[Variant]:
    return secret_variants(secret)[1:]


def _is_accepted(
    verify: Callable[[Request, Sequence[bytes]], None], request: Request, keys: Sequence[bytes]
) -> bool:
    try:
        verify(request, keys)
    except Refusal:
        return False
    return True


# --- tokens and passwords --------------------------------------------------------------


def _examine_token(
    request: Request, proof: TokenInHeader, secrets: Sequence[bytes]
) -> Iterator[Finding]:
    keys = [proof.prepare(secret) for secret in secrets]
    values = request.header(proof.header.encode())
    if not values:
        for name, value in request.headers:
            if any(hmac.compare_digest(_bare(value), _bare(key)) for key in keys):
                other = name.decode("latin-1").lower()
                yield missing_header(proof.header, instead=f"the right token in {other}")
                return
        yield missing_header(proof.header)
        return
    if len(values) > 1:
        yield given_twice(proof.header, len(values))
        return
    if any(hmac.compare_digest(_bare(values[0]), _bare(key)) for key in keys):
        before = f"{proof.prefix!r} before it" if proof.prefix else "nothing before it"
        yield Finding(
            "token-form",
            f"The token in {proof.header} is right, but not how it is written. Send it with "
            f"{before} and without quotes.",
        )
        return
    yield Finding(
        "token",
        f"The token in {proof.header} is another one. Enter the same token at the sender and here.",
    )


def _bare(value: bytes) -> bytes:
    """Drop a word such as Bearer, and quotes."""
    return value.strip().rpartition(b" ")[2].strip(b"\"'")


def _examine_password(request: Request, secrets: Sequence[bytes]) -> Iterator[Finding]:
    values = request.header(b"authorization")
    if len(values) != 1:
        name = "authorization"
        yield given_twice(name, len(values)) if values else missing_header(name)
        return
    pair = decoded_pair(values[0])
    if pair is None:
        plain = [b"Basic " + base64.b64encode(secret.strip()) for secret in secrets]
        is_bare = any(each.endswith(values[0]) for each in plain)
        how = " It has only the base64 text." if is_bare else ""
        yield Finding(
            "basic-form",
            f"The header authorization is not 'Basic' and user:password in base64.{how} Choose "
            "Basic authentication at the sender.",
        )
        return
    users = [secret.strip().partition(b":")[0] for secret in secrets]
    user = pair.partition(b":")[0]
    wrong = "password" if any(hmac.compare_digest(user, each) for each in users) else "user"
    yield Finding("password", f"The {wrong} is not the one that is set here. Enter it again.")
