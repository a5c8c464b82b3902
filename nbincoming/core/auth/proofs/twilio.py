"""Twilio's signature: of the URL with the fields of a form, or with a hash of the body.

https://www.twilio.com/docs/usage/security#validating-requests
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from nbincoming.core.auth.proofs.public_url import public_url
from nbincoming.core.auth.signatures import (
    Digest,
    bad_signature,
    encode_signature,
    have_common,
    one_header,
    sign,
    with_header,
)
from nbincoming.core.request.message import Request

_HEADER: Final = "x-twilio-signature"
_BODY_HASH: Final = "bodySHA256"
#: Names the algorithm, if a shared key of Twilio signs and not the auth token.
_SETTINGS: Final = b"x-twilio-webhooks-signature-settings"
_FORM: Final = b"application/x-www-form-urlencoded"

#: More fields than Twilio sends, and few enough to sort.
_MAX_FIELDS: Final = 1_000


@dataclass(frozen=True, slots=True)
class TwilioSignature:
    """HMAC-SHA1 of the URL followed by the sorted fields of the form.

    A body of another type is signed by its SHA-256 in the query parameter ``bodySHA256``.
    """

    url: str | None = None

    def headers(self) -> tuple[str, ...]:
        """Return the header that carries the signature."""
        return (_HEADER,)

    def signed_headers(self) -> tuple[str, ...]:
        """Return nothing: no header is signed."""
        return ()

    def prepare(self, secret: bytes) -> bytes:
        """Return the auth token as it is; see `Proof.prepare`."""
        return secret

    def verify(self, request: Request, keys: Sequence[bytes]) -> None:
        """Check the signature of a request; see `Proof.verify`."""
        given = one_header(request, _HEADER)
        fields, digest = self._signed_fields(request), _digest(request)
        expected = [
            encode_signature(sign(key, url + fields, digest), "base64")
            for key in keys
            for url in with_and_without_port(public_url(request, self.url))
        ]
        if not have_common(expected, [given]):
            raise bad_signature(
                f"The signature in {_HEADER} does not match this URL, this body and the secrets in "
                "force. If a proxy changes the URL, set the option url to the URL that is entered "
                "at Twilio."
            )

    def sign(self, request: Request, key: bytes) -> Request:
        """Sign a request, and add ``bodySHA256`` where it is needed; see `Proof.sign`."""
        if not _is_form(request) and not request.query(_BODY_HASH):
            mark = "&" if "?" in request.target else "?"
            target = f"{request.target}{mark}{_BODY_HASH}={_body_hash(request)}"
            request = request._replace(target=target)
        content = public_url(request, self.url) + self._signed_fields(request)
        mac = sign(key, content, _digest(request))
        return with_header(request, _HEADER, encode_signature(mac, "base64"))

    def _signed_fields(self, request: Request) -> bytes:
        """Return what is signed after the URL."""
        if _is_form(request):
            return form_content(request.body)
        given = request.query(_BODY_HASH)
        if not given and not request.body:
            return b""
        if len(given) != 1:
            raise bad_signature(
                f"The body is not a form, and {_BODY_HASH} is given {len(given)} times in the URL. "
                "Without it, the signature does not cover the body. Send it once."
            )
        hashed = given[0].encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(hashed, _body_hash(request).encode()):
            raise bad_signature(f"{_BODY_HASH} in the URL is not the SHA-256 of this body.")
        return b""


def form_content(body: bytes) -> bytes:
    """Return the names and values of a form, sorted, as Twilio signs them.

    A value that is repeated under one name counts once, as in Twilio's libraries.
    """
    text = body.decode("utf-8", "surrogateescape")
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="surrogateescape", max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        raise bad_signature(f"The form has more than {_MAX_FIELDS:,} fields.") from None
    signed = "".join(name + value for name, value in sorted(set(pairs)))
    return signed.encode("utf-8", "surrogateescape")


def with_and_without_port(url: bytes) -> set[bytes]:
    """Return the URL with a port and without: Twilio signs one or the other."""
    scheme, _, rest = url.partition(b"://")
    host, slash, path = rest.partition(b"/")
    name, colon, port = host.rpartition(b":")
    bare = name if colon and port.isdigit() else host
    with_port = host if bare != host else host + (b":443" if scheme == b"https" else b":80")
    return {scheme + b"://" + each + slash + path for each in (bare, with_port)}


def _digest(request: Request) -> Digest:
    """Return the digest that the sender names; each is as good as the other for an HMAC."""
    settings = b",".join(request.header(_SETTINGS)).replace(b" ", b"").split(b",")
    return "sha256" if b"algorithm=HMAC_SHA256" in settings else "sha1"


def _is_form(request: Request) -> bool:
    types = request.header(b"content-type")
    return len(types) == 1 and types[0].partition(b";")[0].strip().lower() == _FORM


def _body_hash(request: Request) -> str:
    return hashlib.sha256(request.body).hexdigest()
