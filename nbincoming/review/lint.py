"""Gives advice on a spec before it is published.

A spec with advice is valid: its author may have intended what the advice warns about.
``docs/lint.md`` has a section for each code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from typing import Final

from nbincoming.core.auth.schemes import NoAuthorization
from nbincoming.core.conditions.label import Reference
from nbincoming.core.conditions.operators import WHEN_MISSING
from nbincoming.core.conditions.tree import Leaf
from nbincoming.core.examples import consider, example_request
from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import Candidate
from nbincoming.core.request.labels import ELEMENTS, Path, parse
from nbincoming.core.request.parameters import Parameters
from nbincoming.core.request.values import MISSING
from nbincoming.core.spec.leaves import placed_leaves
from nbincoming.core.spec.model import Spec
from nbincoming.errors import counted
from nbincoming.review.advice import Advice
from nbincoming.review.example_coverage import example_coverage
from nbincoming.review.key_advice import AUTHORIZE, claim_advice, key_advice, leads_to
from nbincoming.review.redaction import REDACTED
from nbincoming.review.sample_review import SampleReview, SampleReviewer
from nbincoming.samples.label_hints import is_personal
from nbincoming.samples.profile import ParameterProfile, profile_of, profile_of_observed
from nbincoming.samples.sample import Sample

#: Fewest samples from which to warn that a trigger matches all of them.
_MIN_SAMPLES: Final = 3


def lint(
    spec: Spec,
    *,
    samples: Sequence[Sample] = (),
    profiles: Sequence[ParameterProfile] | None = None,
    reviews: Sequence[SampleReview] | None = None,
    secrets: Container[str] | None = None,
) -> list[Advice]:
    """Give advice on a spec, in the order of its members.

    Parameters
    ----------
    spec
        A draft with its examples, or a published version.
    samples
        Captured requests that were not refused. Without them, advice comes from the
        parameters in the spec.
    profiles, reviews
        The profiles and reviews of the samples, if they exist already.
    secrets
        The secrets that are known, by name; None to skip the check for missing ones.
    """
    if profiles is None and samples:
        profiles = profile_of([sample.flat() for sample in samples])
    if reviews is None:
        reviewer = SampleReviewer(spec)
        reviews = [reviewer.review(sample) for sample in samples]
    seen = {each.label: each for each in profiles} if profiles else _observed(spec)
    return [
        *_authorization(spec, secrets),
        *key_advice(spec, seen),
        *claim_advice(spec, reviews),
        *_triggers(spec, reviews),
        *_leaves(spec, samples),
        *_examples(spec),
    ]


def _authorization(spec: Spec, secrets: Container[str] | None) -> Iterator[Advice]:
    if isinstance(spec.authorization, NoAuthorization):
        if spec.deduplication is None:  # otherwise key_advice says more
            message = "Anyone who learns the URL can start the workflows of this integration."
            yield Advice("NBI001", "authorization", message, AUTHORIZE)
        return
    missing = [
        name for name in spec.authorization.secret_names()
        if secrets is not None and name not in secrets
    ]  # fmt: skip
    for name in missing:
        message = f"The secret {name} cannot be found here, so every request would be refused."
        yield Advice("NBI010", "authorization", message, "Set it where the spec will be served.")


def _triggers(spec: Spec, reviews: Sequence[SampleReview]) -> Iterator[Advice]:
    good = [each for each in reviews if each.outcome != "rejected"]
    counts = Counter(name for each in good for name in each.triggers)
    for index, trigger in enumerate(spec.triggers):
        place, count = f"triggers[{index}]", counts[trigger.name]
        if good and not count:
            yield Advice(
                "NBI007", place,
                f"The trigger {trigger.name!r} matches none of {counted(len(good), 'sample')}.",
                "See why on the card Conditions, or capture a request that it should match.",
            )  # fmt: skip
        if count == len(good) >= _MIN_SAMPLES:
            yield Advice(
                "NBI006", place,
                f"The trigger {trigger.name!r} matches all of {counted(len(good), 'sample')}.",
                "If every request should be accepted, remove it: without triggers, all are.",
            )  # fmt: skip


def _leaves(spec: Spec, samples: Sequence[Sample]) -> Iterator[Advice]:
    requests = [each.parameters for each in samples if each.parameters is not None]
    observed = [parse(each.label) for each in spec.parameters]
    if not requests and not observed:
        return
    for placed in placed_leaves(spec):
        leaf = placed.leaf
        asked = [] if leaf.operator == WHEN_MISSING else [(leaf.parameter, "parameter")]
        if isinstance(leaf, Leaf) and isinstance(leaf.value, Reference):
            asked.append((leaf.value.parameter, "value.parameter"))
        for label, member in asked:
            path = parse(label)
            known = (
                any(_is_in(path, each) for each in requests)
                if requests
                else any(leads_to(path, each) for each in observed)
            )
            if not known:
                yield Advice(
                    "NBI008", f"{placed.place}.{member}", f"No sample has {label}.",
                    "Check the label, or capture a request that has it.",
                )  # fmt: skip


def _is_in(path: Path, parameters: Parameters) -> bool:
    value = parameters.at(path)
    return value is not MISSING and not (ELEMENTS in path and value == [])


def _examples(spec: Spec) -> Iterator[Advice]:
    if not spec.examples:
        yield Advice(
            "NBI013", "examples", "The spec has no examples, so nothing can check its outcomes.",
            "Capture a request before publishing.",
        )  # fmt: skip
        return
    for index, example in enumerate(spec.examples):
        for label in _personal_labels(spec, index):
            yield Advice(
                "NBI011", f"examples[{index}]",
                f"The example {example.name!r} keeps {label}, which looks like personal data, "
                "since a key or a condition reads it.",
                "Capture a request with made-up data, or choose another parameter.",
            )  # fmt: skip
    for leaf in example_coverage(spec):
        if not leaf.tested:
            yield Advice(
                "NBI012", leaf.place, str(leaf),
                "Capture one request in which it is true, and one in which it is false.",
            )  # fmt: skip


def _personal_labels(spec: Spec, index: int) -> list[str]:
    """Return the parameters of an example that look personal and were not redacted."""
    judged = consider(example_request(spec.examples[index], spec), Rules(spec))
    if not isinstance(judged, Candidate):
        return []
    return [
        label
        for label, value in judged.parameters.flat().items()
        if value not in (REDACTED, "", 0, None, True, False, [], {}) and is_personal(label, [value])
    ]


def _observed(spec: Spec) -> dict[str, ParameterProfile]:
    """Return the profiles of the parameters that a spec lists."""
    return {each.label: profile_of_observed(each) for each in spec.parameters}
