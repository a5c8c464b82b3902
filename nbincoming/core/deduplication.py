"""Deduplication keys: which requests are duplicates, and for how long.

A key is the SHA-256 of the chosen parameters in the following form. Each part has its type and its
length, so two different sets of values never have the same form::

    preimage  = "nbincoming-key/1" LF parameter*          sorted by label, as bytes
    parameter = length ":" label encoding
    encoding  = "m"                                       missing
              | "z"                                       null
              | "b" ("0" | "1")                           boolean
              | "n" length ":" canonical-number           number
              | "s" length ":" UTF-8                      string
              | "a" count ":" encoding*                   array
              | "o" count ":" (length ":" name encoding)* object, sorted by name

Lengths and counts are decimal; lengths count bytes. Test vectors are in
``tests/core/golden_keys.json``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from nbincoming.core.conditions.evaluation import Scope, getter
from nbincoming.core.conditions.label import check_label
from nbincoming.core.moments import duration_ms
from nbincoming.core.request.labels import ELEMENTS, parse
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import MISSING, Missing, Value, json_text, number_text
from nbincoming.errors import BadHeader, quote

#: The header in which senders can send their own hash. It counts only if it is chosen.
OWN_HASH_HEADER: Final = "x-deduplication-hash"
OWN_HASH_LABEL: Final = f"headers.{OWN_HASH_HEADER}"

#: Most parameters of a key.
MAX_PARAMETERS: Final = 5

#: Longest hash that a sender may send, in bytes.
MAX_OWN_HASH_BYTES: Final = 256

_PREFIX: Final = b"nbincoming-key/1\n"

Anchor = Literal["last_request", "first_accepted"]
Claimants = Literal["every_request", "triggered"]


def _check_key_label(label: str) -> str:
    label = check_label(label)
    if ELEMENTS in parse(label):
        raise ValueError(
            "A key cannot use [*]. Choose another parameter or the whole array, or have the sender "
            "put one event in each request."
        )
    return label


def _check_distinct(labels: tuple[str, ...]) -> tuple[str, ...]:
    for index, label in enumerate(labels):
        if label in labels[:index]:
            raise ValueError(f"{quote(label)} is chosen twice. Choose it once.")
    return labels


def _check_window(text: str) -> str:
    duration_ms(text)
    return text


class Deduplication(BaseModel):
    """Which requests are duplicates.

    Attributes
    ----------
    parameters : tuple of str
        Labels of one to five parameters.
    window : str
        ISO 8601 duration; ``"P7D"`` by default.
    anchor : str
        The start of the window: ``last_request`` (the last request with the key, duplicates
        included) or ``first_accepted``.
    claims : str
        Which requests claim their key: ``every_request``, or only those for which a trigger is
        true (``triggered``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: Annotated[
        tuple[Annotated[str, AfterValidator(_check_key_label)], ...],
        Field(min_length=1, max_length=MAX_PARAMETERS),
        AfterValidator(_check_distinct),
    ]
    window: Annotated[str, AfterValidator(_check_window)] = "P7D"
    anchor: Anchor = "last_request"
    claims: Claimants = "every_request"

    @property
    def window_ms(self) -> int:
        """The window in milliseconds."""
        return duration_ms(self.window)

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
        return {
            "parameters": list(self.parameters),
            "window": self.window,
            "anchor": self.anchor,
            "claims": self.claims,
        }

    def key_space(self, integration: str) -> str:
        """Return the name of the set of keys. Changed settings start with a new, empty set.

        Parameters
        ----------
        integration
            The integration's endpoint UUID.
        """
        settings = json_text(
            {
                "parameters": sorted(self.parameters),
                "window_ms": self.window_ms,  # P7D and P1W are equal
                "anchor": self.anchor,
                "claims": self.claims,
            }
        )
        return f"{integration}/{hashlib.sha256(settings.encode()).hexdigest()[:16]}"


def is_duplicate(now_ms: int, anchor_ms: int, window_ms: int) -> bool:
    """Tell whether the window that starts at `anchor_ms` still lasts at `now_ms`."""
    return now_ms - anchor_ms <= window_ms


def next_anchor_ms(anchor: Anchor, now_ms: int, anchor_ms: int) -> int:
    """Return the anchor after a duplicate; it never moves back."""
    return max(now_ms, anchor_ms) if anchor == "last_request" else anchor_ms


def preimage(values: dict[str, Value | Missing]) -> bytes:
    """Return the bytes that are hashed for a key, from the values by label."""
    parts = [_PREFIX]
    for label in sorted(values):  # text sorts in the same order as its UTF-8 bytes
        parts.append(_text(label))
        _encode(values[label], parts)
    return b"".join(parts)


def key_of(values: dict[str, Value | Missing]) -> str | None:
    """Return the key of the values by label; None if all of them are missing."""
    if all(value is MISSING for value in values.values()):
        return None
    return hashlib.sha256(preimage(values)).hexdigest()


def compile_key(deduplication: Deduplication) -> Callable[[Scope], str | None]:
    """Compile a function that returns a request's key."""
    # Like :func:`key_of`, but the labels are encoded only once.
    getters = [(_text(label), getter(label)) for label in sorted(deduplication.parameters)]

    def key(scope: Scope) -> str | None:
        parts, found = [_PREFIX], False
        for label, get in getters:
            value = get(scope)
            found = found or value is not MISSING
            parts.append(label)
            _encode(value, parts)
        return hashlib.sha256(b"".join(parts)).hexdigest() if found else None

    return key


def check_own_hash(request: Request, deduplication: Deduplication) -> None:
    """Refuse a sender's own hash that is repeated, empty, too long, or not printable ASCII.

    Raises
    ------
    BadHeader
        If the hash is one of the chosen parameters and cannot be used.
    """
    if OWN_HASH_LABEL not in deduplication.parameters:
        return
    values = request.header(OWN_HASH_HEADER.encode())
    if len(values) > 1:
        raise BadHeader(f"The header {OWN_HASH_HEADER} was sent {len(values)} times. Send it once.")
    if not values:
        return
    own = values[0]
    if not own.strip():  # otherwise all requests with an empty hash would be duplicates
        raise BadHeader(
            f"The header {OWN_HASH_HEADER} is empty. Send a hash, or leave the header out."
        )
    if len(own) > MAX_OWN_HASH_BYTES:
        raise BadHeader(
            f"The header {OWN_HASH_HEADER} has {len(own):,} bytes. Send at most "
            f"{MAX_OWN_HASH_BYTES}."
        )
    # Servers differ in how they read other characters: as UTF-8 or as Latin-1, with or without
    # control characters. So production and notebook could read different hashes.
    if not own.decode("latin-1").isascii() or not own.decode("latin-1").isprintable():
        raise BadHeader(
            f"The header {OWN_HASH_HEADER} has characters other than printable ASCII. Send it in "
            "hexadecimal."
        )


def _text(text: str) -> bytes:
    raw = text.encode()
    return b"%d:%b" % (len(raw), raw)


def _encode(value: Value | Missing, parts: list[bytes]) -> None:
    match value:
        case str():
            parts.append(b"s" + _text(value))
        case bool():
            parts.append(b"b1" if value else b"b0")
        case int() | Decimal():
            parts.append(b"n" + _text(number_text(value)))
        case None:
            parts.append(b"z")
        case list():
            parts.append(b"a%d:" % len(value))
            for element in value:
                _encode(element, parts)
        case dict():
            parts.append(b"o%d:" % len(value))
            for name in sorted(value):
                parts.append(_text(name))
                _encode(value[name], parts)
        case Missing():
            parts.append(b"m")
        case _:
            raise TypeError(f"A key cannot contain a {type(value).__name__}.")
