"""Messages from a parent process to its child process, one on each line of stdin."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator


def read_messages() -> Iterator[str]:
    """Yield the lines of stdin, until the parent process ends.

    This does not use ``sys.stdin``: while a thread waits for its buffer, the interpreter cannot
    exit.
    """
    rest = b""
    while data := os.read(sys.stdin.fileno(), 65_536):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.decode()


def handle_messages(messages: Iterator[str], handle: Callable[[str], object]) -> None:
    """Handle messages in a thread, and send SIGTERM to this process after the last one."""

    def run() -> None:
        for message in messages:
            handle(message)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=run, name="nbincoming-parent", daemon=True).start()


def stop_with_parent() -> None:
    """Send SIGTERM to this process when its parent process has ended."""
    handle_messages(read_messages(), lambda _: None)
