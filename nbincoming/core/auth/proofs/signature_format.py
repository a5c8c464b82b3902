"""A signature in a header: what is signed, by which algorithm, and how it is written."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from nbincoming.core.auth.proofs.json_body import json_body, json_object, member, scalar
from nbincoming.core.auth.proofs.public_keys import (
    PUBLIC_KEY_ALGORITHMS,
    PublicKey,
    PublicKeyAlgorithm,
    is_signed_by,
    load_public_key,
)
from nbincoming.core.auth.proofs.public_url import public_url
from nbincoming.core.auth.proofs.template import parts_of, placeholders_of, shown
from nbincoming.core.auth.signatures import (
    DEFAULT_TOLERANCE_S,
    Digest,
    Encoding,
    TimeFormat,
    bad_signature,
    check_time,
    decode_signature,
    encode_signature,
    have_common,
    missing_signature,
    one_header,
    sign,
    standard_key,
    with_header,
    write_time,
)
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import json_text

#: How a secret is written; "standard" is that of Standard Webhooks, ``whsec_<base64>``.
SecretEncoding = Literal["text", "hex", "base64", "standard"]

Key: TypeAlias = bytes | PublicKey

#: How many signatures of one header are checked. Rotation needs two or three.
_MAX_SIGNATURES: Final = 10


@dataclass(frozen=True, slots=True)
class SignatureFormat:
    """How a signature is made and written.

    Attributes
    ----------
    header : str
        The header that carries the signature, in lower case.
    algorithm : str
        The digest of an HMAC, or the algorithm of a public key.
    encoding, prefix : str
        How the signature is written.
    signed : str
        A template of what is signed.
    separator : str
        What separates several signatures, or the members, of the header; empty for none.
    member : str or None
        The member with the signature, if the header has members: ``v1`` in ``t=…,v1=…``.
    timestamp_header, timestamp_member : str or None
        Where the signed time is: a header, or a member of `header`.
    timestamp_format, tolerance_s
        How the time is written, and how far it may be from now, in seconds.
    id_header : str or None
        The header with what ``{id}`` stands for.
    secret_encoding : str
        How the secret is written.
    body_time_member : str or None
        A member of the JSON body with a time, which the signature covers with the body.
    url : str or None
        The public URL; see :func:`~nbincoming.core.auth.proofs.public_url.public_url`.
    """

    header: str
    algorithm: Digest | PublicKeyAlgorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""
    signed: str = "{body}"
    separator: str = ""
    member: str | None = None
    timestamp_header: str | None = None
    timestamp_member: str | None = None
    timestamp_format: TimeFormat = "s"
    tolerance_s: int = DEFAULT_TOLERANCE_S
    id_header: str | None = None
    secret_encoding: SecretEncoding = "text"
    body_time_member: str | None = None
    url: str | None = None

    @property
    def is_symmetric(self) -> bool:
        """Whether the key that verifies can also sign."""
        return self.algorithm not in PUBLIC_KEY_ALGORITHMS

    @property
    def start(self) -> str:
        """What is before the signature in the header."""
        return self.prefix if self.member is None else f"{self.member}={self.prefix}"

    def headers(self) -> tuple[str, ...]:
        """Return the headers that a sender adds."""
        return (*self.signed_headers(), self.header)

    def signed_headers(self) -> tuple[str, ...]:
        """Return the headers that the signature covers."""
        names = {
            "id": self.id_header,
            "timestamp": self.timestamp_header,
        }
        found = (
            part.text if part.placeholder == "header" else names.get(part.placeholder)
            for part in parts_of(self.signed)
        )
        return tuple(dict.fromkeys(name for name in found if name))

    def prepare(self, secret: bytes) -> Key:
        """Make a secret's bytes into a key; see `Proof.prepare`."""
        if not self.is_symmetric:
            return load_public_key(secret, cast(PublicKeyAlgorithm, self.algorithm))
        if self.secret_encoding == "standard":
            return standard_key(secret)
        key = secret
        try:
            if self.secret_encoding == "hex":
                key = binascii.unhexlify(secret.strip())
            elif self.secret_encoding == "base64":
                key = base64.b64decode(secret.strip(), validate=True)
        except ValueError:
            raise ValueError(f"is not {_ENCODING_WORDS[self.secret_encoding]}") from None
        if not key:
            raise ValueError("is empty")
        return key

    def verify(self, request: Request, keys: Sequence[Key]) -> None:
        """Check the signature of a request; see `Proof.verify`."""
        given, stamp = self.read(one_header(request, self.header))
        if self.timestamp_header is not None:
            stamp = one_header(request, self.timestamp_header)
        if stamp is not None:
            now_ms, place = request.received_at_ms, self.time_place
            check_time(stamp, now_ms, self.tolerance_s, place, self.timestamp_format)
        content = self.content(request, stamp)
        given = self._without_prefix(given)
        if not given:
            raise bad_signature(
                f"The header {self.header} does not start with {self.prefix!r}. "
                "Put it before the signature."
            )
        if not self._is_signed(given, keys, content):
            raise bad_signature(self._mismatch())
        if self.body_time_member is not None:
            written = scalar(member(json_body(request), self.body_time_member)) or b""
            place, now_ms = f"body.{self.body_time_member}", request.received_at_ms
            check_time(written, now_ms, self.tolerance_s, place, self.timestamp_format)

    def matches(self, value: bytes, keys: Sequence[Key], content: bytes) -> bool:
        """Tell whether the value of the header has a signature of a content."""
        given, _ = self.read(value)
        return self._is_signed(self._without_prefix(given), keys, content)

    def _without_prefix(self, given: Sequence[bytes]) -> list[bytes]:
        start = self.prefix.encode()
        found = [each[len(start) :] for each in given if each.startswith(start)]
        return found[:_MAX_SIGNATURES]

    @property
    def time_place(self) -> str:
        """Where the time is, for messages."""
        return self.timestamp_header or f"{self.header} ({self.timestamp_member})"

    def read(self, value: bytes) -> tuple[list[bytes], bytes | None]:
        """Return the signatures of the header's value, with their prefix, and the time in it.

        Raises
        ------
        MissingCredentials, BadSignature
            If a member is missing; if the time is given more than once.
        """
        if self.member is None:
            # Standard Webhooks says "space delimited", and senders add spaces after commas.
            items = value.split(self.separator.encode()) if self.separator else [value]
            return [each for each in (item.strip() for item in items) if each] or [b""], None
        members: dict[str, list[bytes]] = {}
        for item in value.split((self.separator or ",").encode()):
            name, _, text = item.strip().partition(b"=")
            members.setdefault(name.decode("latin-1"), []).append(text)
        stamps = members.get(self.timestamp_member or "", [])
        for needed in filter(None, (self.timestamp_member, self.member)):
            if needed not in members:
                raise missing_signature(
                    f"The header {self.header} has no member {needed}=. Sign the body and send it."
                )
        if len(stamps) > 1:
            raise bad_signature(
                f"The time in {self.time_place} is given {len(stamps)} times. Send it once."
            )
        return members[self.member], stamps[0] if stamps else None

    def content(self, request: Request, stamp: bytes | None, *, body: bytes | None = None) -> bytes:
        """Return what is signed.

        Parameters
        ----------
        stamp
            The signed time.
        body
            Other bytes in place of the body.
        """
        body = request.body if body is None else body
        if self.signed == "{body}":
            return body
        found = []
        for part in parts_of(self.signed):
            match part.placeholder:
                case "":
                    found.append(part.text.encode())
                case "body":
                    found.append(body)
                case "timestamp":
                    found.append(stamp or b"")
                case "id":
                    found.append(one_header(request, self.id_header or ""))
                case "method":
                    found.append(request.method.encode("utf-8", "surrogatepass"))
                case "path":
                    found.append(request.path.encode("utf-8", "surrogatepass"))
                case "url":
                    found.append(public_url(request, self.url))
                case _:
                    found.append(one_header(request, part.text))
        return b"".join(found)

    def sign(self, request: Request, key: Key) -> Request:
        """Sign a request; see `Proof.sign`."""
        if not isinstance(key, bytes):
            raise ValueError("is a public key; only the sender has the private key that signs")
        stamp = write_time(request.received_at_ms, self.timestamp_format)
        if self.id_header is not None and "id" in placeholders_of(self.signed):
            seed = str(request.received_at_ms // 1000).encode() + request.body
            identity = "msg_" + hashlib.sha256(seed).hexdigest()[:24]
            request = with_header(request, self.id_header, identity.encode())
        if self.timestamp_header is not None:
            request = with_header(request, self.timestamp_header, stamp.encode())
        if self.body_time_member is not None:
            body = json_object(json_body(request))
            body[self.body_time_member] = request.received_at_ms
            request = request._replace(body=json_text(body).encode())
        mac = sign(key, self.content(request, stamp.encode()), cast(Digest, self.algorithm))
        written = self.start.encode() + encode_signature(mac, self.encoding)
        if self.timestamp_member is not None:
            separator = self.separator or ","
            written = f"{self.timestamp_member}={stamp}{separator}".encode() + written
        return with_header(request, self.header, written)

    def _is_signed(self, given: Sequence[bytes], keys: Sequence[Key], content: bytes) -> bool:
        found, macs = False, []
        for key in keys:
            if isinstance(key, bytes):
                mac = sign(key, content, cast(Digest, self.algorithm))
                macs.append(encode_signature(mac, self.encoding))
                continue
            for text in given:
                signature = decode_signature(text, self.encoding)
                found |= signature is not None and is_signed_by(key, signature, content)
        if self.encoding == "hex":
            given = [each.lower() for each in given]
        elif self.encoding == "base64url":
            given = [each.rstrip(b"=") for each in given]
        return have_common(macs, given) or found

    def _mismatch(self) -> str:
        if self.signed == "{body}":
            return (
                f"The signature in {self.header} does not match this body and the secrets in "
                "force. Sign the raw bytes of the body with the same secret."
            )
        written = f"{self.start}<{self.encoding}>"
        return (
            f"No signature in {self.header} matches this request and the secrets in force. Sign "
            f"{shown(self.signed)!r} and write it as {written!r}."
        )


_ENCODING_WORDS: Final = {"hex": "hexadecimal", "base64": "base64"}
