"""What the relay counts, apart from what workers do.

A process that knows a gauge without labels says 0 of it until it is told otherwise, and the
least of all processes counts: to import :mod:`nbincoming.serve.metrics` in the relay would be to
say that the inbox cannot be reached.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

DELIVERED: Final = Counter("nbincoming_relay_delivered", "Events delivered.", ["sink"])
RETRIES: Final = Counter(
    "nbincoming_relay_retries", "Deliveries that have to be tried again.", ["sink"]
)
DEAD: Final = Counter("nbincoming_relay_dead_letters", "Events given up on.", ["sink"])
PENDING: Final = Gauge(
    "nbincoming_relay_pending",
    "Events that are not delivered yet.",
    ["sink"],
    multiprocess_mode="livemax",
)
