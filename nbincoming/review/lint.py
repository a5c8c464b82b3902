"""What to look at before publishing: each with a code, a sentence, a way out, and its place.

Advice, not a gate: a spec with advice is valid, and what it says may be meant. The page
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
from nbincoming.review.advice import RULES as RULES  # callers find these here, too
from nbincoming.review.advice import Advice as Advice
from nbincoming.review.advice import counted
from nbincoming.review.coverage import example_coverage
from nbincoming.review.key_advice import AUTHORIZE, claim_advice, leads_to
from nbincoming.review.key_advice import key_advice as key_advice
from nbincoming.review.redaction import REDACTED
from nbincoming.review.verdict import Judge, Verdict
from nbincoming.samples.profile import ParameterProfile, is_personal, profile_of, remembered
from nbincoming.samples.sample import Sample

#: From how many samples on "all of them" says something.
_ENOUGH: Final = 3


def lint(
    spec: Spec,
    *,
    samples: Sequence[Sample] = (),
    profiles: Sequence[ParameterProfile] | None = None,
    verdicts: Sequence[Verdict] | None = None,
    secrets: Container[str] | None = None,
) -> list[Advice]:
    """Look a spec over, in the order of its members.

    Parameters
    ----------
    spec
        A draft with its examples, or a published version.
    samples
        Captured requests that were not refused; without any, what the spec itself says of
        the parameters seen has to do.
    profiles, verdicts
        The samples' profiles, and what each of them shows, where somebody has that already.
    secrets
        Where the secrets are looked for; None does not look.
    """
    if profiles is None and samples:
        profiles = profile_of([sample.flat() for sample in samples])
    if verdicts is None:
        judge = Judge(spec)
        verdicts = [judge.verdict(sample) for sample in samples]
    seen = {each.label: each for each in profiles} if profiles else _observed(spec)
    return [
        *_authorization(spec, secrets),
        *key_advice(spec, seen),
        *claim_advice(spec, verdicts),
        *_triggers(spec, verdicts),
        *_leaves(spec, samples),
        *_examples(spec),
    ]


def _authorization(spec: Spec, secrets: Container[str] | None) -> Iterator[Advice]:
    if isinstance(spec.authorization, NoAuthorization):
        if spec.deduplication is None:  # else the key's advice says more
            message = "Anyone who learns the URL can start what this integration starts."
            yield Advice("NBI001", "authorization", message, AUTHORIZE)
        return
    missing = [
        name for name in spec.authorization.secret_names()
        if secrets is not None and name not in secrets
    ]  # fmt: skip
    for name in missing:
        message = f"The secret {name} is not there, so no request would be accepted."
        yield Advice("NBI010", "authorization", message, "Set it where the spec will be served.")


def _triggers(spec: Spec, verdicts: Sequence[Verdict]) -> Iterator[Advice]:
    good = [each for each in verdicts if each.outcome != "rejected"]
    counts = Counter(name for each in good for name in each.triggers)
    for index, trigger in enumerate(spec.triggers):
        place, count = f"triggers[{index}]", counts[trigger.name]
        if good and not count:
            yield Advice(
                "NBI007", place,
                f"The trigger {trigger.name!r} matches none of {counted(len(good), 'sample')}.",
                "Look at why with explain(), or capture a request that it should match.",
            )  # fmt: skip
        if count == len(good) >= _ENOUGH:
            yield Advice(
                "NBI006", place,
                f"The trigger {trigger.name!r} matches all of {counted(len(good), 'sample')}.",
                "Remove it if every request should start something; a spec without triggers "
                "says so.",
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
            "NBI013", "examples", "No example shows what the spec does, so nothing is checked.",
            "Capture a request before publishing.",
        )  # fmt: skip
        return
    for index, example in enumerate(spec.examples):
        for label in _personal_labels(spec, index):
            yield Advice(
                "NBI011", f"examples[{index}]",
                f"The example {example.name!r} keeps {label}, which looks like personal data, "
                "since a key or a condition reads it.",
                "Capture a request with made-up data, or let neither read it.",
            )  # fmt: skip
    for leaf in example_coverage(spec):
        if not leaf.tested:
            yield Advice(
                "NBI012", leaf.place, str(leaf),
                "Capture a request that shows it.",
            )  # fmt: skip


def _personal_labels(spec: Spec, index: int) -> list[str]:
    """Name the parameters of an example that are about a person and were not redacted."""
    judged = consider(example_request(spec.examples[index], spec), Rules(spec))
    if not isinstance(judged, Candidate):
        return []
    return [
        label
        for label, value in judged.parameters.flat().items()
        if value not in (REDACTED, "", 0, None, True, False, [], {}) and is_personal(label, [value])
    ]


def _observed(spec: Spec) -> dict[str, ParameterProfile]:
    """Read what a spec keeps of its samples' profiles."""
    return {each.label: remembered(each) for each in spec.parameters}
