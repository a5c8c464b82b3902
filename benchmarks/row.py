"""A row of the table: ours against a named reference, measured in turns in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

#: Turns: the median is taken over these, so that a busy moment does not decide.
ROUNDS = 9


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes
    ----------
    name, reference : str
        What is measured, and against what.
    ratio : float
        Ours to the reference's, in the unit of `target`.
    target : float
        What the ratio should reach.
    at_most : bool
        Whether a smaller ratio is better.
    detail : str
        The figures behind the ratio.
    """

    name: str
    reference: str
    ratio: float
    target: float
    at_most: bool
    detail: str

    @property
    def reached(self) -> bool:
        """Whether the ratio is good enough."""
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        verdict = "reached" if self.reached else "MISSED"
        return (
            f"{self.name}\n  {self.ratio:.2f} × {self.reference} "
            f"(wanted {sign} {self.target}): {verdict}\n  {self.detail}"
        )


def in_turns(ours: Callable[[], object], reference: Callable[[], object]) -> tuple[float, float]:
    """Time two functions in turns; return the median seconds of each."""
    times: tuple[list[float], list[float]] = ([], [])
    ours(), reference()  # the first call pays for caches
    for _ in range(ROUNDS):
        for function, taken in zip((ours, reference), times, strict=True):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])
