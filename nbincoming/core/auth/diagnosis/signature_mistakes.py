"""Find the mistakes that explain a wrong signature.

Each form of the secret and of the body is tried: it is signed, and the result is compared with
the request's signature. Messages contain neither secrets nor signatures.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, get_args

from nbincoming.core.auth.diagnosis.variants import Variant, decoded
from nbincoming.core.auth.proofs.signature_format import SignatureFormat
from nbincoming.core.auth.signatures import Digest, Encoding, sign
from nbincoming.core.request.message import Request

#: A MAC in a header, perhaps after a prefix such as ``sha256=`` or ``v1,``.
_MAC_TEXT: Final = re.compile(
    rb"(?P<prefix>[A-Za-z][A-Za-z0-9_-]{0,19}[=:,])?\s*(?P<mac>[A-Za-z0-9+/_-]{27,128}={0,2})"
)

_ENCODINGS: Final = get_args(Encoding)

#: The digest that made a MAC, by the MAC's length in bytes.
_DIGESTS: Final[dict[int, Digest]] = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}


@dataclass(frozen=True, slots=True)
class _FoundMac:
    """A MAC in a header, and how it is written there."""

    mac: bytes
    header: str
    prefix: str
    encoding: Encoding

    def mistakes(self, expected: SignatureFormat) -> list[str]:
        """List how it differs from the expected format."""
        found = []
        if self.header != expected.header:
            found.append(f"sent the signature in the header {self.header}, not {expected.header}")
        if self.prefix != expected.start:
            if not expected.start:
                found.append(f"put {self.prefix!r} before the signature")
            elif not self.prefix:
                found.append(f"left out {expected.start!r} before the signature")
            else:
                found.append(f"put {self.prefix!r}, not {expected.start!r}, before the signature")
        if self.encoding != expected.encoding:
            found.append(f"wrote the signature in {self.encoding}, not {expected.encoding}")
        digest = _DIGESTS[len(self.mac)]
        if digest != expected.algorithm:
            found.append(f"signed with {digest}, not {expected.algorithm}")
        return found


def explain_signature(
    request: Request,
    expected: SignatureFormat,
    secrets: Sequence[Variant],
    contents: Sequence[Variant],
) -> list[str] | None:
    """Find the shortest list of mistakes that explains a signature.

    Returns
    -------
    list of str or None
        Clauses that complete "The sender …"; empty if the signature is right, None if no
        combination of known mistakes explains it.
    """
    best: list[str] | None = None
    for found, secret, content in product(_macs_in(request), secrets, contents):
        mistakes = [each.mistake for each in (secret, content) if each.mistake]
        mistakes = [*found.mistakes(expected), *mistakes]
        if best is not None and len(mistakes) >= len(best):
            continue
        mac = sign(secret.value, content.value, _DIGESTS[len(found.mac)])
        if hmac.compare_digest(mac, found.mac):
            best = mistakes
    return best


def _macs_in(request: Request) -> Iterator[_FoundMac]:
    for raw_name, value in request.headers:
        name = raw_name.decode("latin-1").lower()
        for match in _MAC_TEXT.finditer(value[:1_000]):
            prefix = (match["prefix"] or b"").decode()
            for encoding in _ENCODINGS:
                for mac in decoded(match["mac"], encoding):
                    if len(mac) in _DIGESTS:
                        yield _FoundMac(mac, name, prefix, encoding)
