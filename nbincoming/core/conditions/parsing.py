"""Conditions as text: reading and writing.

::

    condition = every ("or" every)*             "or" may be written ||
    every     = one ("and" one)*                "and" may be written &&
    one       = "not" one | "(" condition ")" | leaf      "not" may be written !
    leaf      = label operator value? ("(ignoring case)" | "(as a number)" | …)*
    operator  = its phrase, "is at least"; its name, "greater_or_equal"; or its sign, ">="
    value     = JSON | another label | 1 and 5, after "is between" | P7D | day
              | "(" condition ")", for the elements of an array

The text is the sentence of :meth:`~nbincoming.core.conditions.tree.Node.describe`, with values that
are not shortened. Labels are those of :mod:`nbincoming.core.request.labels`, but a name with one of
``( ) , = < > ! & |`` must be in brackets and quotes. Words may be in upper or lower case.

>>> condition = read_condition('body.total is at least 10 and not body.tags contains "test"')
>>> print(write_condition(condition))
body.total is at least 10 and not (body.tags contains "test")
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from nbincoming.core.conditions.label import Reference
from nbincoming.core.conditions.operators import BY_NAME, OPERATORS, Operator, Type
from nbincoming.core.conditions.tree import (
    WHOLE_DAY,
    All,
    AnyOf,
    Condition,
    ElementLeaf,
    Leaf,
    Not,
)
from nbincoming.core.problems import problems_of
from nbincoming.core.request.labels import ROOTS, format_path, parse
from nbincoming.core.request.values import Value, json_text
from nbincoming.errors import LabelError, SentenceError, quote

#: Deepest nesting that is read: deeper than a spec allows, and safe for Python's stack.
_MAX_DEPTH: Final = 60

_NAME: Final = r'[^\s.\[\]"(),=<>!&|\x00-\x1f\x7f\ud800-\udfff]+'
_LABEL: Final = re.compile(
    rf'(?:{"|".join(ROOTS)})(?:\.{_NAME}|\[[0-9]+\]|\["(?:[^"\\]|\\.)*"\]|\[\*\])*(?![^\s()=<>!&|,])'
)
_PLAIN: Final = re.compile(_NAME)
_SPACE: Final = re.compile(r"\s*")
_QUALIFIER: Final = re.compile(
    r"\(\s*(?:ignoring\s+(case)|as\s+an?\s+([a-z]+)|(to\s+the\s+end\s+of\s+that\s+day))\s*\)",
    re.I,
)
_BARE: Final = re.compile(r"[A-Za-z0-9.]+")
_AND: Final = re.compile(r"and\b|&&", re.I)
_OR: Final = re.compile(r"or\b|\|\|", re.I)
_NOT: Final = re.compile(r"not\b|!(?!=)", re.I)

_JSON: Final = json.JSONDecoder(parse_float=Decimal)

#: The operator of each sign; :func:`_sign_meaning` has the exceptions.
_SIGNS: Final = {
    "==": "equals",
    "!=": "not_equals",
    "<=": "less_or_equal",
    ">=": "greater_or_equal",
    "<": "less_than",
    ">": "greater_than",
    "=": "equals",
}
#: What a sign means before ``true``, ``false`` or ``null``, which have operators of their own.
_CONSTANTS: Final = {
    ("equals", None): "is_null",
    ("equals", True): "is_true",
    ("equals", False): "is_false",
    ("not_equals", None): "is_not_null",
    ("not_equals", True): "is_false",
    ("not_equals", False): "is_true",
}
_TIMES: Final = {"less_than": "before", "greater_than": "after"}


def _spellings() -> list[tuple[re.Pattern[str], str, tuple[Operator, ...]]]:
    """List the spellings of operators, the longest first: a pattern, the text, the rows."""
    rows: dict[str, list[Operator]] = {}
    for row in OPERATORS:
        for text in {row.phrase, row.name}:
            rows.setdefault(text, []).append(row)
    found = []
    for text in sorted(rows, key=len, reverse=True):
        words = r"\s+".join(map(re.escape, text.split()))
        found.append((re.compile(words + r"(?![\w])", re.I), text, tuple(rows[text])))
    for sign, name in _SIGNS.items():
        found.append((re.compile(re.escape(sign)), sign, BY_NAME[name]))
    return found


_SPELLINGS: Final = _spellings()


def write_condition(condition: Condition) -> str:
    """Write a condition as a text that :func:`read_condition` reads."""
    return condition.describe(name=_write_label, value=json_text)


def read_condition(text: str) -> Condition:
    """Read a condition from text.

    Raises
    ------
    SentenceError
        If the text is not a condition that a spec may contain. The message has the place and
        what is needed there.
    """
    reader = _Reader(text)
    condition = reader.condition(0)
    if reader.position < len(text):
        raise reader.stopped("write 'and' or 'or' before another condition")
    return condition


def _write_label(label: str) -> str:
    return format_path(parse(label), plain=_PLAIN)


_Model = TypeVar("_Model", bound=BaseModel)


class _Reader:
    """Reads a text from left to right; `position` is never at white space."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._skip(0)

    def condition(self, depth: int) -> Condition:
        def every() -> Condition:
            return self._joined(All, _AND, lambda: self._one(depth))

        return self._joined(AnyOf, _OR, every)

    def stopped(self, needed: str, position: int | None = None) -> SentenceError:
        position = self.position if position is None else position
        rest = self.text[position:]
        seen = quote(rest[:40]) if rest else "the end"
        return SentenceError(
            f"At character {position + 1}, before {seen}: {needed}.", position=position
        )

    def _joined(
        self, kind: type[All] | type[AnyOf], word: re.Pattern[str], part: Callable[[], Condition]
    ) -> Condition:
        start = self.position
        parts = [part()]
        while self._take(word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return self._build(kind, start, conditions=tuple(parts))

    def _one(self, depth: int) -> Condition:
        if depth > _MAX_DEPTH:
            raise self.stopped(f"this is nested deeper than {_MAX_DEPTH} levels; flatten it")
        start = self.position
        if self._take(_NOT):
            return self._build(Not, start, condition=self._one(depth + 1))
        if self.text.startswith("(", self.position):
            return self._parenthesized(depth)
        return self._leaf(depth)

    def _parenthesized(self, depth: int) -> Condition:
        if not self.text.startswith("(", self.position):
            raise self.stopped("write a condition in parentheses")
        self._skip(self.position + 1)
        inner = self.condition(depth + 1)
        if not self.text.startswith(")", self.position):
            raise self.stopped("write ')', or 'and' or 'or' and another condition")
        self._skip(self.position + 1)
        return inner

    def _leaf(self, depth: int) -> Condition:
        start = self.position
        parameter = self._label()
        if parameter is None:
            raise self.stopped("write a parameter, such as body.order.id or headers.x-event")
        rows, is_sign = self._operator()
        if rows[0].operand == "condition":
            inner = self._parenthesized(depth)
            members = {"parameter": parameter, "operator": rows[0].name, "value": inner}
            return self._build(ElementLeaf, start, **members)
        value = None if rows[0].operand == "none" else self._value(rows)
        before_qualifiers = self.position
        leaf: dict[str, Any] = {"parameter": parameter, **self._qualifiers()}
        whole_day = leaf.pop("whole_day", False)
        leaf["operator"] = _sign_meaning(rows, value, leaf.get("type")) if is_sign else rows[0].name
        if rows[0].name == "equals" and all(row.type == "datetime" for row in rows):
            leaf.setdefault("type", "datetime")  # "is at" is only for times
        if BY_NAME[leaf["operator"]][0].operand != "none":
            leaf["value"] = value
        made = self._build(Leaf, start, **leaf)
        if whole_day and not made.ends_with_whole_day():
            self.position = before_qualifiers
            raise self.stopped(
                f"leave out {WHOLE_DAY}, or write a range whose end is a date without a time"
            )
        return made

    def _label(self) -> str | None:
        match = _LABEL.match(self.text, self.position)
        if match is None:
            return None
        try:
            label = format_path(parse(match[0]))
        except LabelError as error:
            raise self.stopped(f"{error}".rstrip(".")) from None
        self._skip(match.end())
        return label

    def _operator(self) -> tuple[tuple[Operator, ...], bool]:
        for pattern, text, rows in _SPELLINGS:
            match = pattern.match(self.text, self.position)
            if match:
                self._skip(match.end())
                return rows, text in _SIGNS
        words = " ".join(self.text[self.position :].split()[:4])
        known = [text for _, text, _ in _SPELLINGS]
        near = {
            text: None
            for count in range(4, 0, -1)
            for text in get_close_matches(" ".join(words.split()[:count]), known, n=1, cutoff=0.6)
        }
        hint = f"perhaps {' or '.join(map(repr, list(near)[:3]))}" if near else "such as 'equals'"
        raise self.stopped(f"write an operator, {hint}")

    def _value(self, rows: tuple[Operator, ...]) -> Value | Reference:
        operand, start = rows[0].operand, self.position
        label = self._label()
        if label is not None:
            return self._build(Reference, start, parameter=label)
        if operand in ("unit", "duration") and not self.text.startswith('"', self.position):
            match = _BARE.match(self.text, self.position)
            if match is None:
                raise self.stopped(f"write a value, such as {rows[0].example}")
            self._skip(match.end())
            return match[0]
        first = self._json(rows[0])
        if operand.endswith("pair") and type(first) is not list:
            if not self._take(_AND):
                raise self.stopped("write 'and' and the upper end")
            return [first, self._json(rows[0])]
        return first

    def _json(self, row: Operator) -> Value:
        try:
            value, end = _JSON.raw_decode(self.text, self.position)
        except (ValueError, RecursionError):
            example = "a pattern in quotes" if row.operand == "pattern" else "a value"
            raise self.stopped(
                f"write {example}, such as {json_text(row.example)}, or a parameter; put text "
                'in "quotes"'
            ) from None
        self._skip(end)
        return value

    def _qualifiers(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while match := _QUALIFIER.match(self.text, self.position):
            if match[1]:
                found["ignore_case"] = True
            elif match[3]:
                found["whole_day"] = True
            elif match[2].lower() in get_args(Type):
                found["type"] = match[2].lower()
            else:
                raise self.stopped(f"write one of the types {', '.join(get_args(Type))}")
            self._skip(match.end())
        return found

    def _build(self, model: type[_Model], start: int, **members: Any) -> _Model:
        try:
            return model.model_validate(members)
        except ValidationError as error:
            # Leave out the places, which are in the JSON form and not in the text.
            needed = " ".join(problem.message for problem in problems_of(error))
            raise self.stopped(needed.rstrip("."), start) from None

    def _take(self, word: re.Pattern[str]) -> bool:
        match = word.match(self.text, self.position)
        if match:
            self._skip(match.end())
        return match is not None

    def _skip(self, position: int) -> None:
        space = _SPACE.match(self.text, position)
        assert space is not None  # it matches an empty text, too
        self.position = space.end()


def _sign_meaning(rows: tuple[Operator, ...], value: Value | Reference, type_: str | None) -> str:
    """Return the operator that a sign means before a value."""
    name = rows[0].name
    if value is None or isinstance(value, bool):
        return _CONSTANTS.get((name, value), name)
    if type_ == "datetime":
        return _TIMES.get(name, name)
    return name
