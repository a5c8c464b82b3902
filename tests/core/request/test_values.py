"""JSON values: exactness, equality and the canonical text."""

from __future__ import annotations

import enum
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import jiter
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbincoming.core.request.values import (
    KINDS,
    MISSING,
    PLAIN_DIGITS,
    exact,
    json_text,
    kind,
    leaf_text,
    number_text,
    same,
)
from tests.core.strategies import json_values, leaves, numbers

ONE = [1, Decimal("1"), Decimal("1.0"), Decimal("1e0"), Decimal("10e-1"), Decimal("0.01e2")]


def decoded(text: str) -> Any:
    return jiter.from_json(text.encode(), allow_inf_nan=False, float_mode="decimal")


def other_order(value: Any) -> Any:
    """The same JSON value with the members of each object in reverse."""
    if isinstance(value, dict):
        return {name: other_order(value[name]) for name in reversed(value)}
    return [other_order(item) for item in value] if isinstance(value, list) else value


def typed(value: Any) -> Any:
    """A twin of a value whose equality is JSON's, by another road than `same`."""
    match value:
        case bool() | str() | None:
            return (type(value).__name__, value)
        case int() | Decimal():
            return ("number", Fraction(value))
        case list():
            return ("array", tuple(map(typed, value)))
        case _:
            return ("object", frozenset((name, typed(child)) for name, child in value.items()))


# Fraction writes its digits out, so the twins take no exponent of millions.
small = json_values.filter(lambda value: "e" not in json_text(value))


# --- kinds and missing -------------------------------------------------------------


@given(json_values)
def test_each_value_has_one_kind(value: Any) -> None:
    """Every decoded value is of one of the six kinds of JSON."""
    assert kind(value) in set(KINDS.values())


def test_true_is_a_boolean_and_one_a_number() -> None:
    """Python's bool is an int; JSON's is not."""
    assert (kind(True), kind(1)) == ("boolean", "number")


def test_missing_is_false_and_shows_its_name() -> None:
    """The sentinel can be tested for truth and reads well in a notebook."""
    assert not MISSING
    assert repr(MISSING) == "MISSING"


# --- numbers -----------------------------------------------------------------------


@pytest.mark.parametrize("one", ONE, ids=repr)
def test_one_has_one_text(one: int | Decimal) -> None:
    """1, 1.0, 1e0 and 10e-1 are one number, so one text."""
    assert number_text(one) == "1"


@pytest.mark.parametrize("zero", ["0", "-0", "0.00", "-0.0", "0e5", "0e-99", "-0e400"])
def test_zero_has_one_text(zero: str) -> None:
    """Zero has neither sign nor exponent."""
    assert number_text(Decimal(zero)) == "0"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("-12.50", "-12.5"),
        ("0.05", "0.05"),
        ("1200", "1200"),
        ("1.2e3", "1200"),
        ("1e40", "1" + "0" * 40),
        ("1e41", "1e41"),
        ("12e70", "12e70"),
        ("-120e70", "-12e71"),
        ("1e-40", "0." + "0" * 39 + "1"),
        ("1e-41", "1e-41"),
        ("1234567890123456789.5", "1234567890123456789.5"),
        ("1e400", "1e400"),
        ("1.5e999999999999999999", "15e999999999999999998"),
    ],
)
def test_a_number_is_written_plainly_near_one_and_by_its_exponent_far_away(
    number: str, text: str
) -> None:
    """No digit is lost, and no exponent becomes a text of a billion zeros."""
    assert number_text(Decimal(number)) == text


def test_an_integer_of_any_size_has_a_text() -> None:
    """Python refuses to print integers of more than 4,300 digits; a spec does not."""
    text = number_text(10**5_000 + 1)
    assert text == "1." + "0" * 4_999 + "1e5000"
    assert Decimal(text) == 10**5_000 + 1


