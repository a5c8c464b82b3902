"""How often and how soon a failed delivery is retried."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon a relay retries.

    Attributes
    ----------
    max_tries : int
        An event that the sink refuses this often becomes a dead letter. With the pauses this
        takes up to two minutes. If it is unclear this often whether the event or the sink is
        at fault, the relay tries a later event.
    first_pause_s, longest_pause_s : float
        The pauses between tries double from the first to the longest.
    poll_s : float
        Time between two queries for new events.
    round_s : float
        Time between two renewals of the lease, each with a query for dead letters to redeliver.
        Also the pause after the inbox could not be reached.
    """

    max_tries: int = 10
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    poll_s: float = 0.2
    round_s: float = 1.0


class Backoff:
    """Pauses that double, each shortened at random so that retries do not coincide."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self.tries = 0

    def pause_s(self, at_least_s: float = 0.0) -> float:
        """Count a failed try and return how long to wait."""
        policy = self._policy
        doubled = policy.first_pause_s * 2.0 ** min(self.tries, 60)
        self.tries += 1
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        return max(at_least_s, min(doubled, policy.longest_pause_s) * jitter)
