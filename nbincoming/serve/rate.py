"""A limit of requests per second."""

from __future__ import annotations

import math

from nbincoming.errors import TooManyRequests


class Rate:
    """A token bucket that holds as many requests as one second allows.

    Parameters
    ----------
    per_s
        Requests per second.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._max = max(per_s, 1.0)
        self._left = self._max
        self._at_s = 0.0

    def take(self, now_s: float) -> None:
        """Take the token of one request.

        Parameters
        ----------
        now_s
            Seconds of a monotonic clock.

        Raises
        ------
        TooManyRequests
            If there is none; its Retry-After says when there is one.
        """
        self._left = min(self._max, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            wait_s = math.ceil((1 - self._left) / self._per_s)
            raise TooManyRequests(
                f"This endpoint takes {self._per_s:g} requests per second. Send again later.",
                headers=(("Retry-After", str(wait_s)),),
            )
        self._left -= 1
