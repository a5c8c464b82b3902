"""Metrics of the relay.

They are not in :mod:`nbincoming.serve.metrics`, which the relay must not import. A process
reports 0 for each gauge without labels that it defines, and for ``nbincoming_inbox_up`` the
smallest value of all processes counts: the inbox would seem to be down.
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
