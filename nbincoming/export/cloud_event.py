"""The events of a spec's accepted examples, as receivers get them."""

from __future__ import annotations

from nbincoming.core.events import Event, event_id, event_of
from nbincoming.core.examples import consider, example_request
from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import Candidate
from nbincoming.core.request.values import Value
from nbincoming.core.spec.model import Spec
from nbincoming.errors import NbIncomingError
from nbincoming.export.example import good_examples


class NoEventError(NbIncomingError, LookupError):
    """The spec has no accepted example."""


def example_events(spec: Spec) -> list[Event]:
    """Make an event of each accepted example."""
    rules = Rules(spec)
    accepted = [each for each, _ in good_examples(spec) if each.outcome == "accepted"]
    judged = [(each, consider(example_request(each, spec), rules)) for each in accepted]
    return [
        # Without a key, use the example's name: the id must be the same in each export.
        event_of(
            candidate, event_id(spec.endpoint, candidate.key or each.name, each.received_at_ms)
        )
        for each, candidate in judged
        if isinstance(candidate, Candidate)
    ]


def cloud_event(spec: Spec) -> dict[str, Value]:
    """Write the event of the first accepted example as a CloudEvent.

    Raises
    ------
    NoEventError
        If the spec has no accepted example.
    """
    events = example_events(spec)
    if not events:
        raise NoEventError(
            f"{spec.name} has no accepted example to make an event of. Capture a request that a "
            "trigger matches, and publish."
        )
    return events[0].cloud_event()
