"""Proofs in words, for documents."""

from __future__ import annotations

from typing import Final

from nbincoming.core.auth.proofs.body_proofs import AdyenSignature, ClientState, MailgunSignature
from nbincoming.core.auth.proofs.header_token import BasicCredentials, TokenInHeader
from nbincoming.core.auth.proofs.proof import Proof
from nbincoming.core.auth.proofs.signature_format import SignatureFormat
from nbincoming.core.auth.proofs.template import shown
from nbincoming.core.auth.proofs.twilio import TwilioSignature

ENCODINGS: Final = {"hex": "hexadecimal", "base64": "Base64", "base64url": "Base64 for URLs"}
TIMES: Final = {
    "s": "Seconds since the epoch.",
    "ms": "Milliseconds since the epoch.",
    "iso8601": "A time in ISO 8601.",
}
_PUBLIC_KEYS: Final = {"ed25519": "Ed25519", "ecdsa-p256-sha256": "ECDSA (P-256, SHA-256)"}


def describe(proof: Proof) -> str:
    """Say where a proof is and what it covers; code is in back-quotes."""
    match proof:
        case SignatureFormat():
            words = f"{algorithm(proof)} of {covered(proof)} in {_place(proof)}"
            time = f"; the time is `body.{proof.body_time_member}`"
            return words + time if proof.body_time_member else words
        case TokenInHeader(header=header, prefix=prefix):
            after = f", after `{prefix.strip()}`" if prefix else ""
            return f"a token in `{header}`{after}"
        case BasicCredentials():
            return "user and password in `authorization`"
        case TwilioSignature():
            return (
                "HMAC-SHA1 of the URL and the sorted fields of the form, or of the URL with "
                "`bodySHA256`, in `x-twilio-signature`"
            )
        case MailgunSignature():
            return "HMAC-SHA256 of time and token, all three in `body.signature`"
        case AdyenSignature():
            return "HMAC-SHA256 of eight fields in `additionalData.hmacSignature` of each item"
        case ClientState():
            return "a token in `clientState` of each element of `body.value`"
        case _:
            raise TypeError(f"{type(proof).__name__} has no words")


def algorithm(proof: SignatureFormat) -> str:
    """Return the usual name of a signature's algorithm."""
    known = _PUBLIC_KEYS.get(proof.algorithm)
    return known or f"HMAC-{proof.algorithm.upper()}"


def covered(proof: SignatureFormat) -> str:
    """Say what a signature covers."""
    return "the body" if proof.signed == "{body}" else f"`{shown(proof.signed)}`"


def written(proof: SignatureFormat) -> str:
    """Say how a signature's header is written."""
    if proof.timestamp_member is not None:
        separator = proof.separator or ","
        return f"`{proof.timestamp_member}=<time>{separator}{proof.start}<{proof.encoding}>`"
    return f"`{proof.start}<{proof.encoding}>`"


def _place(proof: SignatureFormat) -> str:
    if proof.start:
        return f"`{proof.header}`, written as {written(proof)}"
    return f"`{proof.header}`, in {ENCODINGS[proof.encoding]}"
