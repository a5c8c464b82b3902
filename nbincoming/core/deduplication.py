"""When two requests are the same, and for how long.

A key is the SHA-256 of a typed, length-prefixed preimage of the chosen parameters, so
that values cannot run into each other and types cannot be confused::

    preimage  = "nbincoming-key/1" LF parameter*          sorted by label, as bytes
    parameter = length ":" label encoding
    encoding  = "m"                                       missing
              | "z"                                       null
              | "b" ("0" | "1")                           boolean
              | "n" length ":" canonical-number           number
              | "s" length ":" UTF-8                      string
              | "a" count ":" encoding*                   array
              | "o" count ":" (length ":" name encoding)* object, sorted by name

Lengths and counts are decimal; lengths count bytes. Golden vectors are in
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
from nbincoming.errors import BadHeader

#: The header in which a sender may bring a hash of its own. It counts only where it is
#: among the chosen parameters.
OWN_HASH_HEADER: Final = "x-deduplication-hash"
OWN_HASH_LABEL: Final = f"headers.{OWN_HASH_HEADER}"

#: How many parameters a key may have, as on the platform that this re-creates.
MAX_PARAMETERS: Final = 5

#: Longest hash that a sender may bring, in bytes.
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
    if len(set(labels)) < len(labels):
        raise ValueError("A parameter is chosen twice. Choose each once.")
    return labels


def _check_window(text: str) -> str:
    duration_ms(text)
    return text


class Deduplication(BaseModel):
    """Which requests count as the same.

    Attributes
    ----------
    parameters : tuple of str
        Labels of one to five parameters.
    window : str
        ISO 8601 duration; ``"P7D"`` by default.
    anchor : str
        What the window counts from: ``last_request`` (each request with the key,
        duplicates included, restarts it) or ``first_accepted``.
    claims : str
        Which requests own their key: ``every_request``, or only those that are
        ``triggered``.
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
        """Name the space of keys: other settings start with a clean one.

        Parameters
        ----------
        integration
            The integration's endpoint UUID.
        """
        settings = json_text(
            {
                "parameters": sorted(self.parameters),
                "window_ms": self.window_ms,  # P7D and P1W are one setting
                "anchor": self.anchor,
                "claims": self.claims,
            }
        )
        return f"{integration}/{hashlib.sha256(settings.encode()).hexdigest()[:16]}"


def is_duplicate(now_ms: int, anchor_ms: int, window_ms: int) -> bool:
    """Tell whether a key anchored then is still in force now: the end is included."""
    return now_ms - anchor_ms <= window_ms


def next_anchor_ms(anchor: Anchor, now_ms: int, anchor_ms: int) -> int:
    """Return where a duplicate moves the window's anchor; it never moves back."""
    return max(now_ms, anchor_ms) if anchor == "last_request" else anchor_ms


def preimage(values: dict[str, Value | Missing]) -> bytes:
    """Write the preimage of a key from the chosen parameters' values by label."""
    parts = [_PREFIX]
    for label in sorted(values):  # code points sort as their UTF-8 bytes do
        parts.append(_text(label))
        _encode(values[label], parts)
    return b"".join(parts)


def key_of(values: dict[str, Value | Missing]) -> str | None:
    """Hash the chosen parameters' values; None where all of them are missing."""
    if all(value is MISSING for value in values.values()):
        return None
    return hashlib.sha256(preimage(values)).hexdigest()


def compile_key(deduplication: Deduplication) -> Callable[[Scope], str | None]:
    """Compile to a function from a request's values to its key."""
    # What :func:`key_of` does, with the labels written once.
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
    """Refuse a sender's own hash that is ambiguous: given twice, empty, long, not printable ASCII.

    Raises
    ------
    BadHeader
        Only where the header is among the chosen parameters.
    """
    if OWN_HASH_LABEL not in deduplication.parameters:
        return
    values = request.header(OWN_HASH_HEADER.encode())
    if len(values) > 1:
        raise BadHeader(f"The header {OWN_HASH_HEADER} is given {len(values)} times. Send it once.")
    if not values:
        return
    own = values[0]
    if not own.strip():  # all that send it so would be duplicates of each other
        raise BadHeader(f"The header {OWN_HASH_HEADER} is empty. Send a hash, or no such header.")
    if len(own) > MAX_OWN_HASH_BYTES:
        raise BadHeader(
            f"The header {OWN_HASH_HEADER} has {len(own):,} bytes. Send at most "
            f"{MAX_OWN_HASH_BYTES}."
        )
    # Beyond ASCII, one text has two spellings, in UTF-8 and in Latin-1; a control character is
    # what some servers pass on and others do not.
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
            raise TypeError(f"A key has no form for a {type(value).__name__}.")
