"""The usual mistakes in signing: which of them would explain a signature that is wrong.

A wrong signature does not tell why. This module signs again as if a mistake had been made,
with another form of the secret or of the body, and sees whether the result is the
signature that came. What it says holds neither.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, get_args

from nbincoming.core.auth.signatures import Digest, Encoding, sign
from nbincoming.core.request.message import Request
from nbincoming.core.request.reading import decode
from nbincoming.errors import Refusal

#: A MAC as headers carry it, perhaps with a prefix such as ``sha256=`` or ``v1,``.
_WRITTEN: Final = re.compile(
    rb"(?P<prefix>[A-Za-z][A-Za-z0-9_-]{0,19}[=:,])?\s*(?P<mac>[A-Za-z0-9+/_-]{27,128}={0,2})"
)

_ENCODINGS: Final = get_args(Encoding)

#: The digest of a MAC, by its length in bytes.
_DIGESTS: Final[dict[int, Digest]] = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}

#: Largest body that is written in other ways, in bytes: it takes time for each.
_MAX_REWRITTEN_BYTES: Final = 1_048_576

#: From here on, a time in seconds is one in milliseconds: the year 5138, or 1973.
LATEST_S: Final = 100_000_000_000

_EPOCH_TIME: Final = re.compile(rb"[0-9]{10}(?:[0-9]{3})?")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a request's credentials.

    Attributes
    ----------
    cause : str
        Stable name of it.
    sentence : str
        What is wrong, and what to do.
    """

    cause: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def missing_header(header: str, *, instead: str | None = None) -> Finding:
    """Say that a header is missing, or has another name."""
    but = f", but {instead} is there" if instead else ""
    return Finding("missing-header", f"The header {header} is missing{but}. Send it.")


def given_twice(header: str, count: int) -> Finding:
    """Say that a header is given more than once."""
    return Finding("given-twice", f"The header {header} is given {count} times. Send it once.")


@dataclass(frozen=True, slots=True)
class Variant:
    """What may have been used instead of what should have been.

    Attributes
    ----------
    value : bytes
        That.
    mistake : str
        The clause that completes "It would match if …"; empty where nothing is wrong.
    """

    value: bytes
    mistake: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a signature should be made and written."""

    header: str
    digest: Digest
    encoding: Encoding
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A MAC found in a header, and how it is written there."""

    mac: bytes
    header: str
    prefix: str
    encoding: Encoding

    def mistakes(self, wanted: Wanted) -> list[str]:
        """Say how it differs from what is wanted."""
        found = []
        if self.header != wanted.header:
            found.append(f"it came in the header {wanted.header}, not in {self.header}")
        if self.prefix != wanted.prefix:
            without = f"it did not start with {self.prefix!r}"
            but = f", not with {self.prefix!r}" if self.prefix else ""
            found.append(f"it started with {wanted.prefix!r}{but}" if wanted.prefix else without)
        if self.encoding != wanted.encoding:
            found.append(f"it were written in {wanted.encoding}, not in {self.encoding}")
        digest = _DIGESTS[len(self.mac)]
        if digest != wanted.digest:
            found.append(f"it were made by {wanted.digest}, not by {digest}")
        return found


def explain_signature(
    request: Request, wanted: Wanted, secrets: Sequence[Variant], contents: Sequence[Variant]
) -> list[str] | None:
    """Find the fewest mistakes that explain a signature.

    Returns
    -------
    list of str or None
        Clauses that complete "It would match if …"; empty where the signature is right,
        None where nothing explains it.
    """
    best: list[str] | None = None
    for reading, secret, content in product(_readings(request), secrets, contents):
        mistakes = [each.mistake for each in (secret, content) if each.mistake]
        mistakes = [*reading.mistakes(wanted), *mistakes]
        if best is not None and len(mistakes) >= len(best):
            continue
        mac = sign(secret.value, content.value, _DIGESTS[len(reading.mac)])
        if hmac.compare_digest(mac, reading.mac):
            best = mistakes
    return best


