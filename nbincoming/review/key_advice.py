"""Advice on the deduplication key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from nbincoming.core.auth.schemes import NoAuthorization
from nbincoming.core.conditions.operators import BY_NAME
from nbincoming.core.conditions.tree import referenced
from nbincoming.core.request.labels import ELEMENTS, Path, format_path, parse
from nbincoming.core.spec.leaves import placed_leaves
from nbincoming.core.spec.model import Spec
from nbincoming.errors import counted
from nbincoming.review.advice import Advice
from nbincoming.review.sample_review import SampleReview
from nbincoming.samples.profile import ParameterProfile

#: What to do about a missing authorization.
AUTHORIZE: Final = "Choose JWT or a signature."


def key_advice(spec: Spec, profiles: Mapping[str, ParameterProfile]) -> list[Advice]:
    """Give advice on the deduplication key.

    Parameters
    ----------
    spec
        The draft or version.
    profiles
        The profile of each parameter, by label.
    """
    if spec.deduplication is None:
        return []
    labels = spec.deduplication.parameters
    paths = [parse(label) for label in labels]
    found: list[Advice] = []
    for index, label in enumerate(labels):
        place = f"deduplication.parameters[{index}]"
        found += _parameter_advice(label, place, profiles)
        found += _element_advice(label, place, paths, profiles)
    if isinstance(spec.authorization, NoAuthorization):
        message = "Without authorization, anyone can claim a key before the real sender does."
        found.append(Advice("NBI001", "authorization", message, AUTHORIZE))
    else:
        signed = spec.authorization.signed_headers()
        if all(path[0] == "headers" and path[1] not in signed for path in paths):
            message = "The key reads only headers that no signature covers, so whoever replays a "
            message += "body can give it another key."
            remedy = "Add a parameter of the body to the key."
            found.append(Advice("NBI005", "deduplication.parameters", message, remedy))
    return found


def claim_advice(spec: Spec, reviews: Sequence[SampleReview]) -> Iterator[Advice]:
    """Warn if a filtered request can claim the key of a request that a trigger matches."""
    settings = spec.deduplication
    if settings is None or settings.claims != "every_request" or not spec.triggers:
        return
    read = set().union(*(referenced(each.when) for each in spec.triggers))
    timed = any(BY_NAME[each.leaf.operator][0].at for each in placed_leaves(spec))
    if read <= set(settings.parameters) and not timed:
        return  # requests with the same key have the same outcome
    message = "A request that no trigger matches claims its key, too. A later request with the "
    message += "same key that a trigger would match is answered 204 and starts nothing."
    lost = _keys_claimed_by_filtered(reviews)
    if lost:
        message += f" In the samples, this happens to {counted(lost, 'key')}."
    yield Advice(
        "NBI009", "deduplication.claims", message,
        'Have keys claimed by "only requests for which a trigger is true", or add the parameters '
        "that the triggers read to the key.",
    )  # fmt: skip


def _keys_claimed_by_filtered(reviews: Sequence[SampleReview]) -> int:
    filtered: set[str] = set()
    lost: set[str] = set()
    for each in reviews:
        if each.key is None:
            continue
        if each.outcome == "filtered":
            filtered.add(each.key)
        elif each.key in filtered:
            lost.add(each.key)
    return len(lost)


def _parameter_advice(
    label: str, place: str, profiles: Mapping[str, ParameterProfile]
) -> Iterator[Advice]:
    profile = profiles.get(label)
    if profile is None:
        path = parse(label)
        if profiles and not any(leads_to(path, parse(each)) for each in profiles):
            yield Advice(
                "NBI004", place, f"No sample has {label}.",
                "Check the label, or capture a request that has it.",
            )  # fmt: skip
        return
    if profile.count < profile.total:
        yield Advice(
            "NBI003", place,
            f"{label} is missing in {100 * (1 - profile.coverage):.0f} % of the samples.",
            "Choose a parameter that every request has, or add one that tells these requests "
            "apart.",
        )  # fmt: skip
    if profile.volatile:
        yield Advice(
            "NBI002", place,
            f"{label} seems to change each time a request is sent, so repeats would not be "
            "noticed.",
            "Choose a parameter that stays the same when a request is sent again.",
        )  # fmt: skip


def _element_advice(
    label: str, place: str, key: Sequence[Path], profiles: Mapping[str, ParameterProfile]
) -> Iterator[Advice]:
    """Warn if a parameter reads one element of an array that has others in the samples."""
    path = parse(label)
    for position, segment in enumerate(path):
        if not isinstance(segment, int):
            continue
        array = path[:position]
        if any(array[: len(each)] == each for each in key):
            return  # the key reads the whole array, too
        read = {
            each[position]
            for each in key
            if each[:position] == array and isinstance(each[position], int)
        }
        seen = _indexes(format_path(array), profiles)
        if seen - read:
            yield Advice(
                "NBI014", place,
                f"{label} reads one element of {format_path(array)}, which had up to "
                f"{max(seen) + 1} elements in the samples. A later request with the same key "
                "is dropped as a duplicate, even if its other elements are new.",
                "Have the sender put one event in each request, choose another parameter, or "
                f"choose the whole array {format_path(array)}.",
            )  # fmt: skip
            return


def _indexes(array: str, labels: Iterable[str]) -> set[int]:
    """Return the indexes of the elements that an array has in the samples."""
    start = len(array) + 1
    texts = {
        label[start : label.index("]", start)] for label in labels if label.startswith(f"{array}[")
    }
    return {int(text) for text in texts if text.isdecimal()}  # else it is a quoted name


def leads_to(path: Path, leaf: Path) -> bool:
    """Tell whether a path leads to a leaf or to an object or array that contains it."""
    return len(path) <= len(leaf) and all(
        want == have or (want is ELEMENTS and isinstance(have, int))
        for want, have in zip(path, leaf, strict=False)
    )
