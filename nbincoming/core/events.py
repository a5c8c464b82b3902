"""Events: accepted requests, delivered as CloudEvents.

An event's id is computed from the integration, the key and the time of the first claim. So a
receiver can recognise an event that it gets twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from nbincoming.core.moments import utc_text as utc_text  # re-exported
from nbincoming.core.outcomes import Candidate
from nbincoming.core.request.headers import Headers
from nbincoming.core.request.masking import without_credentials
from nbincoming.core.request.reading import (
    Limits,
    decode,
)
from nbincoming.core.request.values import Value

#: The ``type`` of every event.
EVENT_TYPE: Final = "nbincoming.request.accepted"

#: No limits: the body was checked against the limits of its spec before it was accepted.
ACCEPTED_LIMITS: Final = Limits(max_body_bytes=2**62, max_depth=2**62, max_parameters=2**62)


@dataclass(frozen=True, slots=True)
class Event:
    """An accepted request, as an inbox stores it.

    Attributes
    ----------
    id : str
        Idempotency key for the receiver.
    integration : str
        The endpoint's UUID.
    version : int
        Version of the spec that accepted it.
    key : str or None
        Its deduplication key.
    triggers : tuple of str
        Names of the triggers that matched.
    received_at_ms : int
        Milliseconds since the epoch, UTC.
    headers : dict
        By name in lower case, without credentials.
    body : bytes
        The raw JSON.
    """

    id: str
    integration: str
    version: int
    key: str | None
    triggers: tuple[str, ...]
    received_at_ms: int
    headers: Headers
    body: bytes

    def cloud_event(self) -> dict[str, Value]:
        """Return the event as a CloudEvent 1.0 in the JSON format."""
        # The standard requires that an attribute without a value is left out.
        triggers: dict[str, Value] = (
            {"nbitriggers": join_triggers(self.triggers)} if self.triggers else {}
        )
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": f"urn:nbincoming:integration:{self.integration}",
            "type": EVENT_TYPE,
            "time": utc_text(self.received_at_ms),
            "datacontenttype": "application/json",
            "nbiversion": self.version,
            **triggers,
            "data": {"body": decode(self.body, limits=ACCEPTED_LIMITS), "headers": self.headers},
        }


def join_triggers(names: Iterable[str]) -> str:
    """Percent-encode names of triggers (RFC 3986), and join them by commas.

    Names may contain commas, and control characters, which CloudEvents forbids.
    """
    return ",".join(quote(name, safe="") for name in names)


def split_triggers(text: str) -> tuple[str, ...]:
    """Split the names that :func:`join_triggers` joined."""
    return tuple(unquote(name) for name in text.split(",")) if text else ()


def event_id(integration: str, key: str, first_ms: int) -> str:
    """Compute an event's id from the integration, the key and the time of the first claim."""
    text = f"nbincoming-event/1\n{integration}\n{key}\n{first_ms}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def event_of(candidate: Candidate, identity: str) -> Event:
    """Make the event of an accepted candidate, without credentials."""
    return Event(
        id=identity,
        integration=candidate.integration,
        version=candidate.version,
        key=candidate.key,
        triggers=candidate.triggers,
        received_at_ms=candidate.request.received_at_ms,
        headers=without_credentials(candidate.parameters.headers),
        body=candidate.request.body,
    )
