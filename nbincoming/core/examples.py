"""Run a spec's examples, and compare their outcomes with those in the spec.

Each example is judged as the first request with its key, and no key is claimed.
"""

from __future__ import annotations

from typing import TypedDict

from nbincoming.core.gateway import (
    Rules,
    endpoint_path,
)
from nbincoming.core.outcomes import (
    Candidate,
    Rejected,
)
from nbincoming.core.request.message import Request
from nbincoming.core.spec.evidence import Example, ExpectedOutcome
from nbincoming.core.spec.model import Spec
from nbincoming.errors import Problem, Refusal


class Expectation(TypedDict):
    """The members of an example that contain its outcome."""

    outcome: ExpectedOutcome
    triggers: tuple[str, ...]
    key: str | None


def consider(request: Request, rules: Rules) -> Candidate | Rejected:
    """Judge a request as if it were authorized."""
    try:
        return rules.consider(request)
    except Refusal as refusal:
        return Rejected(refusal)


def check_examples(spec: Spec) -> list[Problem]:
    """Run a spec's examples; each outcome that differs from the expected one is a problem."""
    rules = Rules(spec)
    problems = []
    for index, example in enumerate(spec.examples):
        found = expectation(example_request(example, spec), rules)
        for member, value in found.items():
            wanted = getattr(example, member)
            if value != wanted:
                problems.append(
                    Problem(
                        f"examples[{index}].{member}",
                        f"The example {example.name!r} should give {wanted!r} and gives {value!r}.",
                    )
                )
    return problems


def expectation(request: Request, rules: Rules) -> Expectation:
    """Return the outcome of a request, judged as the first one with its key."""
    judged = consider(request, rules)
    if isinstance(judged, Rejected):
        return {"outcome": "rejected", "triggers": (), "key": None}
    outcome: ExpectedOutcome = "accepted" if judged.wanted else "filtered"
    return {"outcome": outcome, "triggers": judged.triggers, "key": judged.key}


def example_request(example: Example, spec: Spec) -> Request:
    """Make the request of an example."""
    return Request(
        method="POST",
        target=endpoint_path(spec.endpoint),
        headers=tuple((name.encode(), value.encode()) for name, value in example.headers),
        body=example.body.encode(),
        received_at_ms=example.received_at_ms,
    )
