"""What many samples show of each parameter."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from nbincoming.core.outcomes import Rejected
from nbincoming.core.request.masking import MASK
from nbincoming.errors import BadJSON
from nbincoming.samples.frame import profile_frame
from nbincoming.samples.profile import (
    ParameterProfile,
    offered_for_keys,
    profile_of,
)
from nbincoming.samples.samples import Samples
from tests.samples.making import request, sample, samples


def profile(*values: Any, label: str = "body.a", total: int | None = None) -> ParameterProfile:
    """Profile a parameter that had these values, in samples of which others had none."""
    flats = [{label: value} for value in values]
    flats += [{"body.other": 1}] * ((total or len(values)) - len(values))
    return next(found for found in profile_of(flats) if found.label == label)


def test_coverage_counts_where_a_parameter_is() -> None:
    """Null is there, missing is not."""
    found = profile(1, None, 2, total=4)
    assert (found.count, found.total, found.coverage) == (3, 4, 0.75)


def test_kinds_come_most_frequent_first() -> None:
    """Each with how often it was seen."""
    found = profile(None, "a", 1, "b", "c", Decimal("1.5"))
    assert found.kinds == (("string", 3), ("number", 2), ("null", 1))


@pytest.mark.parametrize(
    ("values", "distinct"),
    [
        ([1, Decimal("1.0"), Decimal("1e0")], 1),
        ([1, "1", True], 3),
        ([None, "", [], {}], 4),
        (["a", "a", "b"], 2),
        ([10**30, 10**30 + 1], 2),
    ],
)
def test_distinct_values_are_counted_as_keys_tell_them_apart(
    values: list[Any], distinct: int
) -> None:
    """Equal numbers are one value, values of other kinds are others."""
    assert profile(*values).distinct == distinct


def test_the_example_is_the_first_value() -> None:
    """Null says little, so it is the example only where there is nothing else."""
    assert profile(None, 0, 5).example == 0
    assert profile(None, None).example is None


def test_labels_are_in_the_order_of_appearance() -> None:
    """As in the frame."""
    found = profile_of([{"body.b": 1, "body.a": 1}, {"body.c": 1}])
    assert [each.label for each in found] == ["body.b", "body.a", "body.c"]


def test_no_samples_have_no_profile() -> None:
    """Nothing seen is an empty list, and an empty frame."""
    assert profile_of([]) == []
    assert len(Samples().profile()) == 0


@pytest.mark.parametrize(
    ("label", "values", "volatile"),
    [
        ("headers.date", ["a", "a", "a"], True),
        ("headers.x-request-id", ["a"], True),
        ("headers.x-event", ["a", "b", "c"], False),
        ("body.sentAt", ["1", "2", "3"], True),
        ("body.meta.timestamp", [1, 2, 3], True),
        ("body.request_id", ["a", "b"], True),
        ("body.timestamp", ["a", "a", "b"], False),
        ("body.id", ["a", "b", "c"], False),
        ("body.dateReceived", ["a", "b", "c"], False),
    ],
)
def test_what_changes_with_each_sending_is_noticed(
    label: str, values: list[Any], volatile: bool
) -> None:
    """Some headers always do; others need a telling name and never the same value twice."""
    assert profile(*values, label=label).volatile is volatile


@pytest.mark.parametrize(
    ("label", "value", "personal"),
    [
        ("body.customer.email", "x", True),
        ("body.firstName", "x", True),
        ("body.contact", "jane@example.com", True),
        ("body.contact", "+48 601 234 567", True),
        ("body.contact", "https://example.com/a@b", False),
        ("body.amount", "12345678", False),
        ("body.id", "cmp-1", False),
        ("body.id", 48601234567, False),
    ],
)
def test_what_looks_personal_is_marked(label: str, value: Any, personal: bool) -> None:
    """By its name or by its value; a guess, for people to check."""
    assert profile(value, label=label).personal is personal


def test_a_profile_holds_no_credentials() -> None:
    """The example of a secret header is the mask."""
    kept = sample({}, {"X-Api-Key": "sesame"})
    found = {each.label: each for each in profile_of([kept.flat()])}
    assert found["headers.x-api-key"].example == MASK
    assert "sesame" not in repr(found)


def test_credentials_are_not_offered_for_keys() -> None:
    """A key may use any parameter but those that carry credentials."""
    kept = sample({"token": 1}, {"X-Api-Key": "sesame", "X-Event": "new", "Cookie": "a"})
    offered = offered_for_keys(profile_of([kept.flat()]))
    assert [each.label for each in offered] == [
        "body.token", "headers.content-type", "headers.x-event",
    ]  # fmt: skip


def test_a_repeated_secret_header_is_not_offered_either() -> None:
    """Masked or not, no part of it is."""
    flat = {"headers.cookie[0]": MASK, 'headers["x token"]': MASK, "headers.x-event[1]": "a"}
    assert [each.label for each in offered_for_keys(profile_of([flat]))] == ["headers.x-event[1]"]


def test_a_spec_keeps_no_values() -> None:
    """What goes into the file is the label, the kinds and how often it was there."""
    observed = profile("jane@example.com", None, label="body.email", total=40).observed()
    assert observed.model_dump() == {
        "label": "body.email",
        "kinds": ("string", "null"),
        "coverage": "2/40",
    }


def test_a_frame_of_profiles() -> None:
    """One row a parameter, examples exact."""
    frame = profile_frame(profile_of([{"body.id": 2**64}, {"body.id": 1, "body.n": None}]))
    assert frame.index.tolist() == ["body.id", "body.n"]
    assert frame.index.name == "parameter"
    assert frame.loc["body.id"].to_dict() == {
        "coverage": 1.0, "count": 2, "types": "number", "distinct": 2, "example": 2**64,
        "volatile": False, "personal": False,
    }  # fmt: skip
    assert frame.loc["body.n", "example"] is None


def test_refused_requests_do_not_count() -> None:
    """A profile is of what the sender's good requests look like."""
    kept = samples({"a": 1})
    kept.add(request({"b": 1}), Rejected(BadJSON("No.")))
    assert kept.profile().index.tolist() == ["body.a", "headers.content-type"]
