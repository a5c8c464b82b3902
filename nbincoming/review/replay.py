"""Run recorded requests through a spec, to see the outcome of each."""

from __future__ import annotations

from collections.abc import Iterable

from nbincoming.core.examples import consider
from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import Outcome
from nbincoming.core.request.message import Request
from nbincoming.core.spec.model import Spec
from nbincoming.inbox.memory import MemoryInbox


def replay(requests: Iterable[Request], spec: Spec) -> list[Outcome]:
    """Return the outcome of each request under a spec, in order.

    Every request counts as authorized. Each replay claims keys in a new inbox of its own.
    """
    rules, inbox = Rules(spec), MemoryInbox(max_events=0)
    outcomes: list[Outcome] = []
    for request in requests:
        judged = consider(request, rules)
        outcomes.append(inbox.outcome_of(judged))
    return outcomes
