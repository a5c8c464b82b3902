"""A child ends with its parent, however that ends."""

from __future__ import annotations

import os
import signal
import sys
import threading


def end_with_parent() -> None:
    """Stop as on SIGTERM when the other end of stdin is gone."""

    def wait() -> None:
        os.read(sys.stdin.fileno(), 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="nbincoming-parent", daemon=True).start()
