"""Waiting in a cell: a countdown in one line, in a notebook or a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from nbincoming.clock import now_ms

#: Time between two checks whether a waiting cell can end, so short that nobody notices it.
_STEP_S = 0.05


@contextmanager
def countdown(url: str) -> Iterator[Callable[[float], None]]:
    """Yield a function that shows the seconds left; the line is removed at the end."""
    write = _notebook_line() if get_ipython() is not None else _terminal_line
    shown = -1

    def show(left_s: float) -> None:
        nonlocal shown
        if (seconds := int(left_s) + 1) != shown:
            shown = seconds
            write(f"Waiting {seconds} s for a request to {url} (interrupt the cell to stop)")

    try:
        yield show
    finally:
        write("")


def _notebook_line() -> Callable[[str], None]:
    show: Any = display  # IPython has no types here
    handle = show({"text/plain": ""}, raw=True, display_id=True)

    def write(text: str) -> None:
        handle.update({"text/plain": text}, raw=True)

    return write


def _terminal_line(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def wait_until(done: Callable[[], bool], show: Callable[[float], None], ends_ms: int) -> None:
    """Wait until another thread makes `done` true, or until the time is up.

    Waits in short steps, so that the countdown moves and an interrupt is noticed.

    Parameters
    ----------
    show
        Called before each step with the seconds that are left.
    ends_ms
        When to stop, in milliseconds since the epoch.
    """
    while not done() and (left_s := (ends_ms - now_ms()) / 1000) > 0:
        show(left_s)
        time.sleep(min(left_s, _STEP_S))
