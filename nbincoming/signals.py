"""Signals, received by the main loop of a process."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType
from typing import Final

#: The signals that ask a process to stop.
STOP_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT})


class Signals:
    """Receive signals by polling a pipe; for the main thread of a process.

    A handler in Python interrupts the main thread between any two instructions, even while it
    holds a lock. A handler that needs this lock waits for ever. So the handler here does nothing:
    the interpreter writes the number of each signal to the pipe, and :meth:`wait` reads it. See
    :func:`signal.set_wakeup_fd`.

    Parameters
    ----------
    *numbers
        The signals to receive between ``__enter__`` and ``__exit__``.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = frozenset(numbers)

    def __enter__(self) -> Signals:
        """Start to receive."""
        # A pipe holds 65,536 unread signals: none is lost while the process is busy.
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)  # as set_wakeup_fd requires
        self._poll = select.poll()
        self._poll.register(self._reader, select.POLLIN)
        self._fd_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, _ignore) for number in self._numbers}
        # The parent process may have blocked them until now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._numbers)
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the handlers from before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._fd_before)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, timeout_s: float) -> frozenset[signal.Signals]:
        """Return the signals received since the last call; wait for one if there are none."""
        if not self._poll.poll(timeout_s * 1_000):
            return frozenset()
        # The pipe also gets the signals that others have set a handler for.
        received = os.read(self._reader, 65_536)
        return frozenset(number for number in self._numbers if number in received)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing. Unlike SIG_IGN, it lets the interpreter write to the pipe."""
