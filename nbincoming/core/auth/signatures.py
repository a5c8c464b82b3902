"""HMAC and Standard Webhooks signatures over the raw bytes of a body.

Comparisons take constant time. No message discloses the expected signature.
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

#: How far a signed time may be from now, in seconds, as in the Standard Webhooks libraries.
DEFAULT_TOLERANCE_S: Final = 300

#: How many signatures of one header are checked. Rotation needs two or three.
_MAX_SIGNATURES: Final = 10

#: A 401 must have a challenge (RFC 9110, section 15.5.2).
_CHALLENGE: Final = (("WWW-Authenticate", 'Signature realm="incoming integration"'),)


def sign(secret: bytes, content: bytes, digest: Digest = "sha256") -> bytes:
    """Compute the HMAC of `content`."""
    return hmac.digest(secret, content, digest)


def encode_signature(mac: bytes, encoding: Encoding) -> bytes:
    """Write a MAC as hexadecimal or base64 text."""
    return binascii.hexlify(mac) if encoding == "hex" else base64.b64encode(mac)


def one_header(request: Request, name: str) -> bytes:
    """Return the value of a header that must be given exactly once.

    Raises
    ------
    MissingCredentials, BadSignature
        If the header is missing, or if it is given more than once.
    """
    values = request.header(name.encode("latin-1"))
    if not values:
        raise MissingCredentials(
            f"The header {name} is missing. Sign the body and send it.", headers=_CHALLENGE
        )
    if len(values) > 1:
        raise _bad(f"The header {name} is given {len(values)} times. Send it once.")
    return values[0]


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
    """Check an HMAC over the raw body.

    Parameters
    ----------
    request
        The request.
    secrets
        The valid secrets. The sender may use any of them.
    header
        The header that carries the signature, in lower case.
    digest, prefix, encoding
        The hash function, the text before the signature, and the signature's encoding.
    timestamp_header
        A header with seconds since the epoch. If set, the signed content is
        ``<timestamp>.<body>``, and the time must be within `tolerance_s` of now.

    Raises
    ------
    MissingCredentials, BadSignature
        If a header is missing, or if the signature or the time is wrong.
    """
    given = one_header(request, header)
    content = request.body
    if timestamp_header is not None:
        stamp = one_header(request, timestamp_header)
        check_time(stamp, request.received_at_ms, tolerance_s, timestamp_header)
        content = stamp + b"." + content
    expected_prefix = prefix.encode()
    if not given.startswith(expected_prefix):
        raise _bad(
            f"The header {header} does not start with {prefix!r}. Put it before the signature."
        )
    given = given[len(expected_prefix) :]
    if encoding == "hex":
        given = given.lower()
    macs = [encode_signature(sign(secret, content, digest), encoding) for secret in secrets]
    if not _have_common(macs, [given]):
        raise _bad(
            f"The signature in {header} does not match this body and the secrets in force. "
            "Sign the raw bytes of the body with the same secret."
        )


def sign_standard(key: bytes, identity: bytes, stamp: bytes, body: bytes) -> bytes:
    """Sign by Standard Webhooks 1.0.0, and return the value of ``webhook-signature``.

    Parameters
    ----------
    key
        The key, as :func:`standard_key` returns it.
    identity, stamp
        The values of ``webhook-id`` and ``webhook-timestamp``.
    body
        The raw bytes of the body.
    """
    return b"v1," + encode_signature(sign(key, b".".join((identity, stamp, body))), "base64")


def verify_standard(request: Request, secrets: Sequence[bytes], *, tolerance_s: int) -> None:
    """Check a signature by Standard Webhooks 1.0.0.

    Raises
    ------
    MissingCredentials, BadSignature
        If a header is missing, or if the signature or the time is wrong.
    """
    identity = one_header(request, "webhook-id")
    stamp = one_header(request, "webhook-timestamp")
    given = one_header(request, "webhook-signature").split()[:_MAX_SIGNATURES]
    check_time(stamp, request.received_at_ms, tolerance_s, "webhook-timestamp")
    expected = [
        sign_standard(standard_key(secret), identity, stamp, request.body) for secret in secrets
    ]
    if not _have_common(expected, given):
        raise _bad(
            "No signature in webhook-signature matches this body, id, time and the secrets in "
            "force. Sign '<id>.<timestamp>.<body>' and write it as 'v1,<base64>'."
        )


def standard_key(secret: bytes) -> bytes:
    """Decode a Standard Webhooks secret, ``whsec_<base64>``.

    Padding may be left out, as the official libraries allow.

    Raises
    ------
    ValueError
        If it is empty or not base64. The message does not contain it.
    """
    text = secret.removeprefix(b"whsec_").rstrip(b"=")
    try:
        key = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise ValueError("is not base64, with or without the prefix whsec_") from None
    if not key:  # anyone can sign with an empty key
        raise ValueError("is empty after its prefix whsec_")
    return key


def check_time(stamp: bytes, now_ms: int, tolerance_s: int, header: str) -> None:
    """Refuse a time that is more than `tolerance_s` before or after now."""
    if not stamp.isdigit() or len(stamp) > 12:
        raise _bad(f"The header {header} is not a time in whole seconds since the epoch.")
    age_s = now_ms // 1000 - int(stamp)
    if abs(age_s) > tolerance_s:
        when = "old" if age_s > 0 else "ahead"
        raise _bad(
            f"The time in {header} is {abs(age_s):,} s {when}; {tolerance_s} s are allowed. "
            "Check the sender's clock, or sign the request again."
        )


def _have_common(expected: Sequence[bytes], given: Sequence[bytes]) -> bool:
    # Compare all pairs, so that the time taken does not reveal which secret matches.
    found = False
    for mac in expected:
        for each in given:
            found |= hmac.compare_digest(mac, each)
    return found


def _bad(detail: str) -> BadSignature:
    return BadSignature(detail, headers=_CHALLENGE)
