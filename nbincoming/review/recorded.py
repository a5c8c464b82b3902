"""Recorded requests, out of a file: what versions are compared on and schemas inferred from."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from nbincoming.core.request.message import Request
from nbincoming.core.request.reading import (
    Limits,
    decode,
)
from nbincoming.core.request.values import Value
from nbincoming.errors import Refusal
from nbincoming.samples.importing import read_requests


def read_history(path: str | Path) -> list[Request]:
    """Read a file of requests; one without times of its own came all at once, at the epoch.

    Raises
    ------
    SamplesError
        With all that cannot be read, and where.
    OSError
        If the file cannot be read.
    """
    return read_requests(Path(path).read_bytes(), now_ms=0)


def bodies_of(requests: Iterable[Request], limits: Limits) -> list[Value]:
    """Decode the bodies of requests; those that would be refused are left out."""
    bodies = []
    for request in requests:
        with suppress(Refusal):
            bodies.append(decode(request.body, limits=limits))
    return bodies
