"""How often and how soon a failed delivery is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What a relay puts up with.

    Attributes
    ----------
    max_tries : int
        How often an event that the sink refuses is tried before it is given up on: with
        the pauses, within two minutes. Also, at every how many tries that leave it in doubt
        whose fault it is another event is tried.
    first_pause_s, longest_pause_s : float
        The pauses between tries double from the first to the longest.
    poll_s : float
        How often it looks for new events.
    round_s : float
        How often it looks for dead letters to be delivered again, says that it lives, and
        how long it leaves a store alone that is away.
    """

    max_tries: int = 10
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    poll_s: float = 0.2
    round_s: float = 1.0


class Backoff:
    """Pauses that double, each shortened by chance, so that many do not come back at once."""

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
