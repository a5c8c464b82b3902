"""Whether a condition is true for a request.

Evaluation never raises. If a value is missing or has the wrong type, its leaf is false, also with
a negative operator such as ``not_equals``; only ``missing`` is true. ``not`` negates any result.

A tree is compiled once to closures, which look up only the parameters that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Any, assert_never

from nbincoming.core.conditions.label import Reference
from nbincoming.core.conditions.operands import (
    Context,
    OperandError,
    Reader,
    as_it_is,
    prepare,
    read_operand,
    reader,
)
from nbincoming.core.conditions.operators import BY_NAME, WHEN_MISSING, Operator, RowTest
from nbincoming.core.conditions.tree import (
    All,
    AnyOf,
    Condition,
    ElementLeaf,
    Leaf,
    Not,
)
from nbincoming.core.request.labels import ELEMENTS, Path, parse
from nbincoming.core.request.parameters import Parameters, resolve
from nbincoming.core.request.values import KINDS, MISSING, Missing, Value

#: Values by root and, inside an :class:`ElementLeaf`, the element by its label.
Scope = Mapping[str, Value]
#: ``test(scope, now_ms) -> bool``
Test = Callable[[Scope, int], bool]
#: Finds a parameter's value.
Getter = Callable[[Scope], Any]


def compile_condition(condition: Condition, zone: tzinfo = UTC) -> Test:
    """Compile a condition to ``test(scope, now_ms) -> bool``.

    Parameters
    ----------
    zone
        Time zone of date-times without an offset.
    """
    return compile_bound(condition, zone, ())


def matches(
    condition: Condition, parameters: Parameters, *, now_ms: int = 0, zone: tzinfo = UTC
) -> bool:
    """Tell whether a condition is true; for many requests, compile it once."""
    return compile_condition(condition, zone)(parameters.roots(), now_ms)


def compile_bound(condition: Condition, zone: tzinfo, bound: tuple[str, ...]) -> Test:
    """Compile a condition that may be inside an :class:`ElementLeaf`.

    Parameters
    ----------
    bound
        For each :class:`ElementLeaf` around the condition, its `element`, outermost first.
    """
    match condition:
        case All(conditions=parts):
            return _every([compile_bound(part, zone, bound) for part in parts])
        case AnyOf(conditions=parts):
            return _some([compile_bound(part, zone, bound) for part in parts])
        case Not(condition=part):
            test = compile_bound(part, zone, bound)
            return lambda scope, now_ms: not test(scope, now_ms)
        case ElementLeaf():
            return _compile_element(condition, zone, bound)
        case Leaf():
            return _compile_leaf(condition, zone, bound)
        case _:
            assert_never(condition)


def _every(tests: list[Test]) -> Test:
    def test(scope: Scope, now_ms: int) -> bool:
        for each in tests:  # a loop, because all() is slower
            if not each(scope, now_ms):
                return False
        return True

    return test


def _some(tests: list[Test]) -> Test:
    def test(scope: Scope, now_ms: int) -> bool:
        for each in tests:
            if each(scope, now_ms):
                return True
        return False

    return test


def readings(leaf: Leaf, zone: tzinfo) -> dict[type, tuple[Operator, Any, Reader]]:
    """Return for each type of value the row, the prepared operand and the reader."""
    context = Context(zone, leaf.ignore_case)
    found: dict[type, tuple[Operator, Any, Reader]] = {}
    for row, operand in leaf.rows(zone):
        for seen, kind in KINDS.items():
            read = reader(row, kind, context, explicit=leaf.type is not None)
            if read is not None:
                found.setdefault(seen, (row, operand, read))
    return found


def _compile_leaf(leaf: Leaf, zone: tzinfo, bound: tuple[str, ...]) -> Test:
    get = getter(leaf.parameter, bound)
    if leaf.operator == WHEN_MISSING:
        return lambda scope, _: get(scope) is MISSING
    if isinstance(leaf.value, Reference):
        return _compile_reference(leaf, leaf.value, zone, bound)
    cases = {
        seen: (row.test if read is as_it_is else _reading(read, row.test), operand)
        for seen, (row, operand, read) in readings(leaf, zone).items()
    }
    at = BY_NAME[leaf.operator][0].at
    if at is not None:
        return _timed(get, cases, at)
    start, rest = _start(leaf.parameter, bound)
    if all(isinstance(segment, str) for segment in rest):
        return _plain(start, rest, cases)
    find = cases.get

    def test(scope: Scope, _: int) -> bool:
        value = get(scope)
        case = find(type(value))
        return case is not None and case[0](value, case[1])

    return test


def _plain(start: str, names: Path, cases: Mapping[type, tuple[RowTest, Any]]) -> Test:
    """Compile a path of member names into one function, because calls take most of the time."""
    find = cases.get

    def test(scope: Scope, _: int) -> bool:
        value = scope[start]
        try:
            for name in names:
                value = value[name]
        except (KeyError, TypeError):  # the member is missing, or the value is no object
            return False
        case = find(type(value))
        return case is not None and case[0](value, case[1])

    return test


def _timed(
    get: Getter, cases: Mapping[type, tuple[RowTest, Any]], at: Callable[[Any, int], Any]
) -> Test:
    find = cases.get

    def test(scope: Scope, now_ms: int) -> bool:
        value = get(scope)
        case = find(type(value))
        return case is not None and case[0](value, at(case[1], now_ms))

    return test


def _reading(read: Reader, test: RowTest) -> RowTest:
    def read_and_test(value: Value, operand: Any) -> bool:
        seen = read(value)
        return seen is not MISSING and test(seen, operand)

    return read_and_test


def _compile_reference(
    leaf: Leaf, reference: Reference, zone: tzinfo, bound: tuple[str, ...]
) -> Test:
    get, get_other = getter(leaf.parameter, bound), getter(reference.parameter, bound)
    context = Context(zone, leaf.ignore_case)
    explicit = leaf.type is not None
    find = readings(leaf, zone).get

    def test(scope: Scope, now_ms: int) -> bool:
        value, other = get(scope), get_other(scope)
        case = find(type(value))
        if case is None or other is MISSING:
            return False
        row, _, read = case
        seen = read(value)
        try:
            operand = prepare(row.operand, read_operand(row, other, explicit=explicit), context)
        except OperandError:
            return False
        if row.at is not None:
            operand = row.at(operand, now_ms)
        return seen is not MISSING and row.test(seen, operand)

    return test


def _compile_element(leaf: ElementLeaf, zone: tzinfo, bound: tuple[str, ...]) -> Test:
    get = getter(leaf.parameter, bound)
    label = leaf.element
    inner = compile_bound(leaf.value, zone, (*bound, label))
    row = BY_NAME[leaf.operator][0]

    def test(scope: Scope, now_ms: int) -> bool:
        array = get(scope)
        if type(array) is not list:
            return False
        within = {**scope}

        def holds(element: Value) -> bool:
            within[label] = element
            return inner(within, now_ms)

        return row.test(array, holds)

    return test


def getter(label: str, bound: tuple[str, ...] = ()) -> Getter:
    """Compile a label to a function that finds its value in a scope, or :data:`MISSING`.

    Parameters
    ----------
    bound
        As for :func:`compile_bound`.
    """
    start, rest = _start(label, bound)
    if any(segment is ELEMENTS for segment in rest):
        return lambda scope: resolve(scope[start], rest)
    steps: list[tuple[type[Any], Any]] = [
        (dict if isinstance(segment, str) else list, segment) for segment in rest
    ]

    def get(scope: Scope) -> Value | Missing:
        value = scope[start]
        for container, segment in steps:
            if type(value) is not container:
                return MISSING
            try:
                value = value[segment]
            except LookupError:
                return MISSING
        return value

    return get


def _start(label: str, bound: tuple[str, ...]) -> tuple[str, Path]:
    """Return the member of the scope where a label starts, and the rest of its path."""
    path = parse(label)
    for element in reversed(bound):
        prefix = parse(element)
        if path[: len(prefix)] == prefix:
            return element, path[len(prefix) :]
    return str(path[0]), path[1:]
