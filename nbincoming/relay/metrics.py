"""Metrics of the relay.

The relay must not import :mod:`nbincoming.serve.metrics`: it would then report 0 for
``nbincoming_inbox_up``, whose value is the smallest that any process reports.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

DELIVERED: Final = Counter("nbincoming_relay_delivered", "Events delivered.", ["sink"])
RETRIES: Final = Counter(
    "nbincoming_relay_retries", "Failed deliveries that are retried.", ["sink"]
)
DEAD: Final = Counter("nbincoming_relay_dead_letters", "Events that became dead letters.", ["sink"])
PENDING: Final = Gauge(
    "nbincoming_relay_pending",
    "Events not delivered yet.",
    ["sink"],
    multiprocess_mode="livemax",
)
