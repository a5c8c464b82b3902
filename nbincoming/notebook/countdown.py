"""A count-down while a cell waits: one line that is rewritten, in a notebook or a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display


@contextmanager
def countdown(url: str) -> Iterator[Callable[[float], None]]:
    """Yield a function that shows how many seconds are left."""
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
