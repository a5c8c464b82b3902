"""Requests and samples for the tests of history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbincoming.core.gateway import Accepted, Candidate, Outcome, Rules
from nbincoming.core.message import Request
from nbincoming.core.spec import Spec, spec_from_data
from nbincoming.core.values import json_text
from nbincoming.history.samples import Sample, Samples

ENDPOINT = "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d"
NOW_MS = 1_718_010_930_000


def spec(**members: Any) -> Spec:
    """Make a draft."""
    return spec_from_data({"name": "orders", "endpoint": ENDPOINT, **members})


def request(body: Any, headers: Mapping[str, str] | None = None, *, at_ms: int = NOW_MS) -> Request:
    """Make a request with a JSON value, or raw bytes, as its body."""
    raw = [(b"Content-Type", b"application/json")]
    raw += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    content = body if isinstance(body, bytes) else json_text(body).encode()
    return Request("POST", f"/x/{ENDPOINT}", tuple(raw), content, at_ms)


def candidate(made: Request, judge: Spec | None = None) -> Candidate:
    """Make what a good request becomes."""
    return Rules(judge or spec()).consider(made)


def samples(*bodies: Any, outcome: Outcome | None = None) -> Samples:
    """Capture requests with these bodies, a second apart."""
    kept = Samples()
    for number, body in enumerate(bodies):
        kept.add(request(body, at_ms=NOW_MS + 1_000 * number), outcome or Accepted(f"e{number}"))
    return kept


def sample(body: Any, headers: Mapping[str, str] | None = None) -> Sample:
    """Capture one request."""
    return Samples().add(request(body, headers), Accepted("e"))
