"""Examples as requests, and what becomes of each as the first of its key."""

from __future__ import annotations

from typing import Any

from nbincoming.core.examples import check_examples, consider, example_request, expectation
from nbincoming.core.gateway import Rules
from nbincoming.core.outcomes import (
    Candidate,
    Rejected,
)
from nbincoming.core.spec.evidence import Example
from nbincoming.core.spec.model import Spec
from tests.samples.making import ENDPOINT, NOW_MS, request, spec

HIGH = {"parameter": "body.priority", "operator": "equals", "value": "high"}


def by_id(**members: Any) -> Spec:
    """Make a spec that deduplicates by body.id within a minute."""
    return spec(deduplication={"parameters": ["body.id"], "window": "PT1M"}, **members)


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
