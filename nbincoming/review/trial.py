"""Trying a spec, or a condition, on samples that keep coming: each is looked at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Generic, TypeVar

from nbincoming.core.conditions.evaluation import compile_condition
from nbincoming.core.conditions.tree import Condition
from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import (
    Candidate,
    Outcome,
)
from nbincoming.core.spec.model import Spec
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.review.replay import consider
from nbincoming.review.verdict import Judge, Verdict

if TYPE_CHECKING:
    from nbincoming.samples.sample import Sample

_Found = TypeVar("_Found")


class _Trial(Generic[_Found]):
    """Findings by the samples' numbers; those of samples that are gone go, too."""

    def __init__(self) -> None:
        self._found: dict[int, _Found] = {}
        self._next = 0

    def run(self, samples: Sequence[Sample]) -> dict[int, _Found]:
        """Look at what is new among samples, which are in the order of their numbers."""
        for sample in samples:
            if sample.number >= self._next:
                self._found[sample.number] = self._look(sample)
                self._next = sample.number + 1
        if len(self._found) > len(samples):
            kept = {sample.number for sample in samples}
            self._found = {number: each for number, each in self._found.items() if number in kept}
        return self._found

    def _look(self, sample: Sample) -> _Found:
        raise NotImplementedError


class SpecTrial(_Trial[Outcome]):
    """What would become of samples under a spec; authorization is taken as given.

    A key that a sample claimed stays claimed when that sample is not kept any more.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self._rules, self._inbox = Rules(spec), MemoryInbox(max_events=0)

    def _look(self, sample: Sample) -> Outcome:
        judged = consider(sample.request, self._rules)
        return self._inbox.claim([judged])[0] if isinstance(judged, Candidate) else judged


class ConditionTrial(_Trial[bool]):
    """Which samples a condition holds for; it holds for none whose body is not JSON."""

    def __init__(self, condition: Condition, zone: tzinfo) -> None:
        super().__init__()
        self._test = compile_condition(condition, zone)

    def _look(self, sample: Sample) -> bool:
        if sample.parameters is None:
            return False
        return self._test(sample.parameters.roots(), sample.request.received_at_ms)


class VerdictTrial(_Trial[Verdict]):
    """What samples show under a spec, for advice and for examples."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self._judge = Judge(spec)

    def _look(self, sample: Sample) -> Verdict:
        return self._judge.verdict(sample)
