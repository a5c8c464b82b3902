"""What a condition means: laws, a naive twin, and one sentence for each trap."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from nbincoming.core.conditions.builder import P
from nbincoming.core.conditions.evaluation import compile_condition, getter, matches
from nbincoming.core.conditions.explain import explain
from nbincoming.core.conditions.operators import OPERATORS
from nbincoming.core.conditions.tree import Condition, Not
from nbincoming.core.request.parameters import Parameters
from nbincoming.core.request.values import KINDS, MISSING
from tests.core import naive, strategies

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
WARSAW = ZoneInfo("Europe/Warsaw")
NOW_MS = 1_718_010_930_000  # 2024-06-10T09:15:30Z

# The strategies draw much and combine it, which Hypothesis finds slow.
slow = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None
)


def holds(condition: Any, body: Any, **options: Any) -> bool:
    """Evaluate a condition, in JSON form or not, on a body."""
    if isinstance(condition, dict):
        condition = CONDITION.validate_python(condition)
    headers = options.pop("headers", {})
    return matches(condition, Parameters(body, headers), **options)


def leaf(operator: str, *value: Any, **options: Any) -> dict[str, Any]:
    """Write a leaf on body.x."""
    data = {"parameter": "body.x", "operator": operator, **options}
    return {**data, "value": value[0]} if value else data


# --- the twin --------------------------------------------------------------------------


@settings(slow, max_examples=2 * settings.default.max_examples)
@given(naive.conditions(), st.lists(naive.worlds, min_size=5, max_size=5))
def test_the_naive_evaluator_agrees(data: dict[str, Any], worlds: list[naive.World]) -> None:
    """The closures and the explanation say what an evaluator written from the prose says."""
    condition = CONDITION.validate_python(data)
    for world in worlds:
        test = compile_condition(condition, world.zone)
        parameters = Parameters(world.roots["body"], world.roots["headers"])
        expected = naive.holds(data, world)
        assert test(parameters.roots(), world.now_ms) is expected
        explained = explain(condition, parameters, now_ms=world.now_ms, zone=world.zone)
        assert explained.holds is expected


@slow
@given(
    strategies.condition_data,
    strategies.documents,
    st.integers(-(10**20), 10**20),
    st.sampled_from(naive.ZONES),
)
def test_nothing_is_raised_whatever_the_body_and_the_time(
    data: dict[str, Any], body: Any, now_ms: int, zone: Any
) -> None:
    """Any condition on any body at any time is true or false."""
    assert holds(data, body, now_ms=now_ms, zone=zone) in (True, False)


HOSTILE = [
    None, True, False, 0, -1, 10**4_299, -(10**4_299), Decimal("1E+999999999999999999"),
    Decimal("-1E-999999999999999999"), Decimal("1." + "3" * 10_000), "", "\x00", "ß", "x" * 500_000,
    "9" * 5_000, "\ud800", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "P7D",
    [], {}, [None], [[]], [{}], [10**400, "x", None, True, [1]], {"x": {"x": {}}},
]  # fmt: skip


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: f"{row.name}-{row.type}")
def test_no_row_raises_on_a_hostile_value(row: Any) -> None:
    """Each operator, with its value or another parameter's, answers on every hostile value."""
    if row.operand == "condition":
        inner = {"parameter": "body.x[*]", "operator": "greater_than", "value": 5}
        forms = [leaf(row.name, inner)]
    else:
        forms = [leaf(row.name, *([] if row.operand == "none" else [row.example]))]
        if row.operand not in ("none", "pattern", "unit"):
            forms.append(leaf(row.name, {"parameter": "body.y"}))
        forms += [{**form, "ignore_case": True} for form in forms]
        forms += [{**form, "type": row.type} for form in forms]
    for form in forms:
        condition = CONDITION.validate_python(form)
        for seen in HOSTILE:
            for other in HOSTILE:
                for zone in naive.ZONES[:2]:
                    assert holds(condition, {"x": seen, "y": other}, zone=zone) in (True, False)
                if form.get("value") != {"parameter": "body.y"}:
                    break


# --- laws ------------------------------------------------------------------------------

pairs = st.tuples(naive.conditions(max_leaves=3), naive.conditions(max_leaves=3))


