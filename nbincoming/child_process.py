"""What a child process hears of its parent: lines on stdin, whose end is the parent's end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator


def lines() -> Iterator[str]:
    """Yield what the parent says; ends with the parent, however that ends.

    Read without ``sys.stdin``: a thread that waits in its buffer keeps the interpreter from
    ending.
    """
    rest = b""
    while data := os.read(sys.stdin.fileno(), 65_536):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.decode()


def follow(orders: Iterator[str], act: Callable[[str], object]) -> None:
    """Act on each line of the parent's in a thread; stop as on SIGTERM when there are no more."""

    def wait() -> None:
        for order in orders:
            act(order)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="nbincoming-parent", daemon=True).start()


def end_with_parent() -> None:
    """Stop as on SIGTERM when the parent has ended."""
    follow(lines(), lambda _: None)
