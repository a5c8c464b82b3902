"""How many requests an endpoint takes in a second."""

from __future__ import annotations

import math

from nbincoming.errors import TooManyRequests


class Rate:
    """A bucket that fills at a steady rate and holds one second's worth.

    Parameters
    ----------
    per_s
        Requests per second.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = max(per_s, 1.0)
        self._left = self._most
        self._at_s = 0.0

    def take(self, now_s: float) -> None:
        """Take one request.

        Parameters
        ----------
        now_s
            Seconds of a clock that never goes back.

        Raises
        ------
        TooManyRequests
            If there is none left; it says when there is.
        """
        self._left = min(self._most, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            wait_s = math.ceil((1 - self._left) / self._per_s)
            raise TooManyRequests(
                f"This endpoint takes {self._per_s:g} requests per second. Send again later.",
                headers=(("Retry-After", str(wait_s)),),
            )
        self._left -= 1