def values_of(world: naive.World, *data: dict[str, Any]) -> list[bool]:
    """Evaluate conditions in a world."""
    parameters = Parameters(world.roots["body"], world.roots["headers"])
    options: dict[str, Any] = {"now_ms": world.now_ms, "zone": world.zone}
    return [matches(CONDITION.validate_python(each), parameters, **options) for each in data]


@slow
@given(pairs, naive.worlds)
def test_de_morgan(pair: tuple[Any, Any], world: naive.World) -> None:
    """Not all of two is any of their negations, and the other way round."""
    a, b = pair
    negated = [{"not": a}, {"not": b}]
    one, other = values_of(world, {"not": {"all": [a, b]}}, {"any": negated})
    assert one is other
    one, other = values_of(world, {"not": {"any": [a, b]}}, {"all": negated})
    assert one is other


@slow
@given(naive.conditions(max_leaves=4), naive.worlds)
def test_double_negation(data: dict[str, Any], world: naive.World) -> None:
    """Not not a condition is the condition; and not is never what the condition is."""
    once, never, twice = values_of(world, data, {"not": data}, {"not": {"not": data}})
    assert once is twice
    assert once is not never


@slow
@given(st.lists(naive.conditions(max_leaves=2), min_size=2, max_size=4), naive.worlds, st.data())
def test_the_order_of_a_group_never_matters(
    parts: list[Any], world: naive.World, draw: st.DataObject
) -> None:
    """Groups are sets in spirit: any order of their conditions has the same value."""
    shuffled = draw.draw(st.permutations(parts))
    for group in ("all", "any"):
        one, other = values_of(world, {group: parts}, {group: shuffled})
        assert one is other


def reordered(value: Any) -> Any:
    """Reverse the members of every object."""
    if isinstance(value, dict):
        return {name: reordered(value[name]) for name in reversed(value)}
    return [reordered(each) for each in value] if isinstance(value, list) else value


@slow
@given(naive.conditions(max_leaves=4), naive.worlds)
def test_the_order_of_members_never_matters(data: dict[str, Any], world: naive.World) -> None:
    """An object is not a sequence: its members may come in any order."""
    other = naive.World(
        reordered(world.roots["body"]), world.roots["headers"], world.now_ms, world.zone
    )
    assert values_of(world, data) == values_of(other, data)


NEGATIVE = [row for row in OPERATORS if row.name in naive.NEGATIVE]


@pytest.mark.parametrize("row", NEGATIVE, ids=lambda row: f"{row.name}-{row.type}")
def test_a_negative_operator_is_false_on_what_is_missing(row: Any) -> None:
    """`not_equals` means present and different, and so do its like."""
    value = [] if row.operand == "none" else [row.example]
    assert holds(leaf(row.name, *value), {}) is False
    assert holds({"not": leaf(row.name, *value)}, {}) is True


@pytest.mark.parametrize("row", [r for r in OPERATORS if r.type not in ("any", "datetime")],
                         ids=lambda row: f"{row.name}-{row.type}")  # fmt: skip
def test_every_comparison_is_false_on_a_wrong_type(row: Any) -> None:
    """A value of another type than the operator's makes the comparison false."""
    inner = {"parameter": "body.x[*]", "operator": "exists"}
    value = [] if row.operand == "none" else [inner if row.operand == "condition" else row.example]
    others = {
        "string": "s", "number": 7, "boolean": True, "null": None, "object": {"a": 1}, "array": [7]
    }  # fmt: skip
    meant = {each.type for each in OPERATORS if each.name == row.name}
    for kind, seen in others.items():
        if kind not in meant:
            assert holds(leaf(row.name, *value), {"x": seen}) is False


@slow
@given(st.sampled_from(NEGATIVE), naive.values, st.data())
def test_a_negative_operator_is_the_opposite_on_the_right_type(
    row: Any, seen: Any, draw: st.DataObject
) -> None:
    """Where the positive operator applies, the negative one is its opposite."""
    value = [] if row.operand == "none" else [draw.draw(naive.OPERANDS[row.operand])]
    options = {} if row.type == "any" else {"type": row.type}
    if row.type != "any":
        assume(KINDS[type(seen)] == row.type)
    positive = holds(leaf(naive.NEGATIVE[row.name], *value, **options), {"x": seen})
    assert holds(leaf(row.name, *value, **options), {"x": seen}) is not positive


