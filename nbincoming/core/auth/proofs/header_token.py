"""A token that is the same in every request, in a header; and a user with a password."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nbincoming.core.auth.signatures import have_common, with_header
from nbincoming.core.request.message import Request
from nbincoming.errors import BadCredentials, MissingCredentials

_REALM: Final = 'realm="incoming integration"'


@dataclass(frozen=True, slots=True)
class TokenInHeader:
    """A token in a header.

    Attributes
    ----------
    header : str
        The header, in lower case.
    prefix : str
        What is before the token, such as ``"Bearer "``.
    """

    header: str
    prefix: str = ""

    def headers(self) -> tuple[str, ...]:
        """Return the header that carries the token."""
        return (self.header,)

    def signed_headers(self) -> tuple[str, ...]:
        """Return nothing: a token signs nothing."""
        return ()

    def prepare(self, secret: bytes) -> bytes:
        """Return the token without the line break that ends a file; see `Proof.prepare`."""
        return _line(secret)

    def verify(self, request: Request, keys: Sequence[bytes]) -> None:
        """Check the token of a request; see `Proof.verify`."""
        scheme = "Bearer" if self.prefix.lower().startswith("bearer") else "Token"
        challenge = (("WWW-Authenticate", f"{scheme} {_REALM}"),)
        given = _only(request, self.header, "Send the token in it.", challenge)
        if not have_common([self.prefix.encode() + key for key in keys], [given]):
            before = f" after {self.prefix!r}" if self.prefix else ""
            raise BadCredentials(
                f"The token in {self.header} is not one of the secrets in force. Send the token "
                f"that is set here{before}.",
                headers=challenge,
            )

    def sign(self, request: Request, key: bytes) -> Request:
        """Add the token; see `Proof.sign`."""
        return with_header(request, self.header, self.prefix.encode() + key)


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """``Authorization: Basic``, with a user and a password (RFC 7617)."""

    def headers(self) -> tuple[str, ...]:
        """Return the header that carries the credentials."""
        return ("authorization",)

    def signed_headers(self) -> tuple[str, ...]:
        """Return nothing: a password signs nothing."""
        return ()

    def prepare(self, secret: bytes) -> bytes:
        """Check that the secret is ``user:password``; see `Proof.prepare`."""
        pair = _line(secret)
        user, colon, password = pair.partition(b":")
        if not (user and colon and password):
            raise ValueError("is not of the form user:password")
        return pair

    def verify(self, request: Request, keys: Sequence[bytes]) -> None:
        """Check the user and the password of a request; see `Proof.verify`."""
        challenge = (("WWW-Authenticate", f'Basic {_REALM}, charset="UTF-8"'),)
        given = _only(request, "authorization", "Send user and password in it.", challenge)
        if not have_common(keys, [decoded_pair(given) or b""]):
            raise BadCredentials(
                "The user or the password in authorization is wrong. Send 'Basic' and "
                "user:password in base64, as they are set here.",
                headers=challenge,
            )

    def sign(self, request: Request, key: bytes) -> Request:
        """Add user and password; see `Proof.sign`."""
        return with_header(request, "authorization", b"Basic " + base64.b64encode(key))


def decoded_pair(value: bytes) -> bytes | None:
    """Return ``user:password`` of an Authorization header; None if it is not Basic."""
    scheme, _, text = value.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(text.strip(), validate=True)
    except ValueError:
        return None


def _line(secret: bytes) -> bytes:
    """Drop the white space around a secret, which a header's value cannot have."""
    text = secret.strip()
    if not text:
        raise ValueError("is empty")
    if any(byte < 32 or byte == 127 for byte in text):
        raise ValueError("has control characters, which a header cannot have")
    return text


def _only(request: Request, name: str, what: str, challenge: tuple[tuple[str, str], ...]) -> bytes:
    values = request.header(name.encode())
    if not values:
        raise MissingCredentials(f"The header {name} is missing. {what}", headers=challenge)
    if len(values) > 1:
        raise BadCredentials(
            f"The header {name} is given {len(values)} times. Send it once.", headers=challenge
        )
    return values[0]
