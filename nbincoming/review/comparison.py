"""Two versions of a spec over the same requests: what comes out otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbincoming.core.examples import example_request
from nbincoming.core.moments import utc_text
from nbincoming.core.outcomes import (
    Accepted,
    Outcome,
)
from nbincoming.core.request.message import Request
from nbincoming.core.spec.difference import Change, differences
from nbincoming.core.spec.model import Spec
from nbincoming.review.replay import replay
from nbincoming.samples.sample import (
    Sample,
    outcome_name,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one request under both versions.

    Attributes
    ----------
    index : int
        Its position among the requests.
    received_at_ms : int
        When it came.
    before, after : str
        ``accepted``, ``duplicate``, ``filtered`` or ``rejected``.
    triggers_before, triggers_after : tuple of str
        The triggers that it would start.
    """

    index: int
    received_at_ms: int
    before: str
    after: str
    triggers_before: tuple[str, ...]
    triggers_after: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether the two differ."""
        return (self.before, self.triggers_before) != (self.after, self.triggers_after)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two versions of a spec differ: in meaning, and in what becomes of requests.

    Attributes
    ----------
    old, new : Spec
        The versions.
    changes : tuple of Change
        In meaning.
    fates : tuple of Fate
        Of each request.
    """

    old: Spec
    new: Spec
    changes: tuple[Change, ...]
    fates: tuple[Fate, ...]

    @property
    def changed(self) -> list[Fate]:
        """The requests that come out otherwise."""
        return [fate for fate in self.fates if fate.changed]

    def counts(self) -> Counter[tuple[str, str]]:
        """Count the requests by their outcome before and after."""
        return Counter((fate.before, fate.after) for fate in self.fates)

    def frame(self) -> pd.DataFrame:
        """Show one row for each request that comes out otherwise."""
        import pandas as pd

        columns = [
            "request", "received_at", "before", "after", "triggers_before", "triggers_after",
        ]  # fmt: skip
        rows = [
            [
                fate.index, utc_text(fate.received_at_ms), fate.before, fate.after,
                ", ".join(fate.triggers_before), ", ".join(fate.triggers_after),
            ]
            for fate in self.changed
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=pd.Index(columns), dtype=object)

    def lines(self) -> list[str]:
        """Say it in lines, for a terminal."""
        said = [f"- {change}" for change in self.changes] or ["The two mean the same."]
        if not self.fates:
            return said
        moved = self.changed
        said += ["", f"{len(moved):,} of {len(self.fates):,} requests come out otherwise:"]
        if not moved:
            return [*said[:-1], f"All {len(self.fates):,} requests come out the same."]
        for (before, after), count in sorted(_moves(moved).items()):
            said.append(f"  {count:,} {before} → {after}")
        return said

    def __str__(self) -> str:
        return "\n".join(self.lines())


def compare(old: Spec, new: Spec, on: Iterable[Request | Sample] | None = None) -> Comparison:
    """Compare two versions of a spec.

    Parameters
    ----------
    old, new
        Published versions, or drafts.
    on
        Requests or samples to run through both, in order, each version with an empty inbox.
        By default the examples of both, each as the first of its key. Authorization is taken
        as given.
    """
    if on is None:
        requests = _examples(old, new)
        befores, afters = ([replay([each], spec)[0] for each in requests] for spec in (old, new))
    else:
        requests = [each.request if isinstance(each, Sample) else each for each in on]
        befores, afters = replay(requests, old), replay(requests, new)
    return contrast(old, new, requests, befores, afters)


def contrast(
    old: Spec,
    new: Spec,
    requests: Iterable[Request],
    befores: Iterable[Outcome],
    afters: Iterable[Outcome],
) -> Comparison:
    """Compare two versions of a spec by what became of requests under each."""
    pairs = zip(requests, befores, afters, strict=True)
    fates = tuple(
        Fate(
            index=index,
            received_at_ms=request.received_at_ms,
            before=outcome_name(before),
            after=outcome_name(after),
            triggers_before=_started(before),
            triggers_after=_started(after),
        )
        for index, (request, before, after) in enumerate(pairs)
    )
    return Comparison(old, new, tuple(differences(old, new)), fates)


def _examples(*specs: Spec) -> list[Request]:
    found = {
        (each.body, each.headers): example_request(each, spec)
        for spec in specs
        for each in spec.examples
    }
    return list(found.values())


def _started(outcome: Outcome) -> tuple[str, ...]:
    return outcome.triggers if isinstance(outcome, Accepted) else ()


def _moves(fates: Sequence[Fate]) -> Counter[tuple[str, str]]:
    return Counter((_label(f.before, f.triggers_before), _label(f.after, f.triggers_after))
                   for f in fates)  # fmt: skip


def _label(outcome: str, triggers: tuple[str, ...]) -> str:
    return f"{outcome} ({', '.join(triggers)})" if triggers else outcome
