"""What examples prove of each condition."""

from __future__ import annotations

from typing import Any

import pytest

from nbincoming.core.spec.model import Spec
from nbincoming.review.example_coverage import example_coverage, leaf_coverage
from nbincoming.review.golden_examples import choose_examples
from tests.samples.making import samples, spec


def make(*whens: dict[str, Any]) -> Spec:
    """Make a draft with triggers."""
    return spec(triggers=[{"name": f"t{n}", "when": when} for n, when in enumerate(whens)])


def leaf(parameter: str, operator: str, **members: Any) -> dict[str, Any]:
    """Make a leaf's JSON form."""
    return {"parameter": parameter, "operator": operator, **members}


BOTH = {
    "all": [
        leaf("body.a", "equals", value=1),
        {"any": [leaf("body.b", "exists"), {"not": leaf("body.c", "is_true")}]},
    ]
}


def test_each_leaf_is_counted_at_its_place() -> None:
    """In reading order, both ways, refused requests not at all."""
    draft = make(BOTH)
    requests = [s.request for s in samples({"a": 1, "b": 2}, {"a": 2, "c": True}, b"{")]
    found = [(each.place, each.held, each.failed) for each in leaf_coverage(draft, requests)]
    assert found == [
        ("triggers[0].when.all[0]", 1, 1),
        ("triggers[0].when.all[1].any[0]", 1, 1),
        ("triggers[0].when.all[1].any[1].not", 1, 1),
    ]


def test_what_is_asked_of_elements_is_asked_of_each() -> None:
    """One request may show it both ways, or not reach it at all."""
    inner = {
        "all": [
            leaf("body.items[*].n", "greater_than", value=1),
            leaf(
                "body.items[*].tags", "any_element",
                value=leaf("body.items[*].tags[*]", "equals", value="x"),
            ),
        ]
    }  # fmt: skip
    draft = make(leaf("body.items", "any_element", value=inner))
    both = samples({"items": [{"n": 1}, {"n": 2, "tags": ["x", "y"]}]}, {"items": []}, {})
    found = leaf_coverage(draft, [each.request for each in both])
    assert [
        (each.place.removeprefix("triggers[0].when"), each.held, each.failed) for each in found
    ] == [
        ("", 1, 2),
        (".value.all[0]", 1, 1),
        (".value.all[1]", 1, 1),
        (".value.all[1].value", 1, 1),
    ]


@pytest.mark.parametrize(
    ("bodies", "words"),
    [
        ([{"a": 1}], "“body.a equals 1” is true in every example that tests it."),
        ([{}], "“body.a equals 1” is true in no example."),
        ([{"a": 1}, {}], "“body.a equals 1” is true in 1 and false in 1."),
    ],
)
def test_it_is_said_in_words(bodies: list[Any], words: str) -> None:
    """A leaf that is not tested is named."""
    (found,) = leaf_coverage(
        make(leaf("body.a", "equals", value=1)), [s.request for s in samples(*bodies)]
    )
    assert str(found) == words


def test_examples_are_chosen_for_the_branches() -> None:
    """Of many samples with one outcome, those that show a leaf another way are kept."""
    draft = make(BOTH)
    captured = samples(
        *[{"a": 1, "b": n} for n in range(5)],  # accepted, one of them is enough
        {"a": 1, "b": 0, "c": True},  # accepted, but c is true
        {"a": 2},  # filtered, b missing
    )
    chosen = choose_examples(captured, draft)
    assert [each.name for each in chosen] == ["accepted-t0", "filtered", "accepted-t0-2"]
    complete = draft.model_copy(update={"examples": chosen})
    assert all(each.tested for each in example_coverage(complete))
