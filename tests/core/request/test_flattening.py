"""Values taken apart into parameters, and put together again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from nbincoming.core.request import flattening
from nbincoming.core.request.flattening import flatten, unflatten
from nbincoming.core.request.labels import parse
from nbincoming.core.request.parameters import Parameters
from nbincoming.core.request.values import json_text, same
from nbincoming.errors import LabelError
from tests.core.strategies import json_values


@given(json_values)
def test_a_value_is_rebuilt_from_its_parameters(value: Any) -> None:
    """unflatten(flatten(x)) == x: nothing is lost, whatever the names."""
    rebuilt = unflatten(flatten(value))
    assert same(rebuilt["body"], value)
    assert json_text(rebuilt["body"]) == json_text(value)  # the order of members, too


@given(json_values)
def test_each_label_leads_to_its_leaf(value: Any) -> None:
    """Every label is canonical, and resolving it finds the leaf."""
    parameters = Parameters(value)
    for label, leaf in flatten(value).items():
        path = parse(label)
        assert parameters.at(path) is leaf
        assert not isinstance(leaf, dict | list) or not leaf


@given(json_values)
def test_flattening_twice_gives_the_same_labels(value: Any) -> None:
    """What is remembered of earlier requests does not show."""
    first = list(flatten(value).items())
    flattening._CACHE.known.clear()
    assert list(flatten(value).items()) == first
    assert list(flatten(value).items()) == first


def test_names_that_pandas_confuses_stay_apart() -> None:
    """A dot in a name is no level, and empty containers do not vanish."""
    value = {"a.b": 1, "a": {"b": 2}, "e": {}, "f": [], "g": {"h": {}}, "n": None}
    assert flatten(value) == {
        'body["a.b"]': 1,
        "body.a.b": 2,
        "body.e": {},
        "body.f": [],
        "body.g.h": {},
        "body.n": None,
    }


@pytest.mark.parametrize("value", [{}, [], 5, None, "x", True])
def test_a_leaf_at_the_root_is_one_parameter(value: Any) -> None:
    """An empty body is the parameter ``body``."""
    assert flatten(value) == {"body": value}


def test_the_root_can_be_named() -> None:
    """Headers are flattened by the same rules."""
    assert flatten({"x-a": ["1", "2"]}, "headers") == {
        "headers.x-a[0]": "1",
        "headers.x-a[1]": "2",
    }


def test_the_memo_of_labels_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that never come again, and long ones, do not pile up."""
    memo = flattening._LabelCache()
    monkeypatch.setattr(flattening, "_CACHE", memo)
    monkeypatch.setattr(flattening._LabelCache, "max_labels", 100)
    for number in range(1_000):
        flatten({f"member-{number}": {f"{number}": 1, "x" * 300: {"y": {"z": 1}}}})
    kept = sum(map(len, memo.known.values())) + len(memo.known)
    assert kept <= 100
    assert all(len(label) <= memo.max_length for label in memo.known)


@pytest.mark.parametrize(
    ("flat", "message"),
    [
        ({"body.a": 1, "body.a.b": 2}, "is below a label that has a value"),
        ({"body.a.b": 1, "body.a": 2}, "has both a value and members"),
        ({"body.a": 1, 'body["a"]': 2}, "has both a value"),
        ({"body[0]": 1, "body[2]": 2}, "gaps"),
        ({"body[1]": 1}, "gaps"),
        ({"body[0]": 1, "body.a": 2}, "both members and elements"),
        ({"body[*]": 1}, "both members and elements"),
    ],
)
def test_labels_that_describe_no_value_are_refused(flat: dict[str, Any], message: str) -> None:
    """Two leaves at one place, and arrays with gaps, cannot be rebuilt."""
    with pytest.raises(ValueError, match=message):
        unflatten(flat)


def test_what_is_no_label_cannot_be_rebuilt() -> None:
    """A column that is no parameter is named."""
    with pytest.raises(LabelError, match="'complaint'"):
        unflatten({"complaint": 1})


def test_elements_may_come_in_any_order() -> None:
    """A frame may have sorted its columns."""
    assert unflatten({"body[1]": "b", "body[0]": "a"}) == {"body": ["a", "b"]}
