"""A mistake in a request's credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Times from this number on are in milliseconds. In seconds, it is in the year 5138.
FIRST_IN_MILLISECONDS: Final = 100_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a request's credentials.

    Attributes
    ----------
    cause : str
        Stable name of the mistake.
    sentence : str
        What is wrong, and what to do.
    """

    cause: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def missing_header(header: str, *, instead: str | None = None) -> Finding:
    """Report a missing header, and the header that was sent instead."""
    but = f", but {instead} is there" if instead else ""
    return Finding("missing-header", f"The header {header} is missing{but}. Send {header}.")


def given_twice(header: str, count: int) -> Finding:
    """Report a header that is given more than once."""
    return Finding("given-twice", f"The header {header} is given {count} times. Send it once.")
