"""Cores for workers: each may keep to one of its own.

A worker's threads take turns at Python's interpreter, so a second core lets them wait for each
other across cores, where waking costs a multiple and nothing is at hand in the cache. The
system's scheduler does not know that, and spreads them.
"""

from __future__ import annotations

import os
import sys

from nbincoming.errors import NbIncomingError


class CoresError(NbIncomingError):
    """Workers that cannot each have a core."""


def cores_for(workers: int) -> list[int]:
    """Choose a core for each worker, of those that this process may use.

    Raises
    ------
    CoresError
        If there are fewer cores than workers, or the system gives none (only Linux does).
    """
    cores = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    if len(cores) < workers:
        raise CoresError(
            f"--pin keeps each of {workers} workers on a core of its own, and {len(cores)} can be "
            "had here. Ask for fewer workers, or leave --pin out."
        )
    return cores[:workers]


def keep_to(core: int) -> None:
    """Keep this process, and threads that it starts, to a core."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {core})
