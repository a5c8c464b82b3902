"""Golden examples: chosen, and still with the outcome that they must have."""

from __future__ import annotations

import json

from hypothesis import given, settings

from nbincoming.core.examples import check_examples
from nbincoming.core.outcomes import Accepted
from nbincoming.core.request.message import Request
from nbincoming.core.spec.model import Spec, read_spec
from nbincoming.review.golden_examples import MAX_EXAMPLES, choose_examples
from nbincoming.samples.samples import Samples
from tests.samples.making import (
    COMPLAINT,
    candidate,
    judged_requests,
    request,
    samples,
    spec,
    triggered,
    when,
)


def test_a_header_that_is_dropped_elsewhere_stays_where_it_decides() -> None:
    """A condition on the host keeps it."""
    judge = triggered(when("headers.host", "equals", "a.example"))
    (example,) = choose_examples(
        [Samples().add(request({}, {"Host": "a.example"}), Accepted("e"))], judge
    )
    assert ("host", "a.example") in example.headers
    assert example.outcome == "accepted"


def test_there_is_one_example_for_each_outcome_and_set_of_triggers() -> None:
    """The first of each, named after what becomes of it."""
    judge = triggered(
        when("body.priority", "equals", "high"), when("body.total", "greater_than", 5)
    )
    kept = samples(
        {"priority": "high"}, {"priority": "high", "n": 2}, {"priority": "low"},
        {"priority": "high", "total": 9}, {"total": 9}, {"total": 8},
    )  # fmt: skip
    chosen = choose_examples(list(kept), judge)
    assert [example.name for example in chosen] == [
        "accepted-t0", "filtered", "accepted-t0-t1", "accepted-t1",
    ]  # fmt: skip
    assert json.loads(chosen[0].body) == {"priority": "high"}


def test_names_are_told_apart_where_triggers_read_the_same() -> None:
    """The triggers a and b together are not the trigger a-b, and the file can be read."""
    flags = {"a": "body.a", "b": "body.b", "a-b": "body.ab"}
    judge = spec(
        triggers=[{"name": name, "when": when(label, "is_true")} for name, label in flags.items()]
    )
    chosen = choose_examples(list(samples({"a": True, "b": True}, {"ab": True})), judge)
    assert [example.name for example in chosen] == ["accepted-a-b", "accepted-a-b-2"]
    made = judge.model_copy(update={"examples": chosen})
    assert read_spec(made.text()).examples == chosen


def test_the_number_of_examples_is_bounded() -> None:
    """However many sets of triggers there are, a person can look through the file."""
    labels = [f"f{number}" for number in range(MAX_EXAMPLES + 5)]
    judge = triggered(*(when(f"body.{label}", "exists") for label in labels))
    chosen = choose_examples(list(samples(*({label: 1} for label in labels))), judge)
    assert len(chosen) == MAX_EXAMPLES


def test_examples_agree_with_the_spec_they_are_for() -> None:
    """Whoever runs the spec finds each of them as it says."""
    judge = triggered(
        when("body.priority", "equals", "high"), deduplication={"parameters": ["body.id"]}
    )
    chosen = choose_examples(list(samples(COMPLAINT, {**COMPLAINT, "priority": "low"})), judge)
    assert len(chosen) == 2
    made = judge.model_copy(update={"examples": chosen})
    assert check_examples(made) == []
    assert check_examples(read_spec(made.text())) == []


def test_an_example_discloses_nobody() -> None:
    """No text of the request that decides nothing is in the file, nor any credential."""
    judge = triggered(when("body.priority", "equals", "high"))
    made = request(COMPLAINT, {"Authorization": "Bearer sesame", "X-From": "Jane"})
    kept = Samples().add(made, Accepted("e"), candidate(made, judge))
    text = judge.model_copy(update={"examples": choose_examples([kept], judge)}).text()
    assert "accepted-t0" in text
    for secret in ("Jane", "jane@example.com", "sesame", "Lamp", "cmp-1"):
        assert secret not in text


def test_a_sample_of_another_time_of_day_keeps_its_time() -> None:
    """Now is the time of receipt, so conditions on the clock hold as they did."""
    judge = triggered({**when("body.at", "matches_current", "day"), "type": "datetime"})
    (example,) = choose_examples(list(samples({"at": "2024-06-10T00:00:00Z"})), judge)
    assert example.outcome == "accepted"


@given(judged=judged_requests())
@settings(max_examples=100)
def test_whatever_was_captured_makes_a_spec_that_can_be_read(
    judged: tuple[Request, Spec, set[str]],
) -> None:
    """Examples never stand in the way of publishing."""
    made, judge, _ = judged
    chosen = choose_examples([Samples().add(made, Accepted("e"))], judge)
    assert len(chosen) == 1
    text = judge.model_copy(update={"examples": chosen}).text()
    assert check_examples(read_spec(text)) == []
