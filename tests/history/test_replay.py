"""Requests run again through a spec, and examples held to what they must give."""

from __future__ import annotations

from typing import Any

from nbincoming.core.authorization import jwt
from nbincoming.core.gateway import Accepted, Candidate, Duplicate, Filtered, Rejected, Rules
from nbincoming.core.spec import Example, Spec
from nbincoming.history.replay import check_examples, consider, example_request, expectation, replay
from tests.history.making import ENDPOINT, NOW_MS, request, spec

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


def test_considering_never_raises() -> None:
    """A refusal is a value."""
    assert isinstance(consider(request(b"{"), Rules(spec())), Rejected)
    assert isinstance(consider(request({}), Rules(spec())), Candidate)


def test_an_expectation_is_that_of_the_first_of_its_key() -> None:
    """What an example notes: outcome, triggers and key."""
    rules = Rules(by_id(triggers=[{"name": "urgent", "when": HIGH}]))
    found = expectation(request({"id": 1, "priority": "high"}), rules)
    assert (found["outcome"], found["triggers"]) == ("accepted", ("urgent",))
    assert isinstance(found["key"], str)
    assert expectation(request({"id": 1}), rules) == {
        **found,
        "outcome": "filtered",
        "triggers": (),
    }
    assert expectation(request(b"{"), rules) == {"outcome": "rejected", "triggers": (), "key": None}


# --- examples ----------------------------------------------------------------------------


def example(**members: Any) -> Example:
    """Make an example of a request that is accepted as urgent."""
    return Example.model_validate(
        {
            "name": "one",
            "headers": [["content-type", "application/json"], ["x-event", "żółw"]],
            "body": '{"priority": "high", "ż": 1}',
            "received_at_ms": NOW_MS,
            "outcome": "accepted",
            "triggers": ["urgent"],
            **members,
        }
    )


def urgent(*examples: Example) -> Spec:
    """Make a spec with a trigger and examples."""
    made = spec(triggers=[{"name": "urgent", "when": HIGH}])
    return made.model_copy(update={"examples": examples})


def test_an_example_is_the_request_it_stands_for() -> None:
    """Method, path, headers, body and time are those of a request to the endpoint."""
    made = example_request(example(), urgent())
    assert (made.method, made.received_at_ms) == ("POST", NOW_MS)
    assert made.path == f"/automation-endpoint/endpoints/authorized/{ENDPOINT}/trigger"
    assert made.body == '{"priority": "high", "ż": 1}'.encode()
    assert made.header(b"x-event") == ["żółw".encode()]


def test_examples_that_agree_are_no_problem() -> None:
    """Each gives the outcome that it notes."""
    assert check_examples(urgent(example(), example(name="two", body="{", outcome="rejected",
                                                    triggers=[]))) == []  # fmt: skip


def test_each_difference_is_a_problem_with_its_place() -> None:
    """The message says which example, what it should give and what it gives."""
    wrong = example(name="low", body='{"priority": "low"}')
    problems = check_examples(urgent(example(), wrong))
    assert [(problem.place, problem.message) for problem in problems] == [
        (
            "examples[1].outcome",
            "The example 'low' should give 'accepted' and gives 'filtered'.",
        ),
        ("examples[1].triggers", "The example 'low' should give ('urgent',) and gives ()."),
    ]


def test_another_key_is_a_difference() -> None:
    """An example pins the hash, so that a new version cannot change it unnoticed."""
    made = by_id().model_copy(
        update={"examples": (example(body='{"id": 1}', triggers=[], key="0" * 64),)}
    )
    assert [problem.place for problem in check_examples(made)] == ["examples[0].key"]


def test_an_example_has_its_own_now() -> None:
    """Conditions on the clock give the same at any time."""
    recent = {"parameter": "body.at", "operator": "in_last", "value": "PT1H", "type": "datetime"}
    made = spec(triggers=[{"name": "urgent", "when": recent}]).model_copy(
        update={"examples": (example(body='{"at": "2024-06-10T09:00:00Z"}'),)}
    )
    assert check_examples(made) == []
