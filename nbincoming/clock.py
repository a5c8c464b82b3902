"""The clock of the drivers. The core takes the time from the request."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Return the time, in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000
