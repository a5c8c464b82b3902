"""JSON laid out for people: the same value, in fewer lines."""

from __future__ import annotations

from typing import Any

import jiter
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.request.values import json_text
from nbincoming.core.spec.layout import laid_out
from tests.core.strategies import json_values


def read(text: str) -> Any:
    """Read JSON, exactly."""
    return jiter.from_json(text.encode(), float_mode="decimal")


@given(json_values, st.integers(1, 120))
def test_the_value_is_the_same(value: Any, width: int) -> None:
    """Whatever the value and the width."""
    assert json_text(read(laid_out(value, width=width))) == json_text(value)


small = st.recursive(
    st.integers(0, 9),
    lambda child: st.lists(child, max_size=9) | st.dictionaries(st.sampled_from("abc"), child),
    max_leaves=12,
)


@given(small)
def test_no_line_is_too_long(value: Any) -> None:
    """Where no single value is."""
    assert max(map(len, laid_out(value, width=60).splitlines())) <= 60


def test_what_fits_stands_on_one_line() -> None:
    """And what does not is broken at its outermost."""
    value = {"a": [1, 2], "b": {"c": "x" * 30, "d": []}, "e": None}
    assert laid_out(value, width=40) == (
        "{\n"
        '  "a": [1, 2],\n'
        '  "b": {\n'
        '    "c": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",\n'
        '    "d": []\n'
        "  },\n"
        '  "e": null\n'
        "}"
    )
    assert laid_out({"a": [1, {"b": 2}]}) == '{"a": [1, {"b": 2}]}'
