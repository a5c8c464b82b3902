"""How well examples test conditions: in how many of them each leaf holds, and does not."""

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
        The leaf: the name of its trigger, its path in the spec, what it says.
    held, failed : int
        In how many examples it holds, and does not hold. A leaf on the elements of an array
        may do both in one example.
    """

    trigger: str
    place: str
    sentence: str
    held: int
    failed: int

    @property
    def tested(self) -> bool:
        """Whether it holds in some example and does not hold in another."""
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
    """Return how the spec's own examples test each leaf of its triggers."""
    return leaf_coverage(spec, [example_request(each, spec) for each in spec.examples])


def leaf_coverage(spec: Spec, requests: Iterable[Request]) -> list[LeafCoverage]:
    """Count for each leaf in how many requests it holds, and does not hold."""
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
    """Return pairs of a leaf's index and whether it holds; none if the request is refused."""
    judged = consider(request, rules)
    if not isinstance(judged, Candidate):
        return set()
    scope, zone = judged.parameters.roots(), spec.zone
    return {
        (index, value)
        for index, each in enumerate(placed)
        for value in each.truths(scope, request.received_at_ms, zone)
    }
