"""Requests and samples, made for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import (
    Accepted,
    Candidate,
    Outcome,
)
from nbincoming.core.request.flattening import flatten
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.model import Spec, spec_from_data
from nbincoming.samples.sample import Sample
from nbincoming.samples.samples import Samples
from tests.core.strategies import documents

ENDPOINT = "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d"
NOW_MS = 1_718_010_930_000

COMPLAINT = {
    "id": "cmp-1",
    "priority": "high",
    "total": 12,
    "customer": {"name": "Jane", "email": "jane@example.com", "vip": True, "note": None},
    "lines": [{"sku": "x", "name": "Lamp"}, {"sku": "y", "name": "Desk"}],
}


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


def when(parameter: str, operator: str, *value: Any) -> dict[str, Any]:
    """Write a condition."""
    leaf: dict[str, Any] = {"parameter": parameter, "operator": operator}
    return {**leaf, "value": value[0]} if value else leaf


def triggered(*conditions: dict[str, Any], **members: Any) -> Spec:
    """Make a spec with a trigger for each condition."""
    triggers = [{"name": f"t{n}", "when": each} for n, each in enumerate(conditions)]
    return spec(triggers=triggers, **members)


@st.composite
def judged_requests(draw: st.DrawFn) -> tuple[Request, Spec, set[str]]:
    """A request, a spec that reads some of its parameters, and which these are."""
    body = draw(documents)
    flat = flatten(body)
    labels = st.lists(st.sampled_from(sorted(flat)), max_size=3, unique=True)
    keys, asked = draw(labels), draw(labels)
    conditions = []
    for label in asked:
        value = flat[label]
        match value:
            case str():
                conditions.append(when(label, draw(st.sampled_from(["equals", "contains"])), value))
            case bool():
                conditions.append(when(label, "is_true"))
            case None:
                conditions.append(when(label, "is_null"))
            case dict() | list():
                conditions.append(when(label, "is_empty"))
            case _:
                conditions.append(when(label, "less_than", draw(st.sampled_from([0, 1, value]))))
    if conditions and draw(st.booleans()):
        conditions = [{"any": conditions}]
    shape = draw(st.sampled_from(sorted(flat)))
    conditions.append(when(shape, draw(st.sampled_from(["exists", "is_empty", "is_not_null"]))))
    deduplication = {"parameters": keys} if keys else None
    return request(body), triggered(*conditions, deduplication=deduplication), {*keys, *asked}
