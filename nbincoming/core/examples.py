"""An example as the request it stands for, and what becomes of it.

Keys are not claimed here: an example is the first of its key.
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
from nbincoming.core.spec.evidence import Example, Outcome
from nbincoming.core.spec.model import Spec
from nbincoming.errors import Problem, Refusal


class Expectation(TypedDict):
    """What becomes of a request that is the first of its key, as an example notes it."""

    outcome: Outcome
    triggers: tuple[str, ...]
    key: str | None


def consider(request: Request, rules: Rules) -> Candidate | Rejected:
    """Judge a request as if it were authorized."""
    try:
        return rules.consider(request)
    except Refusal as refusal:
        return Rejected(refusal)


def check_examples(spec: Spec) -> list[Problem]:
    """Run a spec's examples; each difference from what was expected is a problem."""
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
    """Say what becomes of a request that is the first of its key, as an example notes it."""
    judged = consider(request, rules)
    if isinstance(judged, Rejected):
        return {"outcome": "rejected", "triggers": (), "key": None}
    outcome: Outcome = "accepted" if judged.wanted else "filtered"
    return {"outcome": outcome, "triggers": judged.triggers, "key": judged.key}


def example_request(example: Example, spec: Spec) -> Request:
    """Turn an example back into the request it stands for."""
    return Request(
        method="POST",
        target=endpoint_path(spec.endpoint),
        headers=tuple((name.encode(), value.encode()) for name, value in example.headers),
        body=example.body.encode(),
        received_at_ms=example.received_at_ms,
    )