# --- types -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "seen", "same"),
    [
        (1, 1, True), (1, Decimal("1.0"), True), (Decimal("1.0"), 1, True), (1, "1", False),
        (1, True, False), (0, False, False), ("1", 1, False), ("true", True, False),
        (2**53, 2**53 + 1, False), (Decimal("0.1"), Decimal("0.10"), True), (0, "", False),
        (0, None, False), (Decimal("-0.0"), 0, True), ("a", "A", False), ("é", "e\u0301", False),
    ],
)  # fmt: skip
def test_nothing_is_converted_in_silence(wanted: Any, seen: Any, same: bool) -> None:
    """1 is 1.0, but neither "1" nor true, and large integers keep every digit."""
    assert holds(leaf("equals", wanted), {"x": seen}) is same


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), ("-5", -5), ("5.0", 5), ("5e0", 5), ("0.1", Decimal("0.1")), ("1E2", 100),
     ("9007199254740993", 9007199254740993)],
)  # fmt: skip
def test_a_text_is_read_as_a_number_where_that_is_asked_for(text: str, number: Any) -> None:
    """`"type": "number"` reads a JSON number out of a string, and numbers stay numbers."""
    assert holds(leaf("equals", number, type="number"), {"x": text})
    assert holds(leaf("equals", number, type="number"), {"x": number})
    assert not holds(leaf("equals", number), {"x": text})


@pytest.mark.parametrize(
    "text", ["", " 5", "5 ", "+5", "05", "5,0", "5.", ".5", "0x5", "5e", "Infinity", "\u0665",
             "1_000", "true", '"5"', "[5]", "5 5", "-", "1e9999999999999999999", "\ud8005"],
)  # fmt: skip
def test_a_text_that_is_no_number_makes_both_answers_false(text: str) -> None:
    """What cannot be read as a number is neither equal to one nor different from it."""
    assert not holds(leaf("equals", 5, type="number"), {"x": text})
    assert not holds(leaf("not_equals", 5, type="number"), {"x": text})


@slow
@given(texts := st.text(max_size=8), st.sampled_from(["equals", "contains", "starts_with", "in"]))
def test_case_is_ignored_on_both_sides(text: str, operator: str) -> None:
    """Folding one side only would make a text differ from itself."""
    for wanted in (text, text.upper(), text.casefold()):
        for seen in (text, text.lower(), text.casefold()):
            if wanted.casefold() == seen.casefold():
                value = [wanted] if operator == "in" else wanted
                assert holds(leaf(operator, value, ignore_case=True), {"x": seen})


def test_case_is_folded_not_lowered() -> None:
    """ "Straße" is "STRASSE" where case is ignored, and only there."""
    for one, other in (("Straße", "STRASSE"), ("STRASSE", "Straße"), ("ΣΑΣ", "σας")):
        assert holds(leaf("equals", one, ignore_case=True), {"x": other})
        assert not holds(leaf("equals", one), {"x": other})
        assert holds(leaf("contains", one, ignore_case=True), {"x": [5, other]})
        assert holds(leaf("equals", {"parameter": "body.y"}, ignore_case=True),
                     {"x": one, "y": other})  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "true_on", "false_on"),
    [
        ("exists", [None, 0, "", [], {}], []),
        ("is_null", [None], [0, "", [], {}, False]),
        ("is_not_null", [0, "", [], {}, False], [None]),
        ("is_empty", ["", [], {}], [None, 0, False, " ", [None], {"a": None}]),
        ("is_not_empty", [0, False, " ", [None], {"a": None}], [None, "", [], {}]),
        ("is_true", [True], [False, 1, "true", None]),
        ("is_false", [False], [True, 0, "false", None, ""]),
        ("missing", [], [None, 0, "", [], {}]),
    ],
)
def test_presence(operator: str, true_on: list[Any], false_on: list[Any]) -> None:
    """Null, empty and missing are three things."""
    assert [holds(leaf(operator), {"x": seen}) for seen in true_on] == [True] * len(true_on)
    assert [holds(leaf(operator), {"x": seen}) for seen in false_on] == [False] * len(false_on)
    assert holds(leaf(operator), {}) is (operator == "missing")


