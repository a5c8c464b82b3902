"""Headers as parameters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.request import headers as headers_module
from nbincoming.core.request.flattening import flatten, unflatten
from nbincoming.core.request.headers import header_parameters
from nbincoming.core.request.values import json_text, same


def test_headers_are_named_in_lower_case_and_gathered() -> None:
    """A header given once is a text, one given more often a list: never joined by commas."""
    raw = ((b"X-A", b"1"), (b"x-b", b"2, 3"), (b"x-a", b"4"), (b"X-a", b"5"))
    assert header_parameters(raw) == {"x-a": ["1", "4", "5"], "x-b": "2, 3"}


def test_header_values_are_utf8_or_latin1() -> None:
    """Every value can be shown, whatever its bytes."""
    raw = ((b"x-a", "zażółć".encode()), (b"x-b", b"caf\xe9"), (b"x-\xe9", b""))
    assert header_parameters(raw) == {"x-a": "zażółć", "x-b": "café", "x-é": ""}


def test_white_space_around_a_value_is_none_of_it() -> None:
    """Servers differ in how much of it they leave (RFC 9110, 5.5)."""
    raw = ((b"x-a", b"created "), (b"x-b", b"\te1\t"), (b"x-c", b" "))
    assert header_parameters(raw) == {"x-a": "created", "x-b": "e1", "x-c": ""}


def test_names_of_headers_do_not_fill_the_memory() -> None:
    """However many and long the names that a sender makes up, few are remembered, all are read."""
    many = [b"X-Made-Up-%d" % number for number in range(3_000)]
    long = b"X-" + b"L" * 5_000
    headers = header_parameters(tuple((name, b"") for name in [*many, long]))
    assert list(headers) == [name.decode().lower() for name in [*many, long]]
    assert len(headers_module._names) <= 1_024
    assert max(map(len, headers_module._names)) <= 64
    headers_module._names.clear()


@given(st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=6)), max_size=8).map(tuple))
def test_any_headers_become_parameters(raw: tuple[tuple[bytes, bytes], ...]) -> None:
    """Every value is there once, and its text can be written."""
    headers = header_parameters(raw)
    count = sum(len(value) if isinstance(value, list) else 1 for value in headers.values())
    assert count == len(raw)
    assert json_text(headers).encode()
    assert same(unflatten(flatten(headers, "headers"))["headers"], headers)
