"""Captured requests run through a spec again: what would become of each.

Keys are claimed in an inbox of their own, so that trying things out touches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from nbincoming.core.examples import (
    check_examples as check_examples,  # drivers find these here
)
from nbincoming.core.examples import consider as consider
from nbincoming.core.examples import example_request as example_request
from nbincoming.core.examples import expectation as expectation
from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import (
    Candidate,
    Outcome,
)
from nbincoming.core.request.message import Request
from nbincoming.core.spec.model import Spec
from nbincoming.inbox.memory import MemoryInbox


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