@pytest.mark.parametrize(
    ("label", "found"),
    [("body.a.b", 5), ("body.a.c", MISSING), ("body.a.b.c", MISSING), ("body.s.b", MISSING),
     ("body.l[1]", 8), ("body.l[2]", MISSING), ("body.s[0]", MISSING), ("body.a[0]", MISSING),
     ("body.l.b", MISSING), ('body["0"]', 9), ("body[0]", MISSING), ("body.o[*].p", [1, 3]),
     ("body.a[*]", MISSING), ("headers.x-event", "e"), ("headers.none", MISSING)],
)  # fmt: skip
def test_a_label_finds_its_value_or_nothing(label: str, found: Any) -> None:
    """Members and elements are found by their own kind of segment only."""
    body = {"a": {"b": 5}, "s": "text", "l": [7, 8], "0": 9, "o": [{"p": 1}, {}, {"p": 3}]}
    scope = {"body": body, "headers": {"x-event": "e"}}
    assert getter(label)(scope) == found


# --- elements --------------------------------------------------------------------------


def test_the_parts_of_an_element_condition_hold_on_the_same_element() -> None:
    """Anna Smith and Bob Jones are not Anna Jones, which is EventBridge's trap."""
    anna_jones = P.body.people.any_element(
        lambda person: (person.first == "Anna") & (person.last == "Jones")
    )
    people = [{"first": "Anna", "last": "Smith"}, {"first": "Bob", "last": "Jones"}]
    assert not holds(anna_jones, {"people": people})
    assert holds(anna_jones, {"people": [*people, {"first": "Anna", "last": "Jones"}]})
    apart = P.body["people"].any_element(lambda p: p.first == "Anna") & P.body[
        "people"
    ].any_element(lambda p: p.last == "Jones")
    assert holds(apart, {"people": people})


@pytest.mark.parametrize(
    ("array", "some", "every", "none"),
    [([], False, False, True), ([6], True, True, False), ([6, 4], True, False, False),
     ([4], False, False, True), (["6"], False, False, True), ("66", False, False, False),
     (None, False, False, False), ({"0": 6}, False, False, False)],
)  # fmt: skip
def test_any_all_and_no_element(array: Any, some: bool, every: bool, none: bool) -> None:
    """No element of [] meets anything, but not all do; what is no array is false throughout."""
    found = [
        holds(leaf(name, {"parameter": "body.x[*]", "operator": "greater_than", "value": 5}),
              {"x": array})
        for name in ("any_element", "all_elements", "no_element")
    ]  # fmt: skip
    assert found == [some, every, none]


def test_elements_nest_and_each_level_is_bound() -> None:
    """An inner condition sees its own element, the outer one and the whole request."""
    nested = P.body.orders.any_element(
        lambda order: order.lines.all_elements(
            lambda line: (line.price > P["body.limit"]) & (line.currency == order.currency)
        )
    )

    def body(limit: int, currency: str) -> Any:
        lines = [{"price": 5, "currency": "EUR"}, {"price": 6, "currency": currency}]
        return {"limit": limit, "orders": [{}, {"currency": "EUR", "lines": lines}]}

    assert holds(nested, body(4, "EUR"))
    assert not holds(nested, body(5, "EUR"))
    assert not holds(nested, body(4, "PLN"))


def test_one_array_may_be_looked_through_twice() -> None:
    """Inside a condition on its elements, the array itself can be asked again."""
    twice = P.body.x.any_element(
        lambda outer: (
            (outer.role == "boss") & P.body.x.any_element(lambda inner: inner.role == "clerk")
        )
    )
    assert holds(twice, {"x": [{"role": "clerk"}, {"role": "boss"}]})
    assert not holds(twice, {"x": [{"role": "boss"}]})


def test_the_projection_of_an_array_is_an_array() -> None:
    """Outside a condition on elements, `[*]` gathers what each has."""
    body = {"items": [{"sku": "a", "tags": ["x"]}, {}, {"sku": "b", "tags": ["y", "z"]}]}
    assert holds({"parameter": "body.items[*].sku", "operator": "contains", "value": "b"}, body)
    assert holds({"parameter": "body.items[*].sku", "operator": "length_equals", "value": 2}, body)
    nested = {"parameter": "body.items[*].tags[*]", "operator": "length_equals", "value": 3}
    assert holds(nested, body)
    assert not holds({"parameter": "body.items[*].sku", "operator": "equals", "value": "a"}, body)


