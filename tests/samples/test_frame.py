"""The frame: every value exactly, one row a request, one column a parameter."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbincoming.core.outcomes import (
    Accepted,
    Rejected,
)
from nbincoming.core.request.flattening import flatten, unflatten
from nbincoming.core.request.masking import MASK
from nbincoming.core.request.values import same
from nbincoming.errors import BadJSON
from nbincoming.samples import frame as module
from nbincoming.samples.frame import frame_of, outcome_frame, parameter_frame
from nbincoming.samples.samples import Samples
from tests.core.strategies import documents
from tests.samples.making import NOW_MS, request, sample, samples

OUTCOME_COLUMNS = ["received_at", "outcome", "status", "triggers", "reason"]


def row(frame: pd.DataFrame, number: int) -> dict[str, Any]:
    """Read one row back, without what is missing in it."""
    found = dict(zip(frame.columns, frame.iloc[number], strict=True))
    return {label: value for label, value in found.items() if value is not pd.NA}


# --- values ----------------------------------------------------------------------------


def test_a_long_integer_stays_exact_beside_a_gap() -> None:
    """pandas would make it a float and change its last digits."""
    frame = samples({"id": 9007199254740993}, {}).frame()
    assert frame["body.id"].tolist() == [9007199254740993, pd.NA]
    assert type(frame["body.id"][0]) is int


def test_null_is_not_missing() -> None:
    """A parameter that is null is None, one that is not there is NA."""
    frame = samples({"a": None}, {}).frame()
    assert frame["body.a"][0] is None
    assert frame["body.a"][1] is pd.NA


def test_empty_containers_are_values() -> None:
    """An empty object and an empty array are kept, and differ."""
    frame = samples({"a": {}, "b": []}).frame()
    assert (frame["body.a"][0], frame["body.b"][0]) == ({}, [])


def test_decimals_are_not_rounded() -> None:
    """A decimal has the digits that were sent, zeros included."""
    frame = samples(b'{"price": 0.10}').frame()
    assert isinstance(frame["body.price"][0], Decimal)
    assert str(frame["body.price"][0]) == "0.10"


def test_kinds_are_not_merged() -> None:
    """1, "1", true and 1.5 in one column stay what they are."""
    frame = samples({"a": 1}, {"a": "1"}, {"a": True}, {"a": Decimal("1.5")}).frame()
    assert [(type(value), value) for value in frame["body.a"]] == [
        (int, 1), (str, "1"), (bool, True), (Decimal, Decimal("1.5")),
    ]  # fmt: skip
    assert frame["body.a"].dtype == object


@given(bodies=st.lists(documents, max_size=4))
@settings(max_examples=100)
def test_a_row_is_its_request(bodies: list[Any]) -> None:
    """From each row the request's body is had again, whatever the other rows are."""
    frame = parameter_frame([flatten(body) for body in bodies])
    assert len(frame) == len(bodies)
    for number, body in enumerate(bodies):
        assert same(unflatten(row(frame, number))["body"], body)


# --- shape -----------------------------------------------------------------------------


def test_columns_are_in_the_order_of_appearance() -> None:
    """What the first request has comes first, and then what is new in the next."""
    frame = samples({"b": 1, "a": 2}, {"c": 3, "a": 4}).frame(outcomes=False)
    assert list(frame.columns) == ["body.b", "body.a", "body.c", "headers.content-type"]


def test_bodies_come_before_headers() -> None:
    """A body's parameter that comes late is still before the headers."""
    frame = samples({"a": 1}, {"a": 1, "z": 2}).frame(outcomes=False)
    assert list(frame.columns) == ["body.a", "body.z", "headers.content-type"]


def test_outcomes_come_first() -> None:
    """When it came, what became of it and why stand before the parameters."""
    kept = Samples()
    kept.add(request({"a": 1}), Accepted("e", ("urgent", "vip")))
    kept.add(request(b"{", at_ms=NOW_MS + 1), Rejected(BadJSON("At line 1.")))
    frame = kept.frame()
    assert list(frame.columns) == [*OUTCOME_COLUMNS, "body.a", "headers.content-type"]
    assert frame["outcome"].tolist() == ["accepted", "rejected"]
    assert frame["status"].tolist() == [200, 400]
    assert frame["reason"].tolist() == ["", "At line 1."]
    assert frame["body.a"][1] is pd.NA


def test_times_are_in_utc() -> None:
    """A time is the millisecond of receipt."""
    frame = samples({}).frame()
    assert frame["received_at"][0] == pd.Timestamp(NOW_MS, unit="ms", tz="UTC")


def test_rows_have_the_numbers_of_the_samples() -> None:
    """A row is found again by the sample's number, also in a part."""
    frame = samples({}, {}, {})[1:].frame()
    assert frame.index.tolist() == [1, 2]
    assert frame.index.name == "sample"


def test_a_parameter_may_be_named_like_an_outcome() -> None:
    """Labels start with body or headers, so no column is there twice."""
    frame = samples({"status": "new", "outcome": 1}).frame()
    assert frame["status"].tolist() == [200]
    assert frame["body.status"].tolist() == ["new"]


def test_no_samples_make_an_empty_frame() -> None:
    """Its columns for the outcomes are there, with their types."""
    frame = Samples().frame()
    assert list(frame.columns) == OUTCOME_COLUMNS
    assert len(frame) == 0
    assert str(frame["received_at"].dtype) == "datetime64[ms, UTC]"
    assert len(Samples().frame(outcomes=False)) == 0


def test_a_frame_of_outcomes_alone() -> None:
    """What pictures are drawn from has no parameters."""
    assert list(outcome_frame(list(samples({"a": 1}))).columns) == OUTCOME_COLUMNS


def test_changing_a_frame_changes_no_sample() -> None:
    """The frame is a view for people; the samples are the truth."""
    kept = samples({"a": 1})
    frame = kept.frame()
    frame.loc[0, "body.a"] = 2
    assert kept.frame()["body.a"][0] == 1


# --- credentials -------------------------------------------------------------------------


def test_credentials_are_masked() -> None:
    """The column is there, so that one sees that the header was; its value is not."""
    kept = sample({}, {"Authorization": "Bearer sesame", "X-Hub-Signature-256": "sha256=sesame"})
    frame = frame_of([kept])
    assert frame["headers.authorization"][0] == MASK
    assert frame["headers.x-hub-signature-256"][0] == MASK
    assert "sesame" not in frame.to_string()


def test_a_frame_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels beyond the limit are left out, and the warning says so."""
    monkeypatch.setattr(module, "MAX_CELLS", 6)
    flats = [{f"body.n{row}_{n}": n for n in range(4)} for row in range(2)]
    with pytest.warns(UserWarning, match="3 of 8 parameters"):
        assert list(module.parameter_frame(flats).columns) == [
            "body.n0_0",
            "body.n0_1",
            "body.n0_2",
        ]


def test_three_thousand_columns_are_shown() -> None:
    """Without a warning, which would fail this test."""
    flats = [{f"body.n{n}": n for n in range(3_000)}] * 1_000
    assert module.parameter_frame(flats).shape == (1_000, 3_000)
