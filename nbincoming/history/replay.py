"""Captured requests run through a spec again: what would become of each.

Keys are claimed in an inbox of their own, so that trying things out touches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from nbincoming.core.gateway import Candidate, Outcome, Rejected, Rules, endpoint_path
from nbincoming.core.message import Request
from nbincoming.core.spec import Example, Spec
from nbincoming.errors import Problem, Refusal
from nbincoming.inbox.memory import MemoryInbox


def consider(request: Request, rules: Rules) -> Candidate | Rejected:
    """Judge a request as if it were authorized."""
    try:
        return rules.consider(request)
    except Refusal as refusal:
        return Rejected(refusal)


def replay(requests: Iterable[Request], spec: Spec) -> list[Outcome]:
    """Run requests, in order, through a spec; authorization is taken as given.

    Returns
    -------
    list of Outcome
        One for each request.
    """
    rules, inbox = Rules(spec), MemoryInbox(max_events=0)
    outcomes: list[Outcome] = []
    for request in requests:
        judged = consider(request, rules)
        outcomes.append(inbox.claim([judged])[0] if isinstance(judged, Candidate) else judged)
    return outcomes


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


def expectation(request: Request, rules: Rules) -> dict[str, object]:
    """Say what becomes of a request that is the first of its key, as an example notes it."""
    judged = consider(request, rules)
    if isinstance(judged, Rejected):
        return {"outcome": "rejected", "triggers": (), "key": None}
    outcome = "accepted" if judged.wanted else "filtered"
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
