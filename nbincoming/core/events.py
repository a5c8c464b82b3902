"""What an accepted request becomes: an event, delivered as a CloudEvent.

The event's id follows from the integration, the key and the time of the first claim, so
that whoever receives it twice can tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from nbincoming.core.moments import utc_text as utc_text  # callers find it here, too
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

#: What was accepted within its spec's limits is read within none.
ACCEPTED_LIMITS: Final = Limits(max_body_bytes=2**62, max_depth=2**62, max_parameters=2**62)


@dataclass(frozen=True, slots=True)
class Event:
    """An accepted request, as an inbox keeps it.

    Attributes
    ----------
    id : str
        Idempotency key for whoever receives it.
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
        By name in lower case, without those that carry credentials.
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
        """Return the event in CloudEvents 1.0, as the JSON format's members."""
        # An attribute without a value is left out, as the standard has it.
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
    """Write names of triggers as one text: percent-encoded (RFC 3986), with commas between.

    So a name may have commas itself, and control characters, which no attribute may have.
    """
    return ",".join(quote(name, safe="") for name in names)


def split_triggers(text: str) -> tuple[str, ...]:
    """Read what :func:`join_triggers` wrote."""
    return tuple(unquote(name) for name in text.split(",")) if text else ()


def event_id(integration: str, key: str, first_ms: int) -> str:
    """Derive an event's id from what makes the event: integration, key and first claim."""
    text = f"nbincoming-event/1\n{integration}\n{key}\n{first_ms}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def event_of(candidate: Candidate, identity: str) -> Event:
    """Turn an accepted candidate into its event; credentials stay behind."""
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
