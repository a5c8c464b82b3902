"""The parts of signatures: a MAC, how it is written, its time, and the headers that carry it.

Comparisons take constant time. No message discloses the expected signature.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Final, Literal

from nbincoming.core.moments import epoch_us, moment, utc_text
from nbincoming.core.request.message import Request
from nbincoming.errors import BadSignature, MissingCredentials

Digest = Literal["sha1", "sha256", "sha384", "sha512"]
Encoding = Literal["hex", "base64", "base64url"]
#: How a signed time is written: seconds or milliseconds since the epoch, or ISO 8601.
TimeFormat = Literal["s", "ms", "iso8601"]

#: How far a signed time may be from now, in seconds, as in the Standard Webhooks libraries.
DEFAULT_TOLERANCE_S: Final = 300

_TO_BASE64: Final = bytes.maketrans(b"-_", b"+/")

#: Digits of the largest time: in the year 33658.
_MAX_DIGITS: Final = {"s": 12, "ms": 15}
_WORDS: Final = {
    "s": "in whole seconds since the epoch",
    "ms": "in whole milliseconds since the epoch",
    "iso8601": "in ISO 8601",
}

#: A 401 must have a challenge (RFC 9110, section 15.5.2).
_CHALLENGE: Final = (("WWW-Authenticate", 'Signature realm="incoming integration"'),)


def sign(secret: bytes, content: bytes, digest: Digest = "sha256") -> bytes:
    """Compute the HMAC of `content`."""
    return hmac.digest(secret, content, digest)


def encode_signature(mac: bytes, encoding: Encoding) -> bytes:
    """Write a MAC as text; base64url has no padding."""
    match encoding:
        case "hex":
            return binascii.hexlify(mac)
        case "base64":
            return base64.b64encode(mac)
        case _:
            return base64.urlsafe_b64encode(mac).rstrip(b"=")


def decode_signature(text: bytes, encoding: Encoding) -> bytes | None:
    """Read a signature's text; None if it is not valid in this encoding."""
    try:
        if encoding == "hex":
            return binascii.unhexlify(text)
        if encoding == "base64url":
            text = text.translate(_TO_BASE64)
            text += b"=" * (-len(text) % 4)
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def with_header(request: Request, name: str, value: bytes) -> Request:
    """Return the request with one header of this name, in lower case."""
    kept = [pair for pair in request.headers if pair[0].lower() != name.encode()]
    return request._replace(headers=(*kept, (name.encode(), value)))


def one_header(request: Request, name: str) -> bytes:
    """Return the value of a header that must be given exactly once.

    Raises
    ------
    MissingCredentials, BadSignature
        If the header is missing, or if it is given more than once.
    """
    values = request.header(name.encode("latin-1"))
    if not values:
        raise missing_signature(f"The header {name} is missing. Sign the body and send it.")
    if len(values) > 1:
        raise bad_signature(f"The header {name} is given {len(values)} times. Send it once.")
    return values[0]


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


def write_time(now_ms: int, form: TimeFormat) -> str:
    """Write a time as a sender does."""
    if form == "iso8601":
        return utc_text(now_ms)
    return str(now_ms if form == "ms" else now_ms // 1000)


def check_time(
    stamp: bytes, now_ms: int, tolerance_s: int, place: str, form: TimeFormat = "s"
) -> None:
    """Refuse a signed time that is more than `tolerance_s` from now.

    Parameters
    ----------
    place
        The header that contains the time, for messages.
    """
    signed_s = _seconds(stamp, form)
    if signed_s is None:
        raise bad_signature(f"The header {place} is not a time {_WORDS[form]}.")
    age_s = now_ms // 1000 - signed_s
    if abs(age_s) > tolerance_s:
        when = "old" if age_s > 0 else "ahead"
        raise bad_signature(
            f"The time in {place} is {abs(age_s):,} s {when}; {tolerance_s} s are allowed. "
            "Check the sender's clock, or sign the request again."
        )


def _seconds(stamp: bytes, form: TimeFormat) -> int | None:
    if form == "iso8601":
        read = moment(stamp.decode("latin-1"), UTC)
        return None if read is None else epoch_us(read) // 1_000_000
    if not stamp.isdigit() or len(stamp) > _MAX_DIGITS[form]:
        return None
    return int(stamp) // (1000 if form == "ms" else 1)


def have_common(expected: Iterable[bytes], given: Sequence[bytes]) -> bool:
    """Tell whether one of the given values is an expected one, in constant time."""
    # All pairs are compared, so that the time taken does not reveal which secret matches.
    found = False
    for each in expected:
        for value in given:
            found |= hmac.compare_digest(each, value)
    return found


def bad_signature(detail: str) -> BadSignature:
    """Make the refusal of a wrong signature, with the challenge that a 401 needs."""
    return BadSignature(detail, headers=_CHALLENGE)


def missing_signature(detail: str) -> MissingCredentials:
    """Make the refusal of a request without a signature."""
    return MissingCredentials(detail, headers=_CHALLENGE)
