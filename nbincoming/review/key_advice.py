"""What may go wrong with a deduplication key, judging by what was captured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from nbincoming.core.auth.schemes import NoAuthorization
from nbincoming.core.conditions.operators import BY_NAME
from nbincoming.core.conditions.tree import referenced
from nbincoming.core.request.labels import ELEMENTS, Path, parse
from nbincoming.core.spec.leaves import placed_leaves
from nbincoming.core.spec.model import Spec
from nbincoming.review.advice import Advice, counted
from nbincoming.review.verdict import Verdict
from nbincoming.samples.profile import ParameterProfile

#: The way out of having no authorization.
AUTHORIZE: Final = "Choose JWT or a signature."


def key_advice(spec: Spec, profiles: Mapping[str, ParameterProfile]) -> list[Advice]:
    """Say what may go wrong with the deduplication key.

    Parameters
    ----------
    profiles
        What the samples show of each parameter, by label.
    """
    if spec.deduplication is None:
        return []
    labels = spec.deduplication.parameters
    found = [
        advice
        for index, label in enumerate(labels)
        for advice in _key_parameter(label, f"deduplication.parameters[{index}]", profiles)
    ]
    if isinstance(spec.authorization, NoAuthorization):
        message = "Without authorization, anyone can claim a key before the real sender."
        found.append(Advice("NBI001", "authorization", message, AUTHORIZE))
    elif all(label.startswith("headers.") for label in labels):
        message = "Headers are not signed, so whoever can replay a body can change the key."
        remedy = "Add a parameter of the body to the key."
        found.append(Advice("NBI005", "deduplication.parameters", message, remedy))
    return found


def owned_keys(spec: Spec, verdicts: Sequence[Verdict]) -> Iterator[Advice]:
    """Warn where a request that starts nothing can silence one that would start something."""
    settings = spec.deduplication
    if settings is None or settings.claims != "every_request" or not spec.triggers:
        return
    read = set().union(*(referenced(each.when) for each in spec.triggers))
    timed = any(BY_NAME[each.leaf.operator][0].at for each in placed_leaves(spec))
    if read <= set(settings.parameters) and not timed:
        return  # requests with one key have one outcome
    message = "A request that no trigger matches owns its key, too: a later one with the same key "
    message += "that would match is answered 204 and starts nothing."
    silenced = _silenced(verdicts)
    if silenced:
        message += f" In the samples, that happens to {counted(silenced, 'key')}."
    yield Advice(
        "NBI009", "deduplication.claims", message,
        'Set claims to "triggered", or add what the triggers read to the key.',
    )  # fmt: skip


def _silenced(verdicts: Sequence[Verdict]) -> int:
    filtered: set[str] = set()
    silenced: set[str] = set()
    for each in verdicts:
        if each.key is None:
            continue
        if each.outcome == "filtered":
            filtered.add(each.key)
        elif each.key in filtered:
            silenced.add(each.key)
    return len(silenced)


def _key_parameter(
    label: str, place: str, profiles: Mapping[str, ParameterProfile]
) -> Iterator[Advice]:
    profile = profiles.get(label)
    if profile is None:
        path = parse(label)
        if profiles and not any(is_above(path, parse(each)) for each in profiles):
            yield Advice(
                "NBI004", place, f"{label} is in no sample.",
                "Check the label, or capture a request that has it.",
            )  # fmt: skip
        return
    if profile.count < profile.total:
        yield Advice(
            "NBI003", place,
            f"{label} is missing in {100 * (1 - profile.coverage):.0f} % of "
            "the samples.",
            "Choose a parameter that every request has, or add one that tells these apart.",
        )  # fmt: skip
    if profile.volatile:
        yield Advice(
            "NBI002", place,
            f"{label} changes with each sending, so repeats would not be noticed.",
            "Choose a parameter that stays the same when a request is sent again.",
        )  # fmt: skip


def is_above(path: Path, leaf: Path) -> bool:
    """Tell whether a path leads to a leaf or to what holds it."""
    return len(path) <= len(leaf) and all(
        want == have or (want is ELEMENTS and isinstance(have, int))
        for want, have in zip(path, leaf, strict=False)
    )
