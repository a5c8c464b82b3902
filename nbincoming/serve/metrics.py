"""Metrics, in Prometheus' text format.

Each of several workers writes to its own file below ``PROMETHEUS_MULTIPROC_DIR``, and any of
them reports the metrics of all. The variable must be set before this module is imported.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Collection
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

#: In seconds: from more than a claim in memory takes, to more than the wait for a locked file.
_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS: Final = Counter(
    "nbincoming_requests", "Requests by their outcome.", ["integration", "outcome", "status"]
)
SECONDS: Final = Histogram(
    "nbincoming_request_seconds",
    "From the last byte of a request to its answer.",
    ["integration"],
    buckets=_BUCKETS,
)
SPECS: Final = Gauge(
    "nbincoming_spec",
    "Versions of specs: 1 for those that are served, 0 for those that were served before.",
    ["integration", "version", "digest"],
    multiprocess_mode="livemax",
)
RELOADED: Final = Gauge(
    "nbincoming_last_reload_successful",
    "1 if the current spec files are served; 0 if they were refused and older specs are served.",
    multiprocess_mode="livemin",
)
INBOX_UP: Final = Gauge(
    "nbincoming_inbox_up",
    "1 while every worker reaches the inbox, 0 otherwise.",
    multiprocess_mode="livemin",
)
CONNECTIONS: Final = Gauge(
    "nbincoming_connections", "Open connections.", multiprocess_mode="livesum"
)
RESTARTS: Final = Gauge(
    "nbincoming_restarts",
    "Processes that ended by themselves and were started again.",
    multiprocess_mode="livemax",
)

#: How long the text is reused, so that frequent scrapes do not keep a worker busy.
FRESH_S: Final = 1.0

#: All specs that have been served.
_announced: set[tuple[str, str, str]] = set()

#: Counts that are not written to the metrics yet. To count here is forty times as fast as to
#: increment a metric, which takes a lock and asks for the process id.
_requests: dict[tuple[str, str, int], int] = {}
_seconds: dict[str, list[float]] = {}  # the sum, then each bucket's count


def count(integration: str, outcome: str, status: int, seconds: float) -> None:
    """Count a request. Call this and :func:`flush` on the thread of the event loop."""
    labels = (integration, outcome, status)
    _requests[labels] = _requests.get(labels, 0) + 1
    tally = _seconds.get(integration)
    if tally is None:
        tally = _seconds[integration] = [0.0] * (len(_BUCKETS) + 2)
    tally[0] += seconds
    tally[bisect_left(_BUCKETS, seconds) + 1] += 1


def announce(specs: Collection[tuple[str, str, str]]) -> None:
    """Set which specs are served: name, version and digest of each."""
    for gone in _announced.difference(specs):
        SPECS.labels(*gone).set(0)  # with several processes, no label can be removed
    for each in specs:
        SPECS.labels(*each).set(1)
    _announced.update(specs)


def flush() -> None:
    """Write the counts to the metrics."""
    for (integration, outcome, status), number in _requests.items():
        REQUESTS.labels(integration, outcome, str(status)).inc(number)
    _requests.clear()
    for integration, (total, *buckets) in _seconds.items():
        histogram = SECONDS.labels(integration)
        # The client library has no way to add several observations at once.
        histogram._sum.inc(total)
        for bucket, times in zip(histogram._buckets, buckets, strict=True):
            bucket.inc(times)
    _seconds.clear()


def text() -> bytes:
    """Return the metrics of all workers; cached, because writing them takes milliseconds."""
    global _cached
    now_s = time.monotonic()
    if now_s - _cached[0] >= FRESH_S:
        _cached = now_s, _text()
    return _cached[1]


def _text() -> bytes:
    flush()
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


#: When the text was written, and the text.
_cached: tuple[float, bytes] = (-FRESH_S, b"")
