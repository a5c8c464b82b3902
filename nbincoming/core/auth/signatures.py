"""Signatures over the raw bytes of a body: Meta's, Standard Webhooks', anyone's HMAC.

Comparisons are of bytes and take constant time. No message tells what would have been
right.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final, Literal

from nbincoming.core.request.message import Request
from nbincoming.errors import BadSignature, MissingCredentials

Digest = Literal["sha1", "sha256", "sha384", "sha512"]
Encoding = Literal["hex", "base64"]

META_HEADER: Final = "x-hub-signature-256"
META_PREFIX: Final = "sha256="

#: How far a signed time may be from now, as the Standard Webhooks libraries allow.
DEFAULT_TOLERANCE_S: Final = 300

#: Most signatures in one header that are looked at: rotation needs two or three.
_MAX_SIGNATURES: Final = 10

#: A 401 names what it wants (RFC 9110, section 15.5.2).
_CHALLENGE: Final = (("WWW-Authenticate", 'Signature realm="incoming integration"'),)


def sign(secret: bytes, content: bytes, digest: Digest = "sha256") -> bytes:
    """Compute the HMAC of a content."""
    return hmac.digest(secret, content, digest)


def encode_signature(mac: bytes, encoding: Encoding) -> bytes:
    """Write a MAC as hexadecimal or base64 text."""
    return binascii.hexlify(mac) if encoding == "hex" else base64.b64encode(mac)


def one_header(request: Request, name: str) -> bytes:
    """Return the value of a header that must be there exactly once.

    Raises
    ------
    MissingCredentials, BadSignature
        If it is missing, or is given more than once.
    """
    values = request.header(name.encode("latin-1"))
    if not values:
        raise MissingCredentials(
            f"The header {name} is missing. Sign the body and send it.", headers=_CHALLENGE
        )
    if len(values) > 1:
        raise _bad(f"The header {name} is given {len(values)} times. Send it once.")
    return values[0].strip()


def verify_hmac(
    request: Request,
    secrets: Sequence[bytes],
    *,
    header: str,
    digest: Digest = "sha256",
    prefix: str = "",
    encoding: Encoding = "hex",
    timestamp_header: str | None = None,
    tolerance_s: int = DEFAULT_TOLERANCE_S,
) -> None:
    """Check a signature over the raw body.

    Parameters
    ----------
    request
        The request.
    secrets
        Those in force; any of them may have signed.
    header
        The header that carries the signature, in lower case.
    digest, prefix, encoding
        How it is made and written.
    timestamp_header
        A header with seconds since the epoch. If set, the signed content is
        ``<timestamp>.<body>``, and the time must be within `tolerance_s` of now.

    Raises
    ------
    MissingCredentials, BadSignature
        If it is missing or wrong.
    """
    given = one_header(request, header)
    content = request.body
    if timestamp_header is not None:
        stamp = one_header(request, timestamp_header)
        check_time(stamp, request.received_at_ms, tolerance_s, timestamp_header)
        content = stamp + b"." + content
    wanted_prefix = prefix.encode()
    if not given.startswith(wanted_prefix):
        raise _bad(f"The header {header} does not start with {prefix!r}.")
    given = given[len(wanted_prefix) :]
    if encoding == "hex":
        given = given.lower()
    macs = [encode_signature(sign(secret, content, digest), encoding) for secret in secrets]
    if not _share_one(macs, [given]):
        raise _bad(
            f"The signature in {header} does not belong to this body and the secrets in force. "
            "Sign the raw bytes of the body."
        )


def sign_standard(key: bytes, identity: bytes, stamp: bytes, body: bytes) -> bytes:
    """Sign as Standard Webhooks 1.0.0 defines it; return a value of webhook-signature.

    Parameters
    ----------
    key
        From :func:`standard_key`.
    identity, stamp
        The values of webhook-id and webhook-timestamp.
    body
        The raw bytes.
    """
    return b"v1," + encode_signature(sign(key, b".".join((identity, stamp, body))), "base64")


def verify_standard(request: Request, secrets: Sequence[bytes], *, tolerance_s: int) -> None:
    """Check a signature as Standard Webhooks 1.0.0 defines it.

    Raises
    ------
    MissingCredentials, BadSignature
        If it is missing, wrong or too old.
    """
    identity = one_header(request, "webhook-id")
    stamp = one_header(request, "webhook-timestamp")
    given = one_header(request, "webhook-signature").split()[:_MAX_SIGNATURES]
    check_time(stamp, request.received_at_ms, tolerance_s, "webhook-timestamp")
    wanted = [
        sign_standard(standard_key(secret), identity, stamp, request.body) for secret in secrets
    ]
    if not _share_one(wanted, given):
        raise _bad(
            "No signature in webhook-signature belongs to this body, id, time and the secrets in "
            "force. Sign '<id>.<timestamp>.<body>' and write it as 'v1,<base64>'."
        )


def standard_key(secret: bytes) -> bytes:
    """Decode a Standard Webhooks secret, ``whsec_<base64>``.

    Padding may be left out, as the official libraries allow.

    Raises
    ------
    ValueError
        If it is not base64, or of nothing; the message does not hold it.
    """
    text = secret.removeprefix(b"whsec_").rstrip(b"=")
    try:
        key = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise ValueError("is not base64, with or without the prefix whsec_") from None
    if not key:  # anybody could sign by it
        raise ValueError("is empty after its prefix whsec_")
    return key


def check_time(stamp: bytes, now_ms: int, tolerance_s: int, header: str) -> None:
    """Refuse a signed time that is not near enough to now."""
    if not stamp.isdigit() or len(stamp) > 12:
        raise _bad(f"The header {header} is not a time in whole seconds since the epoch.")
    age_s = now_ms // 1000 - int(stamp)
    if abs(age_s) > tolerance_s:
        when = "old" if age_s > 0 else "ahead"
        raise _bad(
            f"The time in {header} is {abs(age_s):,} s {when}; {tolerance_s} s are allowed. "
            "Check the sender's clock, or sign the request again."
        )


def _share_one(wanted: Sequence[bytes], given: Sequence[bytes]) -> bool:
    # All are compared, so that the time does not tell which secret was right.
    found = False
    for mac in wanted:
        for each in given:
            found |= hmac.compare_digest(mac, each)
    return found


def _bad(detail: str) -> BadSignature:
    return BadSignature(detail, headers=_CHALLENGE)
