"""Two versions of a spec compared: how their meanings differ, and which outcomes change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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
class ComparedRequest:
    """The outcomes of one request under both versions.

    Attributes
    ----------
    index : int
        Its position among the requests, from 0.
    received_at_ms : int
        When it was received.
    before, after : str
        ``accepted``, ``duplicate``, ``filtered`` or ``rejected``.
    triggers_before, triggers_after : tuple of str
        The triggers that match, if it is accepted.
    """

    index: int
    received_at_ms: int
    before: str
    after: str
    triggers_before: tuple[str, ...]
    triggers_after: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether the outcomes or the triggers differ."""
        return (self.before, self.triggers_before) != (self.after, self.triggers_after)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two versions of a spec differ, in meaning and in the outcomes of requests.

    Attributes
    ----------
    old, new : Spec
        The versions.
    changes : tuple of Change
        The differences in meaning.
    requests : tuple of ComparedRequest
        The outcomes of each request.
    """

    old: Spec
    new: Spec
    changes: tuple[Change, ...]
    requests: tuple[ComparedRequest, ...]

    @property
    def changed(self) -> list[ComparedRequest]:
        """The requests whose outcome changes."""
        return [each for each in self.requests if each.changed]

    def counts(self) -> Counter[tuple[str, str]]:
        """Count the requests by their outcome before and after."""
        return Counter((each.before, each.after) for each in self.requests)

    def frame(self) -> pd.DataFrame:
        """Return one row for each request whose outcome changes."""
        import pandas as pd  # here, since it takes long to import

        columns = [
            "request", "received_at", "before", "after", "triggers_before", "triggers_after",
        ]  # fmt: skip
        rows = [
            [
                each.index, utc_text(each.received_at_ms), each.before, each.after,
                ", ".join(each.triggers_before), ", ".join(each.triggers_after),
            ]
            for each in self.changed
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=pd.Index(columns), dtype=object)

    def lines(self) -> list[str]:
        """Describe the differences line by line, for a terminal."""
        lines = [f"- {change}" for change in self.changes] or ["Both versions mean the same."]
        if not self.requests:
            return lines
        changed, total = self.changed, len(self.requests)
        if not changed:
            return [*lines, "", f"All {total:,} requests have the same outcome."]
        verb = "has" if len(changed) == 1 else "have"
        lines += ["", f"{len(changed):,} of {total:,} requests {verb} another outcome:"]
        counts = Counter(
            f"{_outcome(each.before, each.triggers_before)} → "
            f"{_outcome(each.after, each.triggers_after)}"
            for each in changed
        )
        return lines + [f"  {count:,} {change}" for change, count in sorted(counts.items())]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def compare(old: Spec, new: Spec, on: Iterable[Request | Sample] | None = None) -> Comparison:
    """Compare two versions of a spec.

    Parameters
    ----------
    old, new
        Published versions, or drafts.
    on
        Requests or samples to run through both versions, in order. Each version starts with
        an empty inbox, and every request counts as authorized. By default, the examples of
        both versions are used, and each example starts with an empty inbox.
    """
    if on is None:
        requests = _examples(old, new)
        befores, afters = ([replay([each], spec)[0] for each in requests] for spec in (old, new))
    else:
        requests = [each.request if isinstance(each, Sample) else each for each in on]
        befores, afters = replay(requests, old), replay(requests, new)
    return compare_outcomes(old, new, requests, befores, afters)


def compare_outcomes(
    old: Spec,
    new: Spec,
    requests: Iterable[Request],
    befores: Iterable[Outcome],
    afters: Iterable[Outcome],
) -> Comparison:
    """Compare two versions of a spec, given the outcomes of requests under each."""
    pairs = zip(requests, befores, afters, strict=True)
    compared = tuple(
        ComparedRequest(
            index=index,
            received_at_ms=request.received_at_ms,
            before=outcome_name(before),
            after=outcome_name(after),
            triggers_before=_started(before),
            triggers_after=_started(after),
        )
        for index, (request, before, after) in enumerate(pairs)
    )
    return Comparison(old, new, tuple(differences(old, new)), compared)


def _examples(*specs: Spec) -> list[Request]:
    found = {
        (each.body, each.headers): example_request(each, spec)
        for spec in specs
        for each in spec.examples
    }
    return list(found.values())


def _started(outcome: Outcome) -> tuple[str, ...]:
    return outcome.triggers if isinstance(outcome, Accepted) else ()


def _outcome(outcome: str, triggers: tuple[str, ...]) -> str:
    return f"{outcome} ({', '.join(triggers)})" if triggers else outcome
