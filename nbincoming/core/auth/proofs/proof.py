"""What every proof of a sender has in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from nbincoming.core.request.message import Request


class Proof(Protocol):
    """How a sender proves who it is, and how that is checked.

    A proof contains no secret. Comparisons take constant time, and no message discloses a secret
    or an expected signature.
    """

    def prepare(self, secret: bytes, /) -> Any:
        """Make a secret's bytes into a key.

        Raises
        ------
        ValueError
            If that is not possible. The message completes "The secret …" and does not contain it.
        """

    def verify(self, request: Request, keys: Sequence[Any], /) -> None:
        """Check a request with the prepared keys, any of which the sender may have used.

        Raises
        ------
        Unauthorized
            If the proof is missing or wrong.
        """

    def sign(self, request: Request, key: Any, /) -> Request:
        """Add the proof to a request, as its sender does.

        Raises
        ------
        ValueError
            If that needs a private key, or a part that the request does not have.
        """

    def headers(self) -> tuple[str, ...]:
        """Return the headers, in lower case, that carry the proof, without `Host`."""

    def signed_headers(self) -> tuple[str, ...]:
        """Return the headers, in lower case, that a signature covers."""
