"""Golden examples of a spec: redacted samples with the outcome that each must have."""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import chain, count
from typing import Final

from nbincoming.core.spec.evidence import Example
from nbincoming.core.spec.model import Spec
from nbincoming.review.redaction import redact
from nbincoming.review.sample_review import SampleReview, SampleReviewer
from nbincoming.samples.sample import Sample

#: Most examples of a spec: people read them, too.
MAX_EXAMPLES: Final = 10


def choose_examples(
    samples: Sequence[Sample], spec: Spec, reviews: Sequence[SampleReview] | None = None
) -> tuple[Example, ...]:
    """Choose samples that cover the outcomes and conditions of a spec, and redact them.

    First comes a sample for each outcome and set of triggers, then each sample in which a leaf
    of a trigger is true or false for the first time. Redaction replaces strings and numbers that
    neither a key nor a condition reads. A sample is left out if this changes its outcome.

    Parameters
    ----------
    reviews
        The reviews of the samples, if they exist already.
    """
    if reviews is None:
        reviewer = SampleReviewer(spec)
        reviews = [reviewer.review(sample) for sample in samples]
    firsts: dict[tuple[object, ...], tuple[Sample, SampleReview]] = {}
    seen: set[tuple[int, bool]] = set()
    others: list[tuple[Sample, SampleReview]] = []
    for sample, review in zip(samples, reviews, strict=True):
        if review.leaf_results is None:
            continue
        outcome = (review.outcome, review.triggers)
        if outcome in firsts or len(firsts) == MAX_EXAMPLES:
            others.append((sample, review))
        else:
            firsts[outcome] = sample, review
            seen |= review.leaf_results
    chosen = list(firsts.values())
    for sample, review in others:
        if len(chosen) == MAX_EXAMPLES:
            break
        if review.leaf_results is not None and review.leaf_results - seen:
            chosen.append((sample, review))
            seen |= review.leaf_results
    return _redacted(chosen, spec)


def _redacted(chosen: Sequence[tuple[Sample, SampleReview]], spec: Spec) -> tuple[Example, ...]:
    examples: list[Example] = []
    for sample, review in chosen:
        request = redact(sample.request, spec)
        assert request is not None  # the review has redacted it once
        example = Example(
            name=_name(review, {example.name for example in examples}),
            headers=tuple((name.decode(), value.decode()) for name, value in request.headers),
            body=request.body.decode(),
            received_at_ms=request.received_at_ms,
            outcome=review.outcome,
            triggers=review.triggers,
            key=review.key,
        )
        examples.append(example)
    return tuple(examples)


def _name(review: SampleReview, taken: Set[str]) -> str:
    """Name an example by its outcome and triggers, with a number where that name is taken."""
    name = "-".join([review.outcome, *review.triggers])
    numbers = (f"{name}-{number}" for number in count(2))
    return next(each for each in chain([name], numbers) if each not in taken)
