"""The events of a spec, for those who receive them: an example, and AsyncAPI 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from nbincoming.core.events import EVENT_TYPE, Event, event_id, event_of
from nbincoming.core.examples import consider, example_request
from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import Candidate
from nbincoming.core.request.values import Value
from nbincoming.core.spec.model import Spec
from nbincoming.errors import NbIncomingError
from nbincoming.export.example import good_examples
from nbincoming.export.payload import inferred


class NoEventError(NbIncomingError, LookupError):
    """The spec has no example that becomes an event."""


def example_events(spec: Spec) -> list[Event]:
    """Make the events that a spec's accepted examples become."""
    rules = Rules(spec)
    accepted = [each for each, _ in good_examples(spec) if each.outcome == "accepted"]
    judged = [(each, consider(example_request(each, spec), rules)) for each in accepted]
    return [
        # without a key, an id that is the same in each export
        event_of(
            candidate, event_id(spec.endpoint, candidate.key or each.name, each.received_at_ms)
        )
        for each, candidate in judged
        if isinstance(candidate, Candidate)
    ]


def cloud_event(spec: Spec) -> dict[str, Value]:
    """Show the CloudEvent that the first accepted example becomes.

    Raises
    ------
    NoEventError
        If there is none.
    """
    events = example_events(spec)
    if not events:
        raise NoEventError(
            f"{spec.name} has no accepted example, so there is no event to show. Capture a "
            "request that a trigger matches, and publish."
        )
    return events[0].cloud_event()


def asyncapi(spec: Spec, *, bodies: Sequence[Value] = ()) -> dict[str, Value]:
    """Describe the events that a spec emits, as AsyncAPI 3.

    Parameters
    ----------
    bodies
        Decoded bodies of samples to infer the payload's schema from; those of the spec's
        accepted examples by default.
    """
    examples = [event.cloud_event() for event in example_events(spec)]
    seen = list(bodies) or [each["data"]["body"] for each in examples]
    message: dict[str, Any] = {
        "name": EVENT_TYPE,
        "title": "An accepted request",
        "contentType": "application/cloudevents+json",
        "payload": _payload(spec, inferred(seen) if seen else {}),
    }
    if examples:
        message["examples"] = [{"name": "accepted", "payload": each} for each in examples]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"Events of {spec.name}",
            "version": str(spec.version) if spec.version else "draft",
            "description": "Delivered at least once, in the order of acceptance. The id is the "
            "same each time an event is delivered: receivers drop what they know.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "accepted": {
                "address": None,  # the sink's own: a URL, a file, a stream
                "title": "Accepted requests",
                "messages": {"accepted": {"$ref": "#/components/messages/accepted"}},
            }
        },
        "operations": {
            "deliver": {
                "action": "send",
                "channel": {"$ref": "#/channels/accepted"},
                "messages": [{"$ref": "#/channels/accepted/messages/accepted"}],
            }
        },
        "components": {"messages": {"accepted": message}},
    }


_ATTRIBUTES: Final[dict[str, dict[str, Value]]] = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "minLength": 1, "description": "The same at each delivery."},
    "source": {"type": "string", "format": "uri-reference"},
    "type": {"const": EVENT_TYPE},
    "time": {"type": "string", "format": "date-time", "description": "When the request came."},
    "datacontenttype": {"const": "application/json"},
    "nbiversion": {"type": "integer", "description": "Version of the spec that accepted it."},
    "nbitriggers": {"type": "string", "description": "The triggers that matched."},
}


def _payload(spec: Spec, body: dict[str, Any]) -> dict[str, Any]:
    attributes = dict(_ATTRIBUTES)
    attributes["source"] = {
        **attributes["source"], "const": f"urn:nbincoming:integration:{spec.endpoint}",
    }  # fmt: skip
    headers = {"type": ["string", "array"], "items": {"type": "string"}}
    return {
        "type": "object",
        "required": [*attributes, "data"],
        "properties": {
            **attributes,
            "data": {
                "type": "object",
                "required": ["body", "headers"],
                "properties": {
                    # descriptive, as in the OpenAPI export: tomorrow's body may be another
                    "body": {"type": ["object", "array"], "x-observed-schema": body},
                    "headers": {
                        "type": "object",
                        "description": "By name in lower case, without credentials.",
                        "additionalProperties": headers,
                    },
                },
            },
        },
    }
