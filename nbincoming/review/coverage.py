"""What examples prove: in how many of them each leaf of the triggers holds, and does not."""

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
    """How far examples test one leaf.

    Attributes
    ----------
    trigger, place, sentence : str
        Which leaf: its trigger's name, its path in the spec, its words.
    held, failed : int
        In how many examples it holds, and does not; one on elements may do both in one.
    """

    trigger: str
    place: str
    sentence: str
    held: int
    failed: int

    @property
    def tested(self) -> bool:
        """Whether the examples show it both ways."""
        return self.held > 0 and self.failed > 0

    def __str__(self) -> str:
        if self.tested:
            return f"“{self.sentence}” holds in {self.held} and not in {self.failed}."
        if self.held:
            return f"“{self.sentence}” holds in every example that asks it."
        if self.failed:
            return f"“{self.sentence}” holds in no example."
        return f"No example asks “{self.sentence}”."


def example_coverage(spec: Spec) -> list[LeafCoverage]:
    """Say of each leaf how the spec's own examples test it."""
    return coverage_of(spec, [example_request(each, spec) for each in spec.examples])


def coverage_of(spec: Spec, requests: Iterable[Request]) -> list[LeafCoverage]:
    """Say of each leaf in how many requests it holds, and does not."""
    placed = placed_leaves(spec)
    rules = Rules(spec)
    reached = [branches(request, spec, rules, placed) for request in requests]
    return [
        LeafCoverage(
            trigger=each.trigger,
            place=each.place,
            sentence=each.leaf.describe(),
            held=sum((index, True) in found for found in reached),
            failed=sum((index, False) in found for found in reached),
        )
        for index, each in enumerate(placed)
    ]


def branches(
    request: Request, spec: Spec, rules: Rules, placed: list[PlacedLeaf]
) -> set[tuple[int, bool]]:
    """Gather which leaves hold and do not, by their index; none where it is refused."""
    judged = consider(request, rules)
    if not isinstance(judged, Candidate):
        return set()
    scope, zone = judged.parameters.roots(), spec.zone
    return {
        (index, value)
        for index, each in enumerate(placed)
        for value in each.truths(scope, request.received_at_ms, zone)
    }
