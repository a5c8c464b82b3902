"""Golden examples for a spec: chosen from samples, redacted, with what must become of them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import chain, count
from typing import Final

from nbincoming.core.spec.evidence import Example
from nbincoming.core.spec.model import Spec
from nbincoming.review.redaction import redact
from nbincoming.review.verdict import Judge, Verdict
from nbincoming.samples.sample import Sample

#: Examples are for people, too: more than these say no more.
MAX_EXAMPLES: Final = 10


def choose_examples(
    samples: Sequence[Sample], spec: Spec, verdicts: Sequence[Verdict] | None = None
) -> tuple[Example, ...]:
    """Choose a sample for each outcome, set of triggers and branch of a condition, redacted.

    First the outcomes; then what shows a leaf of a trigger to hold, or not to, that none
    before it shows. Texts and numbers that neither a key nor a condition reads are replaced;
    where that would change the outcome, the sample is left out.

    Parameters
    ----------
    verdicts
        What each of the samples shows, where somebody has that already.
    """
    if verdicts is None:
        judge = Judge(spec)
        verdicts = [judge.verdict(sample) for sample in samples]
    firsts: dict[tuple[object, ...], tuple[Sample, Verdict]] = {}
    seen: set[tuple[int, bool]] = set()
    others: list[tuple[Sample, Verdict]] = []
    for sample, verdict in zip(samples, verdicts, strict=True):
        if verdict.shown is None:
            continue
        place = (verdict.outcome, verdict.triggers)
        if place in firsts or len(firsts) == MAX_EXAMPLES:
            others.append((sample, verdict))
        else:
            firsts[place] = sample, verdict
            seen |= verdict.shown
    chosen = list(firsts.values())
    for sample, verdict in others:
        if len(chosen) == MAX_EXAMPLES:
            break
        if verdict.shown is not None and verdict.shown - seen:
            chosen.append((sample, verdict))
            seen |= verdict.shown
    return _named(chosen, spec)


def _named(chosen: Sequence[tuple[Sample, Verdict]], spec: Spec) -> tuple[Example, ...]:
    examples: list[Example] = []
    for sample, verdict in chosen:
        request = redact(sample.request, spec)
        assert request is not None  # it was looked at before
        example = Example(
            name=_name(verdict, {example.name for example in examples}),
            headers=tuple((name.decode(), value.decode()) for name, value in request.headers),
            body=request.body.decode(),
            received_at_ms=request.received_at_ms,
            outcome=verdict.outcome,
            triggers=verdict.triggers,
            key=verdict.key,
        )
        examples.append(example)
    return tuple(examples)


def _name(verdict: Verdict, taken: Set[str]) -> str:
    """Name an example by what becomes of it; names of triggers may read the same joined."""
    name = "-".join([verdict.outcome, *verdict.triggers])
    numbers = (f"{name}-{number}" for number in count(2))
    return next(each for each in chain([name], numbers) if each not in taken)