# --- other parameters ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "seen", "other", "options", "expected"),
    [
        ("equals", 5, 5, {}, True), ("equals", 5, "5", {}, False), ("equals", "5", 5, {}, False),
        ("not_equals", 5, 6, {}, True), ("not_equals", 5, "6", {}, False),
        ("equals", "5", 5, {"type": "number"}, True), ("equals", 5, "5", {"type": "number"}, True),
        ("less_than", "5", "10", {"type": "number"}, True), ("less_than", "5", "10", {}, False),
        ("in", "b", ["a", "b"], {}, True), ("in", "b", "ab", {}, False), ("in", 1, [1, "1"], {},
        False), ("in", "1", ["1", 2], {"type": "number"}, True), ("in", "b", [], {}, False),
        ("not_in", "b", [], {}, False), ("between", 5, [1, 9], {}, True),
        ("between", 5, [9, 1], {}, False), ("between", 5, [1], {}, False),
        ("between", "2024-06-10", ["2024-06-01", "2024-06-30"], {}, True),
        ("between", "2024-06-30T15:00", ["2024-06-01", "2024-06-30"], {}, True),
        ("between", "2024-06-30T23:59:59.999999Z", ["2024-06-30", "2024-06-30"], {}, True),
        ("between", "2024-07-01", ["2024-06-01", "2024-06-30"], {}, False),
        ("between", "2024-06-30T15:00", ["2024-06-01", "2024-06-30T00:00"], {}, False),
        ("before", "2024-06-10", "2024-06-11", {}, True), ("before", "2024-06-10", 5, {}, False),
        ("in_last", "2024-06-09", "P7D", {}, True), ("in_last", "2024-06-09", "P7Y", {}, False),
        ("contains", ["a"], "a", {}, True), ("contains", ["a"], ["a"], {}, False),
        ("contains", "abc", "b", {}, True), ("length_equals", [1, 2], 2, {}, True),
        ("length_equals", [1, 2], Decimal("2.0"), {}, True), ("length_equals", [], -1, {}, False),
        ("length_less_than", [1], Decimal("1.5"), {}, False), ("equals", None, None, {}, False),
    ],
)  # fmt: skip
def test_the_value_may_be_another_parameter(
    operator: str, seen: Any, other: Any, options: dict[str, Any], expected: bool
) -> None:
    """Another parameter's value is compared as one's own would be; what is no operand is false."""
    data = leaf(operator, {"parameter": "body.y"}, **options)
    assert holds(data, {"x": seen, "y": other}, now_ms=NOW_MS) is expected
    assert holds(data, {"x": seen}, now_ms=NOW_MS) is False
    assert holds(data, {"y": other}, now_ms=NOW_MS) is False


# --- time ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "inside"),
    [("2024-06-10T09:15:30Z", True), ("2024-06-03T09:15:30Z", True),
     ("2024-06-03T09:15:29.999999Z", False), ("2024-06-10T09:15:30.000001Z", False),
     ("2024-06-10T11:15:30+02:00", True)],
)  # fmt: skip
def test_both_ends_of_the_last_days_are_in_them(text: str, inside: bool) -> None:
    """ "In the last 7 days" holds now and exactly 7 days ago, and not a microsecond beyond."""
    assert holds(leaf("in_last", "P7D"), {"x": text}, now_ms=NOW_MS) is inside


@pytest.mark.parametrize(
    ("text", "inside"),
    [("2024-06-10T09:15:30Z", True), ("2024-06-10T10:15:30Z", True),
     ("2024-06-10T10:15:30.000001Z", False), ("2024-06-10T09:15:29.999Z", False)],
)  # fmt: skip
def test_both_ends_of_the_next_hour_are_in_it(text: str, inside: bool) -> None:
    """ "In the next hour" holds now and in exactly one hour."""
    assert holds(leaf("in_next", "PT1H"), {"x": text}, now_ms=NOW_MS) is inside


def test_a_time_without_an_offset_is_in_the_zone_of_the_spec() -> None:
    """11:15 in Warsaw is 09:15 in UTC in summer, and 10:15 in winter."""
    for text, utc in (
        ("2024-06-10T11:15:30", "2024-06-10T09:15:30Z"),
        ("2024-12-10T11:15:30", "2024-12-10T10:15:30Z"),
        ("2024-06-10", "2024-06-09T22:00:00Z"),
    ):
        assert holds(leaf("equals", utc, type="datetime"), {"x": text}, zone=WARSAW)
        assert holds(leaf("equals", text, type="datetime"), {"x": utc}, zone=WARSAW)
        assert not holds(leaf("equals", utc, type="datetime"), {"x": text})


