"""How well examples test conditions: in how many each leaf is true, and in how many false."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nbincoming.core.examples import consider, example_request
from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import Candidate
from nbincoming.core.request.message import Request
from nbincoming.core.spec.leaves import PlacedLeaf, placed_leaves
from nbincoming.core.spec.model import Spec


@dataclass(frozen=True, slots=True)
class LeafCoverage:
    """How well examples test one leaf.

    Attributes
    ----------
    trigger, place, sentence : str
        The name of its trigger, its path in the spec, and the leaf as a sentence.
    held, failed : int
        In how many examples it is true, and in how many false. A leaf on the elements of an
        array may be both in one example.
    """

    trigger: str
    place: str
    sentence: str
    held: int
    failed: int

    @property
    def tested(self) -> bool:
        """Whether examples make it true and false."""
        return self.held > 0 and self.failed > 0

    def __str__(self) -> str:
        if self.tested:
            return f"“{self.sentence}” is true in {self.held} and false in {self.failed}."
        if self.held:
            return f"“{self.sentence}” is true in every example that tests it."
        if self.failed:
            return f"“{self.sentence}” is true in no example."
        return f"No example tests “{self.sentence}”."


def example_coverage(spec: Spec) -> list[LeafCoverage]:
    """Return how well the examples of a spec test each leaf of its triggers."""
    return leaf_coverage(spec, [example_request(each, spec) for each in spec.examples])


def leaf_coverage(spec: Spec, requests: Iterable[Request]) -> list[LeafCoverage]:
    """Count the requests in which each leaf is true, and those in which it is false."""
    placed = placed_leaves(spec)
    rules = Rules(spec)
    results = [leaf_results(request, spec, rules, placed) for request in requests]
    return [
        LeafCoverage(
            trigger=each.trigger,
            place=each.place,
            sentence=each.leaf.describe(),
            held=sum((index, True) in found for found in results),
            failed=sum((index, False) in found for found in results),
        )
        for index, each in enumerate(placed)
    ]


def leaf_results(
    request: Request, spec: Spec, rules: Rules, placed: list[PlacedLeaf]
) -> set[tuple[int, bool]]:
    """Return pairs of a leaf's index and its result; none if the request is refused."""
    judged = consider(request, rules)
    if not isinstance(judged, Candidate):
        return set()
    scope, zone = judged.parameters.roots(), spec.zone
    return {
        (index, value)
        for index, each in enumerate(placed)
        for value in each.truths(scope, request.received_at_ms, zone)
    }
