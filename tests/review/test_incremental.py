"""Trying a spec or a condition on samples that keep coming."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.conditions.builder import P
from nbincoming.core.moments import time_zone
from nbincoming.core.outcomes import (
    Accepted,
    Outcome,
)
from nbincoming.core.spec.model import Spec
from nbincoming.review.incremental import (
    IncrementalCondition,
    IncrementalReplay,
    IncrementalReviews,
)
from nbincoming.review.replay import replay
from nbincoming.review.sample_review import SampleReviewer
from nbincoming.samples.profile import Profiler, profile_of
from nbincoming.samples.sample import Sample
from tests.samples.making import samples, triggered, when

SPEC = Spec.model_validate(
    {
        "name": "x",
        "endpoint": "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d",
        "deduplication": {"parameters": ["body.a"], "window": "P7D"},
    }
)
bodies = st.lists(st.fixed_dictionaries({}, optional={"a": st.integers(0, 3)}), max_size=12)


def made(values: list[dict[str, int]]) -> list[Sample]:
    """Make samples of these bodies, numbered from 0."""
    return samples(*values).snapshot()


@given(values=bodies, cut=st.integers(0, 12))
def test_growing_samples_have_the_outcomes_of_a_replay(
    values: list[dict[str, int]], cut: int
) -> None:
    """Looked at in two parts or in one."""
    kept, trial = made(values), IncrementalReplay(SPEC)
    trial.run(kept[:cut])
    found = trial.run(kept)
    wanted = replay([each.request for each in kept], SPEC)
    assert list(map(nameless, found.values())) == list(map(nameless, wanted))


def nameless(outcome: Outcome) -> Outcome:
    """Leave out the event's id, which is drawn by lot where a request has no key."""
    return Accepted("", outcome.triggers) if isinstance(outcome, Accepted) else outcome


def test_a_key_stays_claimed_when_its_sample_is_gone() -> None:
    """The count is of the samples that are kept."""
    kept, trial = made([{"a": 1}, {"a": 1}]), IncrementalReplay(SPEC)
    before = trial.run(kept)[1]
    assert trial.run(kept[1:]) == {1: before}


@given(values=bodies, cut=st.integers(0, 12))
def test_a_condition_holds_as_its_evaluator_says(values: list[dict[str, int]], cut: int) -> None:
    """For each sample, whenever it came."""
    kept, trial = made(values), IncrementalCondition((P.body.a > 1), time_zone("UTC"))
    trial.run(kept[:cut])
    assert list(trial.run(kept).values()) == [value.get("a", 0) > 1 for value in values]


@given(values=bodies, gone=st.integers(0, 12), cut=st.integers(0, 12))
def test_a_growing_profile_is_the_profile_of_what_is_kept(
    values: list[dict[str, int]], gone: int, cut: int
) -> None:
    """Whatever was added and forgotten before."""
    flats = [each.flat() for each in made(values)]
    profiler = Profiler()
    for number, flat in enumerate(flats):
        profiler.add(number, flat)
        if number == cut:
            profiler.profiles()
    profiler.forget(gone)
    found = {each.label: each for each in profiler.profiles()}
    assert found.keys() == {label for flat in flats[gone:] for label in flat}
    for wanted in profile_of(flats[gone:]):
        mine = found[wanted.label]
        assert (mine.count, mine.total, mine.distinct) == (
            wanted.count, wanted.total, wanted.distinct,
        )  # fmt: skip
        assert dict(mine.kinds) == dict(wanted.kinds)
        assert set(map(repr, mine.values)) == set(map(repr, wanted.values))


@given(values=bodies, gone=st.integers(0, 12), cut=st.integers(0, 12))
def test_growing_reviews_are_those_of_each_sample(
    values: list[dict[str, int]], gone: int, cut: int
) -> None:
    """Whenever it came, and whatever is gone since."""
    spec = triggered(when("body.a", "greater_than", 1), deduplication={"parameters": ["body.a"]})
    kept, trial, reviewer = made(values), IncrementalReviews(spec), SampleReviewer(spec)
    trial.run(kept[:cut])
    found = trial.run(kept[gone:])
    assert found == {each.number: reviewer.review(each) for each in kept[gone:]}
