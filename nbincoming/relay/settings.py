"""Settings of the relay process, which the supervisor passes to it as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


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
    inbox_file : tuple of int or None
        See :func:`~nbincoming.inbox.opening.inbox_file`.
    """

    inbox: str
    sinks: tuple[str, ...]
    keep_days: float | None = None
    inbox_file: tuple[int, int] | None = None

    def to_json(self) -> str:
        """Return the settings as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RelaySettings:
        """Read the settings from JSON."""
        return cls(**with_tuples(json.loads(text)))


def with_tuples(data: dict[str, Any]) -> dict[str, Any]:
    """Return settings with tuples, which JSON writes as arrays."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
