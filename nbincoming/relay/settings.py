"""Settings of the relay process, which the supervisor passes to it as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """Where events come from and go to, and how long they are kept.

    Attributes
    ----------
    inbox : str
        URL of the inbox.
    sinks : tuple of str
        URLs of the sinks.
    keep_days : float or None
        How long events stay in the inbox after delivery to all sinks; None for ever.
    """

    inbox: str
    sinks: tuple[str, ...]
    keep_days: float | None = None

    def to_json(self) -> str:
        """Return the settings as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RelaySettings:
        """Read the settings from JSON."""
        data = json.loads(text)
        return cls(**{**data, "sinks": tuple(data["sinks"])})