def test_an_hour_that_happens_twice_is_told_apart_by_its_offset() -> None:
    """At the end of summer time 02:30 comes twice; without an offset it is the first."""
    second = leaf("after", "2024-10-27T02:30:00+02:00")
    assert holds(second, {"x": "2024-10-27T02:30:00+01:00"}, zone=WARSAW)
    first = leaf("equals", "2024-10-27T02:30:00+02:00", type="datetime")
    assert holds(first, {"x": "2024-10-27T02:30:00"}, zone=WARSAW)


def test_the_current_day_changes_at_midnight_of_the_zone() -> None:
    """22:00 UTC is the next day in Warsaw in summer, and the same day in UTC."""
    before, after = 1_718_056_799_999, 1_718_056_800_000  # 2024-06-10T22:00Z and 1 ms earlier
    today = leaf("matches_current", "day")
    for text, on_10th in (("2024-06-10T21:59:59Z", True), ("2024-06-10T22:00:00Z", False)):
        assert holds(today, {"x": text}, now_ms=before, zone=WARSAW) is on_10th
        assert holds(today, {"x": text}, now_ms=after, zone=WARSAW) is not on_10th
        assert holds(today, {"x": text}, now_ms=after) is True


def test_a_compiled_condition_follows_the_clock() -> None:
    """What "the current hour" is does not stay what it was at the first request."""
    test = compile_condition(CONDITION.validate_python(leaf("matches_current", "hour")))
    scope = {"body": {"x": "2024-06-10T09:59:00Z"}, "headers": {}}
    hour_ms = 3_600_000
    assert [test(scope, NOW_MS + hours * hour_ms) for hours in (0, 1, 0, -1)] == [
        True, False, True, False,
    ]  # fmt: skip


def test_a_text_is_a_text_unless_a_time_is_asked_for() -> None:
    """`equals` on a string compares characters; with `"type": "datetime"`, instants."""
    one, other = "2024-06-10T09:15:30Z", "2024-06-10T11:15:30+02:00"
    assert not holds(leaf("equals", one), {"x": other})
    assert holds(leaf("equals", one, type="datetime"), {"x": other})


def test_between_goes_by_the_type_of_its_ends() -> None:
    """A range of dates reads the string as a date, a range of numbers does not."""
    dates = leaf("between", ["2024-06-01", "2024-06-30"])
    assert holds(dates, {"x": "2024-06-30T23:59:59Z"})
    assert not holds(dates, {"x": "2024-07-01T00:00:00Z"})
    assert not holds(dates, {"x": 5})
    assert holds(leaf("between", [1, 5]), {"x": 5})
    assert not holds(leaf("between", [1, 5]), {"x": "5"})
    assert holds(leaf("between", [1, 5], type="number"), {"x": "5"})


# --- patterns --------------------------------------------------------------------------


def test_a_pattern_is_searched_and_may_be_anchored() -> None:
    """A pattern is found anywhere; ^ and $ say otherwise."""
    assert holds(leaf("matches_regex", "b+"), {"x": "abbc"})
    assert not holds(leaf("matches_regex", "^b+$"), {"x": "abbc"})
    assert holds(leaf("not_matches_regex", "^b+$"), {"x": "abbc"})
    assert holds(leaf("matches_regex", "B", ignore_case=True), {"x": "abc"})
    assert holds(leaf("matches_regex", "^ż.$"), {"x": "żó"})


@pytest.mark.timeout(60)
def test_a_pattern_cannot_hang_production() -> None:
    """The patterns that take a backtracking engine for ever take RE2 a moment."""
    for pattern in ("(a+)+$", "(a|aa)+$", "(.*)*x"):
        assert not holds(leaf("matches_regex", pattern), {"x": "a" * 100_000 + "!"})


def test_not_holds_where_the_condition_is_false_for_any_reason() -> None:
    """`not` is plain negation: what is missing is not equal."""
    assert holds(Not.model_validate({"not": leaf("equals", 5)}), {})
    assert holds(~(P.body.x == 5), {"x": "5"})