@pytest.mark.parametrize("digits", [PLAIN_DIGITS - 1, PLAIN_DIGITS, PLAIN_DIGITS + 1])
def test_a_long_integer_is_written_so_that_json_readers_take_it(digits: int) -> None:
    """What jiter would refuse as an integer, it reads with a point and an exponent."""
    for text in ("9" * digits, "9" * digits + "e2", "9" * digits + ".5", "9" * digits + "e99"):
        number = Decimal(text)
        assert decoded(json_text([number])) == [number]


def test_a_number_of_a_million_digits_takes_no_time() -> None:
    """A sender cannot keep a key busy by a long number."""
    number = Decimal("1." + "123456789" * 100_000)
    assert number_text(number) == f"{number}e0"


@given(numbers, numbers)
@example(1, Decimal("1.0"))
@example(10**40, Decimal("1e40"))
@example(10**4_299, Decimal("1e4299"))
def test_numbers_have_the_same_text_exactly_where_they_are_equal(
    one: int | Decimal, other: int | Decimal
) -> None:
    """number_text(a) == number_text(b) if and only if a == b."""
    assert (number_text(one) == number_text(other)) == (one == other)


@given(numbers, st.integers(0, 30))
def test_trailing_zeros_do_not_change_a_number(number: int | Decimal, zeros: int) -> None:
    """A sender that writes more zeros sends the same number."""
    sign, digits, exponent = Decimal(number).as_tuple()
    assert isinstance(exponent, int)
    longer = Decimal((sign, digits + (0,) * zeros, exponent - zeros))
    assert number_text(longer) == number_text(number)


@given(numbers)
def test_a_number_reads_back_exactly(number: int | Decimal) -> None:
    """The text of a number is JSON and the number, to the last digit."""
    assert decoded(f"[{number_text(number)}]") == [number]


@given(numbers)
def test_a_numbers_text_is_its_own_canonical_form(number: int | Decimal) -> None:
    """Writing what was read writes the same text again."""
    text = number_text(number)
    assert number_text(decoded(f"[{text}]")[0]) == text


# --- leaves ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leaf", "text"),
    [
        (None, "z:"),
        (True, "b:true"),
        (False, "b:false"),
        (1, "n:1"),
        (Decimal("1.0"), "n:1"),
        ("1", "s:1"),
        ("", "s:"),
        ({}, "o:"),
        ([], "l:"),
    ],
)
def test_a_leafs_text_has_the_tag_of_its_kind(leaf: Any, text: str) -> None:
    """1 is 1.0, but neither "1" nor true."""
    assert leaf_text(leaf) == text


@given(leaves, leaves)
@example("n:1", 1)
@example("", None)
@example([], {})
def test_leaves_have_the_same_text_exactly_where_they_are_the_same(one: Any, other: Any) -> None:
    """The canonical text and equality cannot disagree."""
    assert (leaf_text(one) == leaf_text(other)) == same(one, other)


@pytest.mark.parametrize("value", [[1], {"a": 1}, 1.5, MISSING])
def test_what_is_not_a_leaf_has_no_text(value: Any) -> None:
    """An object or array with content, and a Python float, are refused."""
    with pytest.raises(TypeError, match="is not a leaf"):
        leaf_text(value)


# --- equality ----------------------------------------------------------------------


@given(small, small)
@example([1], [Decimal("1.0")])
@example({"a": 1, "b": 2}, {"b": 2, "a": 1})
@example([True], [1])
def test_same_is_the_equality_of_json(one: Any, other: Any) -> None:
    """Equality agrees with a twin that was written another way."""
    assert same(one, other) == (typed(one) == typed(other))


@given(json_values)
def test_the_order_of_members_does_not_matter_to_equality(value: Any) -> None:
    """An object is the same whichever member comes first."""
    assert same(value, other_order(value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"),
        (1, True),
        (0, False),
        (None, False),
        ("", None),
        ([], {}),
        ([1], [1, 1]),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"b": 1}),
        ({"a": None}, {}),
        ("é", "e\u0301"),
    ],
)
def test_different_values_are_not_the_same(one: Any, other: Any) -> None:
    """Kinds, lengths, order in arrays, names and code points all count."""
    assert not same(one, other)
    assert not same(other, one)


