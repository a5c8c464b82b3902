"""Conditions as text: what is written reads back, and what cannot be read is said well."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from nbincoming.core.conditions.builder import P
from nbincoming.core.conditions.evaluation import compile_condition
from nbincoming.core.conditions.operators import OPERATORS
from nbincoming.core.conditions.parsing import read_condition, write_condition
from nbincoming.core.conditions.tree import Condition
from nbincoming.core.request.values import json_text
from nbincoming.errors import SentenceError
from tests.core import naive, strategies

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
x = P.body.x


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=naive.conditions(), world=naive.worlds)
def test_what_is_written_reads_back_and_means_the_same(
    data: dict[str, Any], world: naive.World
) -> None:
    """Any condition, on any request; from then on it is the same condition."""
    condition = CONDITION.validate_python(data)
    again = read_condition(write_condition(condition))
    assert read_condition(write_condition(again)) == again
    before, after = (compile_condition(each, world.zone) for each in (condition, again))
    assert before(world.roots, world.now_ms) == after(world.roots, world.now_ms)


def unwrapped(data: Any) -> Any:
    """Take the parts of groups of one out: parentheses around nothing more are not kept."""
    if isinstance(data, list):
        return [unwrapped(each) for each in data]
    if not isinstance(data, dict):
        return data
    for member in ("all", "any"):
        if len(data.get(member, ())) == 1:
            return unwrapped(data[member][0])
    return {name: unwrapped(value) for name, value in data.items()}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=strategies.condition_data)
def test_hostile_labels_and_values_read_back(data: dict[str, Any]) -> None:
    """Names with parentheses, signs, quotes and white space; values of any length."""
    condition = CONDITION.validate_python(data)
    assert read_condition(write_condition(condition)).data() == unwrapped(condition.data())


@given(value=strategies.texts | st.integers() | st.just("x" * 5_000))
def test_values_are_written_whole(value: Any) -> None:
    """A sentence cuts long ones; a text that is read back must not."""
    try:
        condition = x == value
    except ValueError:  # a lone surrogate
        return
    assert read_condition(write_condition(condition)) == condition


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("body.x == 5", x == 5),
        ("body.x=5", x == 5),
        ("body.x!=5", x != 5),
        ("body.x >= 2.50", x >= Decimal("2.5")),
        ("body.x<=5", x <= 5),
        ("body.x < 5", x < 5),
        ("body.x > 5", x > 5),
        ("body.x == true", x.is_true()),
        ("body.x != true", x.is_false()),
        ("body.x == null", x.is_null()),
        ("body.x != null", x.is_not_null()),
        ('body.x < "2024-06-10" (as a datetime)', x.as_datetime().before("2024-06-10")),
        ('body.x > "2024-06-10" (as a datetime)', x.as_datetime().after("2024-06-10")),
        ('body.x == "2024-06-10" (as a datetime)', x.as_datetime() == "2024-06-10"),
        ("body.x > body.y", x > P.body.y),
        ('body.x starts_with "a"', x.starts_with("a")),
        ("body.x Is At Least 5", x >= 5),
        ("body.x  is\n at least\t5", x >= 5),
        ("body.x is between [1, 5]", x.between(1, 5)),
        ("body.x is between 1 and 5", x.between(1, 5)),
        ('body.x is in the last "P7D"', x.in_last("P7D")),
        ("body.x is in the last PT1.5S", None),
        ("body.x is in the current day", x.in_current("day")),
        ('body.x == "A" (IGNORING CASE)', x.ignoring_case() == "A"),
        ("body.x > 5 ( as a number )", x.as_number() > 5),
        ('body["x"] equals 5', x == 5),
        ('body["a b"][0] exists', P.body["a b"][0].exists()),
        ("headers.x-event exists", P.headers["x-event"].exists()),
        ("body exists", P.body.exists()),
        ("not body.x exists", ~x.exists()),
        ("!body.x exists", ~x.exists()),
        ("!!(body.x exists)", ~~x.exists()),
        ("((body.x exists))", x.exists()),
        (
            "body.x == 1 or body.x == 2 and body.x == 3",
            (x == 1) | ((x == 2) & (x == 3)),
        ),
        (
            "(body.x==1||body.x==2)&&body.x==3",
            ((x == 1) | (x == 2)) & (x == 3),
        ),
        (
            "body.x has an element where (body.x[*].a > 1 and not body.x[*].b exists)",
            x.any_element(lambda item: (item.a > 1) & ~item.b.exists()),
        ),
        (
            "body.x is not empty and has only elements where (body.x[*] > 1) and body.y exists",
            x.all_elements(lambda item: item > 1) & P.body.y.exists(),
        ),
    ],
)  # fmt: skip
def test_a_person_may_write_it_so(text: str, condition: Any) -> None:
    """Phrases, names and signs; any case; as much white space as one likes."""
    if condition is None:
        with pytest.raises(SentenceError):
            read_condition(text)
    else:
        assert read_condition(text) == condition


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: f"{row.name}-{row.type}")
def test_each_operator_is_read_by_its_phrase_and_by_its_name(row: Any) -> None:
    """The table says both, so none can be forgotten."""
    value = "" if row.operand == "none" else json_text(row.example)
    if row.operand == "condition":
        value = "(body.x[*] exists)"
    suffix = f" (as a {row.type})" if row.type in ("datetime", "number") else ""
    if row.operand == "condition":
        suffix = ""
    one, other = (read_condition(f"body.x {op} {value}{suffix}") for op in (row.phrase, row.name))
    assert one == other
    assert one.operator == row.name  # type: ignore[union-attr]


MISTAKES = {
    "": (0, "write a parameter, such as body.order.id"),
    "total > 5": (0, "write a parameter"),
    "body": (4, "write an operator"),
    "body.x": (6, "write an operator, such as 'equals'"),
    "body.x equal 5": (7, "perhaps 'equals'"),
    "body.x is least 5": (7, "perhaps 'is at least'"),
    "body.x equals": (13, "write a value"),
    "body.x equals high": (14, 'put text in "quotes"'),
    "body.x equals 'high'": (14, 'put text in "quotes"'),
    "body.x equals NaN": (0, "JSON has no number"),
    "body.x equals 5 body.y equals 6": (16, "write 'and' or 'or'"),
    "body.x equals 5 and": (19, "write a parameter"),
    "(body.x equals 5": (16, "write ')'"),
    "body.x equals 5)": (15, "write 'and' or 'or'"),
    "not": (3, "write a parameter"),
    "body.x is between 1": (19, "write 'and' and the upper end"),
    "body.x is between 5 and 1": (0, "the lower one first"),
    "body.x is in the current week": (0, "'hour', 'day', 'month' or 'year'"),
    "body.x is in the last": (21, "such as P7D"),
    "body.x has an element where body.x[*] > 1": (28, "a condition in parentheses"),
    "body.x has an element where (body.y > 1)": (0, "does not use the element."),
    'body.x > "5"': (0, "write a number without quotes"),
    "body.x == 5 (as a price)": (12, "write one of the types string, number"),
    "body.x equals 5 (to the end of that day)": (16, "leave out (to the end of that day)"),
    "body.x exists (to the end of that day)": (14, "leave out (to the end of that day)"),
    "body.x is between 1 and 2 (to the end of that day)": (26, "leave out (to the end of"),
    'body.x is between "2024-06-01" and "2024-06-30T12:00" (to the end of that day)': (
        54,
        "write a range whose end is a date without a time",
    ),
    'body.x matches "("': (0, "RE2 syntax"),
    "body.x matches ": (15, "a pattern in quotes"),
    "headers.cookie exists": (0, "carries credentials"),
    "body.x equals headers.cookie": (14, "carries credentials"),
    "body.x is at least headers.authorization[0]": (19, "carries credentials"),
    "body.x[00] exists": (0, "is not a parameter from character 7 on"),
    'body["\\ud800"] exists': (0, "is not a JSON string"),
    "(" * 200: (61, "nested deeper than 60"),
    "not " * 200: (244, "nested deeper than 60"),
    "body.x == " + "[" * 100_000: (10, "write a value"),
    "not (" * 30 + "body.x exists" + ")" * 30: (45, "nested deeper than 20 levels"),
    "body.x == " + "9" * 5_000: (10, "write a value"),
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text[:40])
def test_a_mistake_is_said_with_its_place(text: str) -> None:
    """Where it is, what stands there and what should."""
    position, words = MISTAKES[text]
    with pytest.raises(SentenceError) as caught:
        read_condition(text)
    assert words in str(caught.value)
    assert caught.value.position == position
    assert str(caught.value).startswith(f"At character {position + 1:}, before ")
    assert len(str(caught.value)) < 500


PIECES = [
    "body.x", "headers.a", "headers.cookie", "body", "[0]", "[*]", ".", "==", "!=", "!", "<", "(",
    ")", "and", "or", "not", "is", "is at least", "is between", "contains", "has an element where",
    "5", '"a"', "'a'", "[1]", "null", "true", "(as a number)", "(ignoring case)", "P7D", "day",
    "&&", "||", "{}", "\\",
]  # fmt: skip


@given(
    text=st.text() | st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join)
    | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
)  # fmt: skip
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    """Nothing else is raised; what was read can be written."""
    try:
        condition = read_condition(text)
    except SentenceError as error:
        position = error.position
    else:
        position = len(text)
        assert read_condition(write_condition(condition)) == condition
    assert 0 <= position <= len(text)


def test_a_condition_without_text_form_is_none_to_begin_with() -> None:
    """What pydantic refuses is refused here by the same words."""
    with pytest.raises(ValidationError):
        CONDITION.validate_python({"all": []})
    assert compile_condition(read_condition("body.x missing"), UTC)({"body": {}}, 0)
