"""Advice on a spec: the codes, and what each piece of advice says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: What each code is about; the headings of docs/lint.md.
RULES: Final[Mapping[str, str]] = {
    "NBI001": "no authorization",
    "NBI002": "a key on a parameter that changes with each sending",
    "NBI003": "a key on a parameter that is often missing",
    "NBI004": "a key on a parameter that was never seen",
    "NBI005": "a key of nothing but headers",
    "NBI006": "a trigger that matches every sample",
    "NBI007": "a trigger that matches no sample",
    "NBI008": "a condition on a parameter that was never seen",
    "NBI009": "filtered requests that own keys",
    "NBI010": "a secret that is not there",
    "NBI011": "personal data in an example",
    "NBI012": "a condition that no example tests",
    "NBI013": "no examples",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to look at.

    Attributes
    ----------
    code : str
        One of :data:`RULES`.
    place : str
        Path into the spec, such as ``deduplication.parameters[0]``.
    message : str
        What is so, as a sentence.
    remedy : str
        The way out, as a sentence.
    """

    code: str
    place: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.code} {self.place}: {self.message} {self.remedy}"


def counted(number: int, noun: str) -> str:
    """Say how many there are: ``1 sample``, ``2 samples``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
