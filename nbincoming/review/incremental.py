"""Results for samples that keep arriving: each sample is processed only once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Generic, TypeVar

from nbincoming.core.conditions.evaluation import compile_condition
from nbincoming.core.conditions.tree import Condition
from nbincoming.core.examples import consider
from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import Outcome
from nbincoming.core.spec.model import Spec
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.review.sample_review import SampleReview, SampleReviewer
from nbincoming.samples.sample import Sample

_Result = TypeVar("_Result")


class _Incremental(Generic[_Result]):
    """Results by the samples' numbers."""

    def __init__(self) -> None:
        self._results: dict[int, _Result] = {}
        self._next = 0

    def run(self, samples: Sequence[Sample]) -> dict[int, _Result]:
        """Return the result of each sample by its number.

        Parameters
        ----------
        samples
            In the order of their numbers. Samples that are new since the last call are
            processed. Results of earlier samples that are missing here are dropped.
        """
        for sample in samples:
            if sample.number >= self._next:
                self._results[sample.number] = self._process(sample)
                self._next = sample.number + 1
        if len(self._results) > len(samples):
            kept = {sample.number for sample in samples}
            self._results = {n: result for n, result in self._results.items() if n in kept}
        return self._results

    def _process(self, sample: Sample) -> _Result:
        raise NotImplementedError


class IncrementalReplay(_Incremental[Outcome]):
    """The outcomes of samples under a spec, as if each request were authorized.

    A key stays claimed when the sample that claimed it is dropped.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self._rules, self._inbox = Rules(spec), MemoryInbox(max_events=0)

    def _process(self, sample: Sample) -> Outcome:
        judged = consider(sample.request, self._rules)
        return self._inbox.outcome_of(judged)


class IncrementalCondition(_Incremental[bool]):
    """Whether a condition is true for samples; false if the body is not JSON."""

    def __init__(self, condition: Condition, zone: tzinfo) -> None:
        super().__init__()
        self._test = compile_condition(condition, zone)

    def _process(self, sample: Sample) -> bool:
        if sample.parameters is None:
            return False
        return self._test(sample.parameters.roots(), sample.request.received_at_ms)


class IncrementalReviews(_Incremental[SampleReview]):
    """The reviews of samples under a spec, for advice and examples."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self._reviewer = SampleReviewer(spec)

    def _process(self, sample: Sample) -> SampleReview:
        return self._reviewer.review(sample)