def secret_variants(secret: bytes) -> list[Variant]:
    """List the forms in which a secret is used by mistake, the right one first."""
    text = secret.strip()
    plain = _unquoted(text)
    found = [Variant(secret)]
    if text != secret:
        found.append(Variant(text, "the secret had no white space at its ends"))
    if plain != text:
        found.append(Variant(plain, "the secret had no quotes around it"))
    found += [Variant(plain + end, "the secret ended in a line break") for end in (b"\n", b"\r\n")]
    bare = plain.removeprefix(b"whsec_")
    if bare != plain:
        found.append(Variant(bare, "the secret were used without its prefix whsec_"))
    found += [
        Variant(decoded, f"the secret were decoded from {name}")
        for name, decoded in (
            *(("base64", value) for value in _decoded(bare, "base64")),
            *(("hexadecimal", value) for value in _decoded(bare, "hex")),
        )
    ]
    return _distinct(found)


def body_variants(body: bytes) -> list[Variant]:
    """List the forms in which a body is signed by mistake, the one that came first."""
    if len(body) > _MAX_REWRITTEN_BYTES:
        return [Variant(body)]
    found = [Variant(body)]
    for text, how in (
        (body.strip(), "without white space around it"),
        (body + b"\n", "with a line break at its end"),
        (body + b"\r\n", "with a line break at its end"),
        *_serialized(body),
    ):
        found.append(Variant(text, f"the body were signed as it was sent, not {how}"))
    return _distinct(found)


def timed_variants(request: Request, body: Iterable[Variant], time: bytes | None) -> list[Variant]:
    """List what is signed where a time should, or should not, be signed along.

    Parameters
    ----------
    request
        The request, whose headers may hold a time.
    body
        The forms of the body.
    time
        The time that should be signed along, if any should.
    """
    bodies = list(body)
    if time is not None:
        return [
            *(Variant(time + b"." + each.value, each.mistake) for each in bodies),
            Variant(request.body, "the time were signed along, as <time>.<body>"),
        ]
    times = {value for _, value in request.headers if _EPOCH_TIME.fullmatch(value.strip())}
    return [
        *bodies,
        *(
            Variant(each.strip() + b"." + request.body, "the time were not signed along")
            for each in sorted(times)
        ),
    ]


def _readings(request: Request) -> Iterator[_Reading]:
    for raw_name, value in request.headers:
        name = raw_name.decode("latin-1").lower()
        for match in _WRITTEN.finditer(value[:1_000]):
            prefix = (match["prefix"] or b"").decode()
            for encoding in _ENCODINGS:
                for mac in _decoded(match["mac"], encoding):
                    if len(mac) in _DIGESTS:
                        yield _Reading(mac, name, prefix, encoding)


def _decoded(text: bytes, encoding: Encoding) -> list[bytes]:
    """Decode a text; a list of none where it is not so encoded."""
    try:
        if encoding == "hex":
            return [binascii.unhexlify(text)]
        standard = text.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        return [base64.b64decode(standard + b"=" * (-len(standard) % 4), validate=True)]
    except ValueError:
        return []


def _serialized(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Write a JSON body in the ways in which libraries write it."""
    try:
        decode(body)  # within the limits, so that what follows cannot fail
    except Refusal:
        return
    value = json.loads(body)
    for how, indent, separators in (
        ("as compact JSON", None, (",", ":")),
        ("as JSON with spaces after commas and colons", None, (", ", ": ")),
        ("as JSON indented by 2", 2, (",", ": ")),
        ("as JSON indented by 4", 4, (",", ": ")),
    ):
        for escaped in (False, True):
            for ordered in (False, True):
                text = json.dumps(
                    value,
                    indent=indent,
                    separators=separators,
                    ensure_ascii=escaped,
                    sort_keys=ordered,
                )
                words = how + (", escaped to ASCII" if escaped else "")
                yield text.encode(), words + (", members sorted" if ordered else "")


def _unquoted(text: bytes) -> bytes:
    quoted = len(text) > 1 and text[:1] == text[-1:] and text[:1] in (b'"', b"'")
    return text[1:-1].strip() if quoted else text


def _distinct(variants: Iterable[Variant]) -> list[Variant]:
    """Keep the first of each value."""
    found: dict[bytes, Variant] = {}
    for variant in variants:
        found.setdefault(variant.value, variant)
    return list(found.values())
