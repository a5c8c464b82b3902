"""Bodies are read exactly, within limits, or refused with a position."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import jiter
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.request import reading
from nbincoming.core.request.flattening import flatten
from nbincoming.core.request.reading import (
    Limits,
    decode,
)
from nbincoming.core.request.values import json_text, same
from nbincoming.errors import BadJSON, TooDeep, TooManyParameters
from tests.core.strategies import documents, json_values


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


def levels(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value
    return (
        1 + max(map(levels, children), default=0) if isinstance(value, dict | list) else 0
    )  # fmt: skip


@given(documents, st.sampled_from([None, 2]))
def test_a_body_is_read_exactly(value: Any, indent: int | None) -> None:
    """What a sender wrote is what is read, to the last digit."""
    assert same(decode(json_text(value, indent=indent).encode()), value)


@pytest.mark.parametrize(
    ("token", "number"),
    [
        ("12345678901234567890", 12345678901234567890),
        ("9" * 4_300, int("9" * 4_300)),
        ("-0", 0),
        ("0.1", Decimal("0.1")),
        ("1.10", Decimal("1.10")),
        ("1e400", Decimal("1e400")),
        ("1E-400", Decimal("1e-400")),
        ("1e999999999", Decimal("1e999999999")),
        (
            "3.141592653589793238462643383279502884",
            Decimal("3.141592653589793238462643383279502884"),
        ),
        ("1." + "1" * 10_000, Decimal("1." + "1" * 10_000)),
    ],
)
def test_numbers_keep_every_digit(token: str, number: int | Decimal) -> None:
    """Neither 64-bit integers nor binary fractions round what was sent."""
    (read,) = decode(f"[{token}]".encode())
    assert read == number
    assert type(read) is type(number)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is empty"),
        (b" \r\n\t", "The body is empty"),
        (b"{", "line 1, column 1: EOF"),
        (b'{"a":1,}', "line 1, column 8: trailing comma"),
        (b'{"a":1,\n"b":x}', "line 2, column 5: expected value"),
        (b'{"a":1,"a":2}', 'line 1, column 12: the member "a" a second time'),
        (b'{"a":{"b":1,"c":2,"b":1}}', 'the member "b" a second time'),
        (b'{"a":1,"\\u0061":2}', 'line 1, column 17: the member "a" a second time'),
        (b'{"' + b"k" * 99 + b'":1,"' + b"k" * 99 + b'":2}', "k… a second time"),
        (b"[NaN]", "line 1, column 2"),
        (b"[Infinity]", "line 1, column 2"),
        (b"[-Infinity]", "line 1, column"),
        (b"[nan]", "line 1, column"),
        (b"\xef\xbb\xbf{}", "line 1, column 1: a byte order mark"),
        ("{}".encode("utf-16"), "line 1, column 1"),
        (b'["\xff"]', "line 1, column 3: invalid unicode"),
        (b'["\xed\xa0\xbd"]', "line 1, column 3: invalid unicode"),
        (b'["\xc0\xaf"]', "line 1, column 3: invalid unicode"),
        (b'["\\ud83d"]', "line 1, column 9"),
        (b'["\\udc00 x"]', "line 1, column"),
        (b'{"\\ud83d":1}', "line 1, column 9"),
        (b'["a\nb"]', "control character"),
        (b'["\x00"]', "control character"),
        (b"['a']", "line 1, column 2"),
        (b"[01]", "invalid number"),
        (b"[1.]", "invalid number"),
        (b"[.5]", "expected value"),
        (b"[+1]", "expected value"),
        (b"[0x10]", "line 1, column"),
        (b"[1_000]", "line 1, column"),
        (b"{} {}", "line 1, column 4: trailing characters"),
        (b"{}\x00", "trailing characters"),
        (b"[1] // one", "trailing characters"),
        (b"[\xc2\xa01]", "expected value"),
        (b"[" + b"9" * 4_301 + b"]", "an integer of more than 4,300 digits"),
        (b"[1e99999999999999999999]", "a number whose exponent is out of range"),
        (b"[1e-99999999999999999999]", "a number whose exponent is out of range"),
    ],
)
def test_what_is_not_json_is_refused_with_its_position(body: bytes, message: str) -> None:
    """The sender is told where, and what is there."""
    with pytest.raises(BadJSON) as raised:
        decode(body)
    assert message in raised.value.detail
    assert raised.value.status == 400
    assert len(raised.value.detail) < 250


@pytest.mark.parametrize("body", [b"5", b'"x"', b"true", b"null", b"1.5"])
def test_a_single_value_is_no_body(body: bytes) -> None:
    """Parameters need an object or an array around them."""
    with pytest.raises(BadJSON, match="single value"):
        decode(body)


def test_a_message_without_position_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should jiter stop naming the place, the refusal still reads well."""

    class Placeless:
        def from_json(self, *_: object, **__: object) -> object:
            raise ValueError("broken")

    monkeypatch.setattr(reading, "jiter", Placeless())
    with pytest.raises(BadJSON, match="at an unknown position: broken"):
        decode(b"[]")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Decoding is total: a value, or a BadJSON."""
    with suppress(BadJSON):
        value = decode(body)
        assert same(decode(json_text(value).encode()), value)


@given(documents, st.data())
def test_a_damaged_body_is_read_or_refused(value: Any, data: st.DataObject) -> None:
    """One changed byte raises nothing but a BadJSON."""
    body = bytearray(json_text(value).encode())
    position = data.draw(st.integers(0, len(body) - 1))
    body[position] = data.draw(st.integers(0, 255))
    with suppress(BadJSON):
        decode(bytes(body))


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_limited_to_the_level(opening: str, closing: str) -> None:
    """64 levels are read, 65 are refused, with the number in the message."""
    inner = "1" if opening != "[" else ""
    assert decode((opening * 64 + inner + closing * 64).encode())
    with pytest.raises(TooDeep, match="deeper than 64 levels"):
        decode((opening * 65 + inner + closing * 65).encode())


@pytest.mark.parametrize("depth", [65, 150, 200, 201, 202, 100_000])
def test_any_depth_is_refused_alike(depth: int) -> None:
    """Below the parser's own limit and beyond it, the answer is the spec's number."""
    with pytest.raises(TooDeep, match="deeper than 64 levels"):
        decode(nested(depth))


def test_many_brackets_are_no_depth() -> None:
    """A wide body, and URL templates, are not deep."""
    assert len(decode(b"[" + b",".join([b"[]"] * 1_000) + b"]")) == 1_000
    assert decode(b'["' + b"{/sha}" * 1_000 + b'","' + b"[" * 1_000 + b'"]')


@given(st.integers(1, 8), json_values)
def test_the_depth_limit_counts_levels(limit: int, value: Any) -> None:
    """The quick bound by brackets never changes the answer."""
    body = json_text([value]).encode()
    limits = Limits(max_depth=limit)
    if levels([value]) > limit:
        with pytest.raises(TooDeep):
            decode(body, limits=limits)
    else:
        assert same(decode(body, limits=limits), [value])


@given(st.integers(1, 12), documents)
def test_the_parameter_limit_counts_leaves(limit: int, value: Any) -> None:
    """The quick bound by commas never changes the answer."""
    body = json_text(value).encode()
    limits = Limits(max_parameters=limit)
    if len(flatten(value)) > limit:
        with pytest.raises(TooManyParameters, match=f"more than {limit} parameters"):
            decode(body, limits=limits)
    else:
        assert same(decode(body, limits=limits), value)


def test_the_number_of_parameters_is_limited() -> None:
    """10,000 are read, one more is refused, with the number in the message."""
    assert len(decode(b"[" + b"1," * 9_999 + b"1]")) == 10_000
    with pytest.raises(TooManyParameters, match="more than 10,000 parameters"):
        decode(b"[" + b"1," * 10_000 + b"1]")


def test_commas_in_texts_are_no_parameters() -> None:
    """A long text with many commas is one parameter."""
    assert decode(b'["' + b"," * 50_000 + b'"]') == ["," * 50_000]


@pytest.mark.parametrize("shape", ["wide", "deep", "array"])
def test_labels_cannot_fill_the_memory(shape: str) -> None:
    """A name of half a megabyte above 10,000 leaves would be gigabytes of labels."""
    name, leaves = "n" * 500_000, ",".join(["1"] * 9_000)
    if shape == "wide":
        members = ",".join(f'"{index}":1' for index in range(9_000))
        body = f'{{"{name}":{{{members}}}}}'
    elif shape == "deep":
        body = f'{{"{name}":' + "[" * 50 + leaves + "]" * 50 + "}"
    else:
        body = f'{{"{name}":[{leaves}]}}'
    with pytest.raises(TooManyParameters, match="more than 50,000,000 characters"):
        decode(body.encode())


def test_long_names_alone_are_read() -> None:
    """A long name with few leaves below it does no harm."""
    body = json_text({"n" * 100_000: {"a": 1, "b": [1, 2, 3]}, "m": list(range(900))})
    assert len(flatten(decode(body.encode()))) == 904


@given(documents)
def test_decoding_agrees_with_pythons_json_where_that_is_exact(value: Any) -> None:
    """An independent reader finds the same value."""
    text = json_text(value)
    read = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    ours = decode(text.encode())
    assert json_text(read) == json_text(ours)


def test_the_options_are_those_the_docs_promise() -> None:
    """jiter's defaults would accept all three."""
    for body in (b"[NaN]", b'{"a":1,"a":2}'):
        assert jiter.from_json(body)
        with pytest.raises(BadJSON):
            decode(body)
    assert type(jiter.from_json(b"[0.1]")[0]) is float
    assert type(decode(b"[0.1]")[0]) is Decimal
