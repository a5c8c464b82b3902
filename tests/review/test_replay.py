"""Requests run again through a spec, and examples held to what they must give."""

from __future__ import annotations

from typing import Any

from nbincoming.core.auth.schemes import jwt
from nbincoming.core.outcomes import (
    Accepted,
    Duplicate,
    Filtered,
    Rejected,
)
from nbincoming.core.spec.model import Spec
from nbincoming.review.replay import replay
from tests.samples.making import NOW_MS, request, spec

HIGH = {"parameter": "body.priority", "operator": "equals", "value": "high"}


def by_id(**members: Any) -> Spec:
    """Make a spec that deduplicates by body.id within a minute."""
    return spec(deduplication={"parameters": ["body.id"], "window": "PT1M"}, **members)


def test_requests_are_claimed_in_order() -> None:
    """The first of a key is accepted, those within the window after it are duplicates."""
    requests = [
        request({"id": 1}),
        request({"id": 2}),
        request({"id": 1}, at_ms=NOW_MS + 60_000),
        request({"id": 2}, at_ms=NOW_MS + 60_001),
    ]
    outcomes = replay(requests, by_id())
    assert list(map(type, outcomes)) == [Accepted, Accepted, Duplicate, Accepted]


def test_conditions_decide_what_is_filtered() -> None:
    """What no trigger matches is filtered, and owns its key as in production."""
    rules = by_id(triggers=[{"name": "urgent", "when": HIGH}])
    outcomes = replay(
        [request({"id": 1, "priority": "low"}), request({"id": 1, "priority": "high"})], rules
    )
    assert list(map(type, outcomes)) == [Filtered, Duplicate]


def test_what_is_refused_is_one_outcome_of_many() -> None:
    """A bad request does not stop the others."""
    outcomes = replay([request(b"{"), request({})], spec())
    assert list(map(type, outcomes)) == [Rejected, Accepted]


def test_authorization_is_taken_as_given() -> None:
    """History holds no credentials, so none are asked for."""
    closed = spec().model_copy(update={"authorization": jwt(secret="env:NOT_THERE")})
    assert list(map(type, replay([request({})], closed))) == [Accepted]


def test_a_replay_leaves_nothing_behind() -> None:
    """Run again, the same requests have the same outcomes."""
    requests = [request({"id": 1}), request({"id": 1})]
    assert list(map(type, replay(requests, by_id()))) == [Accepted, Duplicate]
    assert list(map(type, replay(requests, by_id()))) == [Accepted, Duplicate]
