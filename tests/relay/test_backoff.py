"""How soon a failed delivery is tried again."""

from __future__ import annotations

from nbincoming.relay.backoff import Backoff, RetryPolicy


def test_pauses_double_and_differ() -> None:
    """From the first to the longest, each shortened by up to a half; none is shorter than asked."""
    policy = RetryPolicy(first_pause_s=1, longest_pause_s=10)
    pauses = [Backoff(policy) for _ in range(50)]
    for longest in (1, 2, 4, 8, 10, 10):
        found = [each.pause_s() for each in pauses]
        assert longest / 2 <= min(found) < max(found) <= longest
    assert pauses[0].pause_s(at_least_s=60) == 60
    assert 5 <= pauses[0].pause_s() <= 10
    for _ in range(5_000):
        assert pauses[0].pause_s() <= 10
