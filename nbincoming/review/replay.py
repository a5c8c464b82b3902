"""Run recorded requests through a spec again, to see the outcome of each."""

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

    Every request counts as authorized. Keys are claimed in an inbox of its own, which
    starts empty, so a replay changes nothing elsewhere.
    """
    rules, inbox = Rules(spec), MemoryInbox(max_events=0)
    outcomes: list[Outcome] = []
    for request in requests:
        judged = consider(request, rules)
        outcomes.append(inbox.outcome_of(judged))
    return outcomes