# --- JSON text ---------------------------------------------------------------------


@given(json_values, st.sampled_from([None, 2]))
def test_json_text_reads_back_exactly(value: Any, indent: int | None) -> None:
    """Nothing is rounded, and members keep their order."""
    read = decoded(json_text([value], indent=indent))[0]
    assert same(read, value)
    assert json_text(read) == json_text(value)


@given(json_values)
def test_indented_text_is_laid_out_as_pythons_own(value: Any) -> None:
    """A spec file looks as any tool would format it."""
    ours = json_text(value, indent=2)
    # with numbers as strings, json.dumps needs no float
    text = json.dumps(as_strings(value), indent=2, ensure_ascii=False)
    assert ours.count("\n") == text.count("\n")
    assert json_text(as_strings(value), indent=2) == text


def as_strings(value: Any) -> Any:
    match value:
        case bool() | None | str():
            return value
        case int() | Decimal():
            return number_text(value)
        case list():
            return [as_strings(item) for item in value]
        case _:
            return {name: as_strings(item) for name, item in value.items()}


@pytest.mark.parametrize("value", [1.5, object(), (1,), MISSING])
def test_what_json_has_no_form_for_is_not_written(value: Any) -> None:
    """A Python float never slips through: it would have been rounded already."""
    with pytest.raises(TypeError, match="JSON cannot represent a"):
        json_text([value])


# --- from Python -------------------------------------------------------------------


class Color(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Label(str, enum.Enum):  # noqa: UP042  # the older spelling, whose str() is another text
    URGENT = "urgent"


@pytest.mark.parametrize(
    ("given_value", "wanted"),
    [
        (0.1, Decimal("0.1")),
        (np.float64(0.1), Decimal("0.1")),
        (np.int64(2**62), 2**62),
        (np.str_("x"), "x"),
        (Color.RED, "red"),
        (Level.HIGH, 3),
        (Label.URGENT, "urgent"),
        ((1, (2,)), [1, [2]]),
        ({"a": (0.5,)}, {"a": [Decimal("0.5")]}),
        ({Color.RED: None}, {"red": None}),
        (True, True),
        (Decimal("1.50"), Decimal("1.50")),
    ],
)
def test_python_values_become_decoded_ones(given_value: Any, wanted: Any) -> None:
    """A float is the decimal it prints as; NumPy's numbers and enumerations are plain."""
    assert exact(given_value) == wanted
    assert type(exact(given_value)) is type(wanted)


@given(json_values)
def test_a_decoded_value_is_exact_already(value: Any) -> None:
    """What was read from JSON stays as it is."""
    assert exact(value) == value


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("-Infinity"),
        np.float64("nan"),
        [float("nan")],
    ],
)
def test_nan_and_infinities_have_no_json_form(value: Any) -> None:
    """JSON knows no such numbers."""
    with pytest.raises(TypeError, match="JSON has no number"):
        exact(value)


@pytest.mark.parametrize("value", ["\ud83d", {"\udc00": 1}, ["a", "\ud83d b"]])
def test_a_lone_surrogate_has_no_json_form(value: Any) -> None:
    """A text that no file can hold is refused when it is given, not when it is saved."""
    with pytest.raises(TypeError, match="lone surrogate"):
        exact(value)


@pytest.mark.parametrize("value", [{1: "a"}, {None: 1}])
def test_members_are_named_by_strings(value: Any) -> None:
    """JSON has no other names."""
    with pytest.raises(TypeError, match="names of members must be strings"):
        exact(value)


@pytest.mark.parametrize("value", [b"x", {1, 2}, object(), MISSING])
def test_other_types_have_no_json_form(value: Any) -> None:
    """The message names the type."""
    with pytest.raises(TypeError, match=f"JSON cannot represent a {type(value).__name__}"):
        exact(value)
