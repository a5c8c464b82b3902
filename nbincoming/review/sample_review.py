"""What one sample shows about a spec, kept small because there may be many samples."""

from __future__ import annotations

from dataclasses import dataclass

from nbincoming.core.examples import expectation
from nbincoming.core.gateway import Rules
from nbincoming.core.spec.evidence import ExpectedOutcome
from nbincoming.core.spec.leaves import placed_leaves
from nbincoming.core.spec.model import Spec
from nbincoming.review.example_coverage import leaf_results
from nbincoming.review.redaction import redact
from nbincoming.samples.sample import Sample


@dataclass(frozen=True, slots=True)
class SampleReview:
    """The outcome of a sample under a spec, as if no earlier sample had its key.

    Attributes
    ----------
    outcome : str
        ``accepted``, ``filtered`` or ``rejected``.
    triggers : tuple of str
        Names of the triggers that match.
    key : str or None
        Its deduplication key.
    leaf_results : frozenset of (int, bool) or None
        Pairs of a leaf's index and its result. None if the sample cannot become an example,
        because redaction fails or changes its outcome.
    """

    outcome: ExpectedOutcome
    triggers: tuple[str, ...]
    key: str | None
    leaf_results: frozenset[tuple[int, bool]] | None


class SampleReviewer:
    """Reviews samples under a spec, as if each request were authorized."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._rules, self._placed = spec, Rules(spec), placed_leaves(spec)

    def review(self, sample: Sample) -> SampleReview:
        """Review one sample."""
        found, results = expectation(sample.request, self._rules), None
        redacted = redact(sample.request, self._spec)
        if redacted is not None and expectation(redacted, self._rules) == found:
            results = frozenset(leaf_results(redacted, self._spec, self._rules, self._placed))
        return SampleReview(**found, leaf_results=results)
