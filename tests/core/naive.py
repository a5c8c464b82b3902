"""A second evaluator of conditions, and conditions to compare the two on.

It is written from the prose of the design and shares no code with the first beyond the
reading of labels: slow, plain, and wrong in other places if it is wrong.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from nbincoming.core.conditions.operators import OPERATORS, Operator
from nbincoming.core.request.labels import ELEMENTS, parse
from tests.core import strategies
from tests.core.strategies import is_shallow

NOTHING = object()

NEGATIVE = {
    "not_equals": "equals",
    "not_contains": "contains",
    "not_starts_with": "starts_with",
    "not_ends_with": "ends_with",
    "not_matches_regex": "matches_regex",
    "not_in": "in",
    "length_not_equals": "length_equals",
    "is_not_null": "is_null",
}


class World:
    """What a condition is asked of."""

    def __init__(self, body: Any, headers: Any, now_ms: int, zone: tzinfo) -> None:
        self.roots = {"body": body, "headers": headers}
        self.now_ms = now_ms
        self.zone = zone


def holds(condition: dict[str, Any], world: World, elements: tuple[Any, ...] = ()) -> bool:
    """Evaluate the JSON form of a condition."""
    if "all" in condition:
        return all(holds(part, world, elements) for part in condition["all"])
    if "any" in condition:
        return any(holds(part, world, elements) for part in condition["any"])
    if "not" in condition:
        return not holds(condition["not"], world, elements)
    seen = find(condition["parameter"], world, elements)
    name, value = condition["operator"], condition.get("value")
    if name in ("any_element", "all_elements", "no_element"):
        if not isinstance(seen, list):
            return False
        path = (*parse(condition["parameter"]), ELEMENTS)
        each = [holds(value, world, (*elements, (path, element))) for element in seen]
        return {"any_element": any(each), "all_elements": bool(each) and all(each),
                "no_element": not any(each)}[name]  # fmt: skip
    if name == "missing":
        return seen is NOTHING
    if seen is NOTHING:
        return False
    if name == "exists":
        return True
    if name == "is_null":
        return seen is None
    if name == "is_not_null":
        return seen is not None
    if name == "is_empty":
        return isinstance(seen, str | list | dict) and len(seen) == 0
    if name == "is_not_empty":
        return seen is not None and not (isinstance(seen, str | list | dict) and len(seen) == 0)
    if isinstance(value, dict):
        value = find(value["parameter"], world, elements)
        if value is NOTHING:
            return False
    answer = compare(NEGATIVE.get(name, name), seen, value, condition, world)
    if answer is None:  # nothing to compare
        return False
    return answer != (name in NEGATIVE)


def find(label: str, world: World, elements: tuple[Any, ...]) -> Any:
    """Find a value; NOTHING where there is none."""
    path = parse(label)
    for bound, element in reversed(elements):
        if path[: len(bound)] == bound:
            return follow(element, path[len(bound) :])
    return follow(world.roots[str(path[0])], path[1:])


def follow(value: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return value
    head, rest = path[0], path[1:]
    if head is ELEMENTS:
        if not isinstance(value, list):
            return NOTHING
        found = [follow(each, rest) for each in value]
        found = [each for each in found if each is not NOTHING]
        return [x for each in found for x in each] if ELEMENTS in rest else found
    if isinstance(head, str):
        inside = isinstance(value, dict) and head in value
    else:
        inside = isinstance(value, list) and head < len(value)
    return follow(value[head], rest) if inside else NOTHING


def is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def compare(name: str, seen: Any, value: Any, leaf: dict[str, Any], world: World) -> bool | None:
    """Compare two values by the positive form of an operator; None where they do not compare."""
    wanted = leaf.get("type")
    if wanted == "number":
        seen = number_of(seen)
        value = [number_of(each) for each in value] if isinstance(value, list) else number_of(value)
    if name in ("is_true", "is_false"):
        return seen is (name == "is_true") if isinstance(seen, bool) else None
    if name in ("before", "after", "in_last", "in_next", "matches_current"):
        wanted = "datetime"
    if name == "between" and isinstance(seen, str) and wanted is None:
        wanted = "datetime"
    if wanted == "datetime":
        return compare_times(name, seen, value, world)
    if wanted in (None, "number") and is_number(seen):
        return compare_numbers(name, seen, value)
    if wanted in (None, "string") and isinstance(seen, str):
        return compare_texts(name, seen, value, ignore_case=leaf.get("ignore_case", False))
    if wanted in (None, "array") and isinstance(seen, list):
        return compare_arrays(name, seen, value, ignore_case=leaf.get("ignore_case", False))
    return None


def number_of(value: Any) -> Any:
    if is_number(value) or not isinstance(value, str):
        return value
    if not re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", value):
        return None
    if re.fullmatch(r"-?[0-9]+", value):
        return int(value) if len(value.lstrip("-")) <= 4_300 else None  # as in a body
    try:
        return Decimal(value)
    except InvalidOperation:  # the exponent is out of range
        return None


def compare_numbers(name: str, seen: Any, value: Any) -> bool | None:
    if name in ("in", "between"):
        if not isinstance(value, list) or not value or not all(map(is_number, value)):
            return None
        if name == "in":
            return any(seen == each for each in value)
        return value[0] <= seen <= value[1] if len(value) == 2 and value[0] <= value[1] else None
    if not is_number(value):
        return None
    order = (seen > value) - (seen < value)
    return {
        "equals": order == 0,
        "less_than": order < 0,
        "less_or_equal": order <= 0,
        "greater_than": order > 0,
        "greater_or_equal": order >= 0,
    }.get(name)


def compare_texts(name: str, seen: str, value: Any, *, ignore_case: bool) -> bool | None:
    if name == "matches_regex":
        return re.search(value, seen, re.IGNORECASE if ignore_case else 0) is not None
    if name == "in":
        if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
            return None
        if ignore_case:
            return seen.casefold() in [each.casefold() for each in value]
        return seen in value
    if not isinstance(value, str):
        return None
    if ignore_case:
        seen, value = seen.casefold(), value.casefold()
    return {
        "equals": seen == value,
        "contains": value in seen,
        "starts_with": seen[: len(value)] == value,
        "ends_with": seen[max(0, len(seen) - len(value)) :] == value,
    }.get(name)


def compare_arrays(name: str, seen: list[Any], value: Any, *, ignore_case: bool) -> bool | None:
    if name == "contains":
        if isinstance(value, list | dict):
            return None
        return any(alike(each, value, ignore_case=ignore_case) for each in seen)
    whole = isinstance(value, int) or value == value.to_integral_value() if is_number(value) else 0
    if not whole or value < 0:
        return None
    length = len(seen)
    return {
        "length_equals": length == value,
        "length_less_than": length < value,
        "length_less_or_equal": length <= value,
        "length_greater_than": length > value,
        "length_greater_or_equal": length >= value,
    }.get(name)


def alike(one: Any, other: Any, *, ignore_case: bool) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold() if ignore_case else one == other
    if is_number(one) and is_number(other):
        return bool(one == other)
    return one is other  # true, false and null


def time_of(value: Any, zone: tzinfo) -> tuple[int, datetime] | None:
    """Read ISO 8601 by hand; microseconds since the year 1, and the local time as written."""
    text = value.upper() if isinstance(value, str) else ""
    basic = re.fullmatch(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)?([.,].*|\D.*)?", text, re.ASCII)
    if basic:  # written with its separators
        year, month, day, hour, minute, second, rest = basic.groups()
        text = (
            f"{year}-{month}-{day}T{hour}:{minute}"
            + (f":{second}" if second else "")
            + (rest or "")
        )
    match = re.fullmatch(
        r"(\d{4})-(\d\d)-(\d\d)"
        r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?",
        text,
        re.ASCII,
    )
    if not match or len(value) > 64:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    later = timedelta()
    if second == "60":
        second, fraction, later = "0", "0", timedelta(minutes=1)
    elif hour == "24" and not int(minute + (second or "0") + (fraction or "0")[:6]):
        hour, later = "0", timedelta(days=1)
    try:
        local = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int(((fraction or "0") + "00000")[:6]), tzinfo=UTC,
        ) + later  # fmt: skip
    except (ValueError, OverflowError):
        return None
    if offset == "Z":
        ahead = timedelta()
    elif offset:
        digits = (offset[1:].replace(":", "") + "00")[:4]
        ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if ahead >= timedelta(days=1) or int(digits[2:]) > 59:
            return None
        ahead = -ahead if offset[0] == "-" else ahead
    else:
        ahead = local.replace(tzinfo=zone).utcoffset() or timedelta()
    passed = local.toordinal() * 86_400 + local.hour * 3_600 + local.minute * 60 + local.second
    return passed * 10**6 + local.microsecond - ahead // timedelta(microseconds=1), local


def compare_times(name: str, seen: Any, value: Any, world: World) -> bool | None:
    read = time_of(seen, world.zone)
    if read is None:
        return None
    at = read[0]
    now = date(1970, 1, 1).toordinal() * 86_400 * 10**6 + world.now_ms * 1000
    if name in ("in_last", "in_next"):
        match = isinstance(value, str) and re.fullmatch(
            r"P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)", value, re.ASCII
        )
        if not match or value.endswith(("P", "T")):
            return None
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        length = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds
        if not 0 < length <= 36_525 * 86_400:
            return None
        return 0 <= (now - at if name == "in_last" else at - now) <= length * 10**6
    if name == "matches_current":
        return same_unit(at, now, value, world.zone)
    if name == "between":
        ends = [time_of(each, world.zone) for each in value] if isinstance(value, list) else []
        if len(ends) != 2 or ends[0] is None or ends[1] is None or ends[0][0] > ends[1][0]:
            return None
        last = ends[1][0]
        if len(value[1]) == 10:  # a date alone: its whole day
            try:
                tomorrow = date.fromisoformat(value[1]) + timedelta(days=1)
                last = time_of(tomorrow.isoformat(), world.zone)[0] - 1  # type: ignore[index]
            except OverflowError:
                last += 86_400 * 10**6 - 1
        return ends[0][0] <= at <= last
    other = time_of(value, world.zone)
    if other is None:
        return None
    return {"equals": at == other[0], "before": at < other[0], "after": at > other[0]}[name]


def same_unit(at: int, now: int, unit: str, zone: tzinfo) -> bool:
    locals_ = []
    for instant in (at, now):
        days, rest = divmod(instant, 86_400 * 10**6)
        try:
            utc = datetime.combine(date.fromordinal(days), datetime.min.time(), UTC)
            locals_.append((utc + timedelta(microseconds=rest)).astimezone(zone))
        except (ValueError, OverflowError):
            return False
    depth = {"year": 1, "month": 2, "day": 3, "hour": 4}[unit]
    one, other = locals_
    alike_ = one.timetuple()[:depth] == other.timetuple()[:depth]
    return alike_ and (unit != "hour" or one.utcoffset() == other.utcoffset())


# --- what the two are compared on ------------------------------------------------------

#: Clocks here change by whole hours and never across midnight, as local comparison needs.
ZONES = [UTC, *map(ZoneInfo, ("Europe/Warsaw", "America/New_York", "Asia/Kathmandu"))]

TEXTS = [
    "", "a", "A", "ab", "B", "ß", "SS", "ss", "Straße", "STRASSE", "İ", "i", "é", "e\u0301", "5",
    "5.0", "1e2", "01", " 5", "-0", "1E+999999999999999999", "NaN", "9" * 4_400, "x" * 10_000,
    "true", "null", "\x00", "P7D", "PT1H", "P", "P1M",
]  # fmt: skip
TIMES = [
    "2024-06-10", "2024-06-10T09:15:30Z", "2024-06-10T11:15:30+02:00", "2024-06-10 09:15",
    "2024-06-10t09:15:30.5z", "2024-06-10T09:15:30,123456789", "2024-06-10T24:00:00Z",
    "2024-02-30", "0001-01-01", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59",
    "2024-03-31T02:30:00", "2024-10-27T02:30:00", "2024-10-27T02:30:00+02:00", "2024-06-11",
    "2024-06-09T22:00:00Z", "2024-12-31T23:30:00Z", "2025-01-01", "2024-06-10T09:60:00Z",
    "2024-06-10T11:15:30+02", "2024-06-10 09:15:30+00", "20240610T091530Z", "20240610T1115+0200",
    "2024-06-10T09:14:60Z", "2024-06-09T24:00", "9999-12-31", "2024-06-10T23:59:59.999999",
]  # fmt: skip
NUMBERS = [
    0, 1, 2, -1, 5, 100, Decimal("1.0"), Decimal("5.0"), Decimal("0.1"), Decimal("-0.0"), 2**63,
    2**63 + 1, 10**4_000, Decimal("1E+999999999999999999"), Decimal("1E-999999999999999999"),
]  # fmt: skip

texts = st.sampled_from(TEXTS + TIMES) | strategies.texts
numbers = st.sampled_from(NUMBERS) | strategies.numbers
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
arrays = st.lists(scalars, max_size=4)
objects = st.fixed_dictionaries({}, optional={"x": scalars, "y": scalars, "in": arrays})
values = st.one_of(scalars, scalars, arrays, objects, st.lists(objects, max_size=3))

NAMES = ["a", "b", "c", "d"]
bodies = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, values)) | st.lists(
    values, max_size=3
)
headers = st.fixed_dictionaries({}, optional={"x-a": texts, "x-b": st.lists(texts, min_size=2)})

LABELS = [
    *(f"body.{name}" for name in NAMES), "body.a.x", "body.b[0]", "body.c[1].y", "body[0]",
    "body.a[*]", "body.b[*].x", "body.c[*].in[*]", "body.missing", "body", "headers.x-a",
    "headers.x-b[1]",
]  # fmt: skip
labels = st.sampled_from(LABELS)

UNITS = ["hour", "day", "month", "year"]
DURATIONS = ["PT1S", "PT1H", "P1D", "P7D", "P52W", "P36525D", "P1DT12H30M5S"]
PATTERNS = ["a", "^a", "a$", "^$", "[0-9]+", "5|b", "x{3}", "(?i)A"]

times = st.sampled_from([text for text in TIMES if time_of(text, UTC) is not None])
OPERANDS: dict[str, st.SearchStrategy[Any]] = {
    "string": texts,
    "strings": st.lists(texts, min_size=1, max_size=3),
    "pattern": st.sampled_from(PATTERNS),
    "number": numbers,
    "numbers": st.lists(numbers, min_size=1, max_size=3),
    "number pair": st.lists(numbers, min_size=2, max_size=2).map(sorted),
    "datetime": times,
    "datetime pair": st.lists(times, min_size=2, max_size=2).filter(
        lambda ends: all(
            time_of(ends[0], zone)[0] <= time_of(ends[1], zone)[0]  # type: ignore[index]
            for zone in ZONES
        )
    ),
    "duration": st.sampled_from(DURATIONS),
    "unit": st.sampled_from(UNITS),
    "count": st.integers(0, 4) | st.just(Decimal("2.0")),
    "value": scalars,
}


@st.composite
def leaves(draw: st.DrawFn, prefix: str = "") -> dict[str, Any]:
    """Draw a leaf; with a prefix, one on an element."""
    places = [prefix, prefix + ".x", prefix + ".y"] if prefix else LABELS
    row: Operator = draw(st.sampled_from(OPERATORS))
    leaf: dict[str, Any] = {"parameter": draw(st.sampled_from(places)), "operator": row.name}
    if row.operand == "condition":
        leaf["value"] = draw(conditions(leaf["parameter"] + "[*]", 2))
        return leaf
    if row.operand in ("none", "pattern", "unit") or draw(st.integers(0, 4)):
        if row.operand != "none":
            leaf["value"] = draw(OPERANDS[row.operand])
    else:
        leaf["value"] = {"parameter": draw(st.sampled_from([*places, *LABELS]))}
    explicit = row.type in ("number", "datetime", "string", "array")
    if (row.name == "equals" and row.type == "datetime") or (explicit and draw(st.booleans())):
        leaf["type"] = row.type
    if draw(st.booleans()) and row.operand in ("string", "strings", "value"):
        leaf["ignore_case"] = True
    return leaf


def conditions(prefix: str = "", max_leaves: int = 6) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a condition's JSON form; with a prefix, each leaf is on an element."""
    return st.recursive(
        leaves(prefix),
        lambda parts: st.one_of(
            st.builds(lambda each: {"all": each}, st.lists(parts, min_size=1, max_size=3)),
            st.builds(lambda each: {"any": each}, st.lists(parts, min_size=1, max_size=3)),
            st.builds(lambda each: {"not": each}, parts),
        ),
        max_leaves=max_leaves,
    ).filter(is_shallow)


#: Around the times above, so that "in the last" and "current" have something to find.
moments_ms = st.sampled_from(
    [1_718_010_930_000, 1_717_970_400_000, 1_711_848_600_000, 1_729_990_800_000, 0]
) | st.integers(1_704_000_000_000, 1_736_000_000_000)

worlds = st.builds(World, bodies, headers, moments_ms, st.sampled_from(ZONES))
