"""Counting on the side, and writing it to the metrics."""

from __future__ import annotations

import time

import pytest
from prometheus_client import REGISTRY

from nbincoming.serve import metrics


def sample(name: str, **labels: str) -> float:
    """Return a sample's value, 0 where there is none."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_what_is_counted_is_written_once() -> None:
    """Counts are added to what was there; flushing again adds nothing."""
    labels = {"integration": "m1", "outcome": "accepted", "status": "200"}
    for _ in range(3):
        metrics.count("m1", "accepted", 200, 0.002)
    for _ in range(2):
        metrics.flush()
    assert sample("nbincoming_requests_total", **labels) == 3


def test_times_are_as_the_client_library_would_count_them() -> None:
    """Each in its bucket, the bounds included; their sum and number."""
    times = [0.0, 0.0005, 0.0006, 0.004, 0.1, 11.0]
    reference = metrics.SECONDS.labels("m2-reference")
    for seconds in times:
        metrics.count("m2", "accepted", 200, seconds)
        reference.observe(seconds)
    metrics.flush()
    for name, more in (
        ("nbincoming_request_seconds_sum", {}),
        ("nbincoming_request_seconds_count", {}),
        *(("nbincoming_request_seconds_bucket", {"le": le}) for le in ("0.0005", "0.1", "+Inf")),
    ):
        assert sample(name, integration="m2", **more) == sample(
            name, integration="m2-reference", **more
        )
    assert sample("nbincoming_request_seconds_count", integration="m2") == len(times)


def test_the_text_is_prometheus_and_a_second_old_at_the_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asking for it over and over costs little; what was counted is in it by then."""
    now_s = 1_000_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    before = metrics.text()
    metrics.count("m3", "refused", 401, 0.001)
    assert metrics.text() is before
    now_s += metrics.FRESH_S
    text = metrics.text().decode()
    assert 'nbincoming_requests_total{integration="m3",outcome="refused",status="401"} 1.0' in text
