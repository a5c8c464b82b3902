"""A signal that arrives at a chosen line of the main thread's code."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


@contextlib.contextmanager
def raising_at(line: int, number: signal.Signals) -> Iterator[Callable[[], None]]:
    """Raise a signal so many lines after the value is called, in whatever function that is."""
    left = line

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if left < 0:
                sys.settrace(None)
                signal.raise_signal(number)
                return None
        return trace

    def start() -> None:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            frame.f_trace = trace
            frame = frame.f_back
        sys.settrace(trace)

    before = sys.gettrace()
    try:
        yield start
    finally:
        sys.settrace(before)
