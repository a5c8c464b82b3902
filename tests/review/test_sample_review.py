"""What a sample shows under a spec."""

from __future__ import annotations

from nbincoming.core.spec.model import Spec
from nbincoming.review.sample_review import SampleReview, SampleReviewer
from tests.samples.making import samples, triggered, when

#: Holds for a city that is known and a total that is large.
LARGE = triggered(
    {"all": [when("body.total", "greater_than", 10), when("body.city", "exists")]},
    deduplication={"parameters": ["body.id"]},
)


def review(body: object, spec: Spec = LARGE) -> SampleReview:
    """Look at a sample with this body."""
    (sample,) = samples(body)
    return SampleReviewer(spec).review(sample)


def test_it_says_what_becomes_of_it_and_which_leaves_hold() -> None:
    """As the first of its key."""
    found = review({"id": 1, "total": 12})
    assert (found.outcome, found.triggers, found.leaf_results) == (
        "filtered",
        (),
        {(0, True), (1, False)},
    )
    found = review({"id": 1, "total": 12, "city": "Łódź"})
    assert (found.outcome, found.triggers, found.leaf_results) == (
        "accepted", ("t0",), {(0, True), (1, True)},
    )  # fmt: skip


def test_one_key_is_one_key() -> None:
    """What was captured before makes no difference."""
    keys = {review({"id": 1, "total": total}).key for total in (1, 2)}
    assert len(keys) == 1
    assert keys != {None}


def test_what_cannot_be_redacted_shows_nothing() -> None:
    """No example can be made of it."""
    assert review(b"{") == SampleReview("rejected", (), None, None)
