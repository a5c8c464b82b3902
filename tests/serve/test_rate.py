"""The bucket of requests per second: what it lets through, and what it tells the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.errors import TooManyRequests
from nbincoming.serve.rate import Rate


def taken(rate: Rate, now_s: float) -> bool:
    """Tell whether a request is let through."""
    try:
        rate.take(now_s)
    except TooManyRequests:
        return False
    return True


def test_a_second_holds_its_number() -> None:
    """Of many at once, as many pass as a second has."""
    rate = Rate(5)
    assert sum(taken(rate, 100.0) for _ in range(20)) == 5


def test_a_slow_rate_lets_one_through() -> None:
    """Less than one a second is one now and then, and never none."""
    rate = Rate(0.1)
    assert [taken(rate, now_s) for now_s in (100.0, 105.0, 109.9, 110.1)] == [
        True, False, False, True,
    ]  # fmt: skip


def test_the_refusal_says_when_to_come_again() -> None:
    """Whoever waits so long is let through."""
    rate = Rate(0.25)
    rate.take(100.0)
    with pytest.raises(TooManyRequests) as caught:
        rate.take(100.0)
    assert caught.value.headers == (("Retry-After", "4"),)
    rate.take(104.0)


@given(st.integers(1, 50), st.lists(st.floats(0, 0.5), max_size=200))
def test_no_stretch_of_time_has_more_than_its_share(per_s: int, steps: list[float]) -> None:
    """However requests come, so many pass as the time has seconds, and one second's more."""
    rate, now_s, passed = Rate(per_s), 1_000.0, 0
    for step_s in steps:
        now_s += step_s
        passed += taken(rate, now_s)
    assert passed <= per_s * (now_s - 1_000.0) + per_s + 1e-6
