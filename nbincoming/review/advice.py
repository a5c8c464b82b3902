"""Advice on a spec, and the table of its codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: The title of each code, which is its heading in docs/lint.md.
ADVICE_TITLES: Final[Mapping[str, str]] = {
    "NBI001": "no authorization",
    "NBI002": "a key on a parameter that changes each time it is sent",
    "NBI003": "a key on a parameter that some requests lack",
    "NBI004": "a key on a parameter that was never seen",
    "NBI005": "a key of nothing but unsigned headers",
    "NBI006": "a trigger that matches every sample",
    "NBI007": "a trigger that matches no sample",
    "NBI008": "a condition on a parameter that was never seen",
    "NBI009": "filtered requests that claim keys",
    "NBI010": "a secret that cannot be found",
    "NBI011": "personal data in an example",
    "NBI012": "a condition that no example tests",
    "NBI013": "no examples",
    "NBI014": "a key on one element of an array",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to check before publishing.

    Attributes
    ----------
    code : str
        One of :data:`ADVICE_TITLES`.
    place : str
        Where it is in the spec, such as ``deduplication.parameters[0]``.
    message : str
        What may go wrong, in one sentence or two.
    remedy : str
        What to do about it, in one sentence or two.
    """

    code: str
    place: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.code} {self.place}: {self.message} {self.remedy}"
