"""Conditions written in Python: ``(P.body.priority == "high") & ~P.body.tags.contains("test")``.

:data:`P` names a parameter by attributes or items. Its methods are the operators of
:data:`~nbincoming.core.conditions.operators.OPERATORS`. If a member has the name of a method, or
starts with an underscore, write it as an item: ``P.body["contains"]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any, Final

from pydantic import ValidationError

from nbincoming.core.conditions.operators import BY_NAME
from nbincoming.core.conditions.tree import (
    Condition,
    ElementLeaf,
    Leaf,
    Node,
)
from nbincoming.core.problems import problems_of
from nbincoming.core.request.labels import ELEMENTS, Path, format_path, parse
from nbincoming.errors import ConditionError, SpecError


class Parameter:
    """A parameter; comparing it gives a condition.

    A value can be a text, number, boolean, date, duration (a :class:`~datetime.timedelta`) or
    another parameter.
    """

    __slots__ = ("_options", "_path")

    def __init__(self, path: Path, options: dict[str, Any] | None = None) -> None:
        self._path = path
        self._options = options or {}

    def __getattr__(self, name: str) -> Parameter:
        if name.startswith("_"):  # copy, pickle and displays ask for these
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, segment: str | int) -> Parameter:
        return Parameter((*self._path, segment), self._options)

    def __repr__(self) -> str:
        return f"P[{format_path(self._path)!r}]"

    def __str__(self) -> str:
        return format_path(self._path)

    __hash__ = None  # type: ignore[assignment]  # == returns a condition

    def __bool__(self) -> bool:
        raise ConditionError(f"{self!r} is not a value yet. Compare it, or use .exists().")

    def __iter__(self) -> Iterator[Parameter]:
        # Without this, iterating would call __getitem__ with 0, 1, 2 … for ever.
        raise ConditionError(f"{self!r} has no elements yet. Use .any_element() and the like.")

    def __contains__(self, value: object) -> bool:
        raise ConditionError(f"'in' needs a value, not a condition. Use {self!r}.contains().")

    def _is(self, operator: str, value: Any = None) -> Leaf:
        leaf = {"parameter": format_path(self._path), "operator": operator, **self._options}
        if _has_date(value) and any(row.type == "string" for row in BY_NAME[operator]):
            leaf.setdefault("type", "datetime")  # a date is not compared as text
        try:
            return Leaf.model_validate({**leaf, "value": _plain(value)})
        except ValidationError as error:
            raise SpecError(problems_of(error), source=f"{self!r}.{operator}") from None

    def as_number(self) -> Parameter:
        """Convert a text to a number before it is compared."""
        return Parameter(self._path, {**self._options, "type": "number"})

    def as_datetime(self) -> Parameter:
        """Convert a text to a date-time before it is compared."""
        return Parameter(self._path, {**self._options, "type": "datetime"})

    def ignoring_case(self) -> Parameter:
        """Ignore upper and lower case."""
        return Parameter(self._path, {**self._options, "ignore_case": True})

    def __eq__(self, value: object) -> Leaf:  # type: ignore[override]  # returns a condition
        if value is None:
            return self._is("is_null")
        if isinstance(_plain(value), bool):
            return self._is("is_true" if value else "is_false")
        return self._is("equals", value)

    def __ne__(self, value: object) -> Leaf:  # type: ignore[override]  # returns a condition
        if value is None:
            return self._is("is_not_null")
        if isinstance(_plain(value), bool):  # like not_equals, false if it is missing
            return self._is("is_false" if value else "is_true")
        return self._is("not_equals", value)

    def __lt__(self, value: Any) -> Leaf:
        return self._is("before" if isinstance(value, date) else "less_than", value)

    def __le__(self, value: Any) -> Leaf:
        return self._is("less_or_equal", value)

    def __gt__(self, value: Any) -> Leaf:
        return self._is("after" if isinstance(value, date) else "greater_than", value)

    def __ge__(self, value: Any) -> Leaf:
        return self._is("greater_or_equal", value)

    def contains(self, value: Any) -> Leaf:
        """Be true if the text contains this part, or the array this element."""
        return self._is("contains", value)

    def not_contains(self, value: Any) -> Leaf:
        """Be true if the value is a text or array that does not contain it."""
        return self._is("not_contains", value)

    def starts_with(self, value: Any) -> Leaf:
        """Be true if the text starts with it."""
        return self._is("starts_with", value)

    def not_starts_with(self, value: Any) -> Leaf:
        """Be true if the value is a text that does not start with it."""
        return self._is("not_starts_with", value)

    def ends_with(self, value: Any) -> Leaf:
        """Be true if the text ends with it."""
        return self._is("ends_with", value)

    def not_ends_with(self, value: Any) -> Leaf:
        """Be true if the value is a text that does not end with it."""
        return self._is("not_ends_with", value)

    def matches(self, pattern: str) -> Leaf:
        """Be true if the pattern, in RE2 syntax, is found in the text."""
        return self._is("matches_regex", pattern)

    def not_matches(self, pattern: str) -> Leaf:
        """Be true if the value is a text in which the pattern is not found."""
        return self._is("not_matches_regex", pattern)

    def is_in(self, values: Any) -> Leaf:
        """Be true if the value is one of these."""
        return self._is("in", _listed(values))

    def not_in(self, values: Any) -> Leaf:
        """Be true if there is a value and it is none of these."""
        return self._is("not_in", _listed(values))

    def between(self, lower: Any, upper: Any) -> Leaf:
        """Be true if the number or date-time is in this range, both ends included.

        A date without a time as the upper end means the whole day.
        """
        return self._is("between", [lower, upper])

    def is_true(self) -> Leaf:
        """Be true if the value is ``true``."""
        return self._is("is_true")

    def is_false(self) -> Leaf:
        """Be true if the value is ``false``."""
        return self._is("is_false")

    def before(self, value: Any) -> Leaf:
        """Be true if the date-time is earlier."""
        return self._is("before", value)

    def after(self, value: Any) -> Leaf:
        """Be true if the date-time is later."""
        return self._is("after", value)

    def in_last(self, duration: str | timedelta | Parameter) -> Leaf:
        """Be true if the date-time is in the last days or hours: ``"P7D"``."""
        return self._is("in_last", duration)

    def in_next(self, duration: str | timedelta | Parameter) -> Leaf:
        """Be true if the date-time is in the next days or hours: ``"P7D"``."""
        return self._is("in_next", duration)

    def in_current(self, unit: str) -> Leaf:
        """Be true if the date-time is in the current hour, day, month or year."""
        return self._is("matches_current", unit)

    @property
    def length(self) -> Length:
        """The number of elements of the array; comparing it gives a condition."""
        return Length(self)

    def any_element(self, condition: Callable[[Parameter], Condition]) -> ElementLeaf:
        """Be true if the condition is true for one element.

        Examples
        --------
        >>> print(P.body.items.any_element(lambda item: (item.sku == "x") & (item.count > 2)))
        body.items has an element where (body.items[*].sku equals "x" and \
body.items[*].count is more than 2)
        """
        return self._elements("any_element", condition)

    def all_elements(self, condition: Callable[[Parameter], Condition]) -> ElementLeaf:
        """Be true if the array has elements and the condition is true for each."""
        return self._elements("all_elements", condition)

    def no_element(self, condition: Callable[[Parameter], Condition]) -> ElementLeaf:
        """Be true if the value is an array and the condition is true for no element."""
        return self._elements("no_element", condition)

    def _elements(self, operator: Any, condition: Callable[[Parameter], Condition]) -> ElementLeaf:
        inner = condition(Parameter((*self._path, ELEMENTS)))
        if not isinstance(inner, Node):
            raise ConditionError(
                f"{operator} needs a function that returns a condition, such as "
                "lambda item: item.price > 5."
            )
        try:
            return ElementLeaf(parameter=format_path(self._path), operator=operator, value=inner)
        except ValidationError as error:
            raise SpecError(problems_of(error), source=f"{self!r}.{operator}") from None

    def exists(self) -> Leaf:
        """Be true if the parameter is present; it may be null."""
        return self._is("exists")

    def missing(self) -> Leaf:
        """Be true if the parameter is missing."""
        return self._is("missing")

    def is_null(self) -> Leaf:
        """Be true if the value is null."""
        return self._is("is_null")

    def is_not_null(self) -> Leaf:
        """Be true if there is a value other than null."""
        return self._is("is_not_null")

    def is_empty(self) -> Leaf:
        """Be true if the text, array or object is empty."""
        return self._is("is_empty")

    def is_not_empty(self) -> Leaf:
        """Be true if there is a value that is neither null nor empty."""
        return self._is("is_not_empty")


class Length:
    """The number of elements of an array; comparing it gives a condition."""

    __slots__ = ("_of",)

    def __init__(self, of: Parameter) -> None:
        self._of = of

    __hash__ = None  # type: ignore[assignment]  # == makes a condition

    def __bool__(self) -> bool:
        raise ConditionError(f"{self._of!r}.length is not a number yet. Compare it.")

    def __eq__(self, count: object) -> Leaf:  # type: ignore[override]  # returns a condition
        return self._of._is("length_equals", count)

    def __ne__(self, count: object) -> Leaf:  # type: ignore[override]  # returns a condition
        return self._of._is("length_not_equals", count)

    def __lt__(self, count: Any) -> Leaf:
        return self._of._is("length_less_than", count)

    def __le__(self, count: Any) -> Leaf:
        return self._of._is("length_less_or_equal", count)

    def __gt__(self, count: Any) -> Leaf:
        return self._of._is("length_greater_than", count)

    def __ge__(self, count: Any) -> Leaf:
        return self._of._is("length_greater_or_equal", count)


class Root:
    """Where parameters start: ``P.body`` and ``P.headers``, or ``P["body.order.id"]``."""

    __slots__ = ()

    @property
    def body(self) -> Parameter:
        """The body of the request."""
        return Parameter(("body",))

    @property
    def headers(self) -> Parameter:
        """The headers, by name in lower case: ``P.headers["x-event"]``."""
        return Parameter(("headers",))

    def __getitem__(self, label: str) -> Parameter:
        return Parameter(parse(label))

    def __repr__(self) -> str:
        return "P"


#: The root of all parameters.
P: Final = Root()


def _listed(values: Any) -> Any:
    match values:
        case set() | frozenset():  # the order of a set differs from run to run
            return sorted(values, key=lambda value: (type(value).__name__, value))
        case Parameter() | str():  # list() of a text would be its letters
            return values
        case Iterable():
            return list(values)
        case _:
            return values


def _plain(value: Any) -> Any:
    """Convert a Python value to a value of a spec."""
    match value:
        case Parameter():
            return {"parameter": format_path(value._path)}  # the leaf reports a wrong label
        case list() | tuple():
            return [_plain(item) for item in value]
        case date():  # a datetime is one, too
            return value.isoformat()
        case timedelta():
            return _duration(value)
        case _ if (
            type(value).__module__ == "numpy" and value.ndim == 0 and value.dtype.kind in "biuf"
        ):
            return value.item()  # a number or boolean of a DataFrame
        case _:
            return value


def _has_date(value: Any) -> bool:
    return isinstance(value, date) or (
        isinstance(value, list | tuple) and any(isinstance(item, date) for item in value)
    )


def _duration(length: timedelta) -> str:
    seconds = length // timedelta(seconds=1)
    if seconds < 0 or length % timedelta(seconds=1):
        raise ConditionError("Give a duration of whole seconds that is not negative.")
    days, seconds = divmod(seconds, 86_400)
    if not seconds:
        return f"P{days}D"
    return f"P{days}DT{seconds}S" if days else f"PT{seconds}S"
