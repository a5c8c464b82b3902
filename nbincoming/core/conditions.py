"""The tree of conditions: what it may say, what it means, why it held.

Conditions are two-valued and total: nothing raises at run time. A leaf on a missing or
wrongly typed value is false, negative operators included; ``not`` is plain negation.

A tree is compiled once to closures that resolve just the parameters they name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from nbincoming.core.labels import ELEMENTS, Path, format_path, parse
from nbincoming.core.operators import (
    BY_NAME,
    ELEMENT_OPERATORS,
    OPERATORS,
    WHEN_MISSING,
    Context,
    OperandError,
    Operator,
    Type,
    convert,
    prepare,
)
from nbincoming.core.parameters import Parameters, is_secret, resolve
from nbincoming.core.values import KINDS, MISSING, Missing, Value, exact, json_text
from nbincoming.errors import ConditionError, LabelError, quote

#: Values by root, and by the label of a bound element inside an element condition.
Scope = Mapping[str, Value]
#: ``test(scope, now_ms) -> bool``
Test = Callable[[Scope, int], bool]

#: Deepest nesting of groups: far beyond what a person can read.
MAX_NESTING: Final = 20


def check_label(label: str) -> str:
    """Bring a label to its canonical form, or refuse it."""
    try:
        path = parse(label)
    except LabelError as error:
        raise ValueError(f"{error}") from error
    if is_secret(path):
        raise ValueError(
            f"{quote(label)} carries credentials, which neither conditions nor keys may read. "
            "Choose another parameter."
        )
    return format_path(path)


#: A parameter's label in its canonical form.
Label = Annotated[str, AfterValidator(check_label)]


def _check_exact(value: object) -> Value:
    try:
        return exact(value)
    except TypeError as error:
        raise ValueError(f"{error} Write a text, number, list, true, false or null.") from error


class Node(BaseModel):
    """What every condition can do: combine, be read, be written."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def __and__(self, other: object) -> All:
        return All(conditions=(*_parts(All, self), *_parts(All, _condition(other))))

    def __or__(self, other: object) -> AnyOf:
        return AnyOf(conditions=(*_parts(AnyOf, self), *_parts(AnyOf, _condition(other))))

    def __invert__(self) -> Not:
        return Not(condition=cast("Condition", self))

    def __bool__(self) -> bool:
        raise ConditionError(
            "A condition has no truth value by itself. Combine conditions by & (and), | (or) "
            "and ~ (not), with parentheses around each comparison."
        )

    def __str__(self) -> str:
        return describe(cast("Condition", self))

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
        raise NotImplementedError


class Reference(BaseModel):
    """The value of another parameter, in place of a value of one's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameter: Label


class Leaf(Node):
    """A parameter compared with a value.

    Attributes
    ----------
    parameter : str
        Label of the parameter.
    operator : str
        Name of a row of :data:`~nbincoming.core.operators.OPERATORS`.
    value : optional
        What to compare with, or :class:`Reference` to another parameter.
    type : str, optional
        Use only the operator's row for this type; ``number`` and ``datetime`` also
        convert a string value. Without it, the row is the one for the value seen.
    ignore_case : bool
        Compare strings case-folded.
    """

    parameter: Label
    operator: Annotated[str, AfterValidator(lambda name: _known_operator(name))]
    value: Annotated[Value | Reference, BeforeValidator(lambda value: _operand(value))] = None
    type: Type | None = None
    ignore_case: bool = False

    @model_validator(mode="after")
    def _check_rows(self) -> Self:
        try:
            rows(self)
        except ValueError as error:
            # The place is the value's, which only the whole leaf can judge.
            raise PydanticCustomError("leaf", "{text}", {"text": str(error), "member": "value"})
        return self

    def data(self) -> dict[str, Value]:
        data: dict[str, Value] = {"parameter": self.parameter, "operator": self.operator}
        if isinstance(self.value, Reference):
            data["value"] = {"parameter": self.value.parameter}
        elif BY_NAME[self.operator][0].operand != "none":
            data["value"] = self.value
        if self.type is not None:
            data["type"] = self.type
        if self.ignore_case:
            data["ignore_case"] = True
        return data


class ElementLeaf(Node):
    """An array whose elements are asked a condition, all of it on the same element.

    Attributes
    ----------
    parameter : str
        Label of the array, such as ``body.items``.
    operator : str
        ``any_element``, ``all_elements`` or ``no_element``.
    value : Condition
        In it, ``body.items[*]`` stands for the element: ``body.items[*].price``.
    """

    parameter: Label
    operator: Literal["any_element", "all_elements", "no_element"]
    value: Condition
    type: Literal["array"] | None = None

    def data(self) -> dict[str, Value]:
        data = {
            "parameter": self.parameter,
            "operator": self.operator,
            "value": self.value.data(),
        }
        return data if self.type is None else {**data, "type": self.type}


class All(Node):
    """Holds where each of its conditions holds."""

    conditions: Annotated[tuple[Condition, ...], Field(alias="all", min_length=1)]

    word: ClassVar[str] = "and"

    def data(self) -> dict[str, Value]:
        return {"all": [condition.data() for condition in self.conditions]}


class AnyOf(Node):
    """Holds where at least one of its conditions holds."""

    conditions: Annotated[tuple[Condition, ...], Field(alias="any", min_length=1)]

    word: ClassVar[str] = "or"

    def data(self) -> dict[str, Value]:
        return {"any": [condition.data() for condition in self.conditions]}


class Not(Node):
    """Holds where its condition does not."""

    condition: Annotated[Condition, Field(alias="not")]

    def data(self) -> dict[str, Value]:
        return {"not": self.condition.data()}


def _tag(value: object) -> str | None:
    """Tell the kinds of condition apart by their members, as a reader would."""
    if isinstance(value, Node):
        return f"<{type(value).__name__}>"
    if not isinstance(value, Mapping):
        return None
    for member, tag in (("all", "<All>"), ("any", "<AnyOf>"), ("not", "<Not>")):
        if member in value:
            return tag
    return "<ElementLeaf>" if value.get("operator") in ELEMENT_OPERATORS else "<Leaf>"


#: Any condition.
Condition: TypeAlias = Annotated[
    Annotated[Leaf, Tag("<Leaf>")]
    | Annotated[ElementLeaf, Tag("<ElementLeaf>")]
    | Annotated[All, Tag("<All>")]
    | Annotated[AnyOf, Tag("<AnyOf>")]
    | Annotated[Not, Tag("<Not>")],
    Discriminator(
        _tag,
        custom_error_type="condition",
        custom_error_message='Write a condition: {"parameter": …, "operator": …, "value": …}, '
        '{"all": […]}, {"any": […]} or {"not": {…}}',
    ),
]

for _model in (ElementLeaf, All, AnyOf, Not):
    _model.model_rebuild()


def _operand(value: object) -> Value | Reference:
    if isinstance(value, Reference):
        return value
    if isinstance(value, Mapping):
        if set(value) != {"parameter"} or not isinstance(value["parameter"], str):
            raise ValueError('Write another parameter as {"parameter": "body.total"}.')
        return Reference(parameter=check_label(value["parameter"]))
    return _check_exact(value)


def _known_operator(name: str) -> str:
    if name not in BY_NAME:
        near = get_close_matches(name, BY_NAME, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Choose of {', '.join(BY_NAME)}."
        raise ValueError(f"{quote(name)} is not an operator. {hint}")
    return name


def _condition(value: object) -> Condition:
    if not isinstance(value, Node):
        raise ConditionError(
            f"A condition combines with a condition, not with {type(value).__name__} "
            f"{quote(value)}. Put parentheses around each comparison."
        )
    return cast("Condition", value)


def _parts(group: type[All] | type[AnyOf], node: Node) -> tuple[Condition, ...]:
    return node.conditions if isinstance(node, group) else (cast("Condition", node),)


def rows(leaf: Leaf, zone: tzinfo = UTC) -> tuple[tuple[Operator, Any], ...]:
    """Find the rows of the table that a leaf means, each with its prepared operand.

    Operands that refer to another parameter are prepared for each request instead; for
    those the operand is None.

    Raises
    ------
    ValueError
        If there is none, saying what would be needed.
    """
    named = BY_NAME[leaf.operator]
    typed = [row for row in named if leaf.type in (None, row.type)]
    if not typed:
        types = " or ".join(row.type for row in named)
        raise ValueError(f"{leaf.operator} applies to {types}, not to {leaf.type}.")
    if leaf.type is None and any(row.type == "string" for row in typed):
        # Without "type": "datetime" a text is a text.
        typed = [row for row in typed if row.type != "datetime"]
    context = Context(zone, leaf.ignore_case)
    found, needs = [], []
    for row in typed:
        if isinstance(leaf.value, Reference):
            if row.operand in ("none", "pattern", "unit"):
                needs.append("this operator cannot take its value from another parameter")
            else:
                found.append((row, None))
        elif row.operand == "none" and leaf.value is not None:
            needs.append("leave the value out")
        else:
            try:
                found.append((row, prepare(row.operand, leaf.value, context)))
            except OperandError as error:
                needs.append(f"{error}")
    if not found:
        raise ValueError(
            f"{quote(leaf.value)} is no value for {leaf.operator}: "
            + "; or ".join(dict.fromkeys(needs))
            + "."
        )
    return tuple(found)


# --- meaning ---------------------------------------------------------------------------


def compile_condition(condition: Condition, zone: tzinfo = UTC) -> Test:
    """Compile a condition to ``test(scope, now_ms) -> bool``.

    Parameters
    ----------
    condition
        A validated tree.
    zone
        Time zone of date-times without an offset.
    """
    return _compile(condition, zone, ())


def matches(
    condition: Condition, parameters: Parameters, *, now_ms: int = 0, zone: tzinfo = UTC
) -> bool:
    """Tell whether a condition holds; compile it yourself to ask more than once."""
    return compile_condition(condition, zone)(parameters.roots(), now_ms)


def _compile(condition: Condition, zone: tzinfo, bound: tuple[str, ...]) -> Test:
    match condition:
        case All(conditions=parts):
            return _every([_compile(part, zone, bound) for part in parts])
        case AnyOf(conditions=parts):
            return _some([_compile(part, zone, bound) for part in parts])
        case Not(condition=part):
            test = _compile(part, zone, bound)
            return lambda scope, now: not test(scope, now)
        case ElementLeaf():
            return _compile_element(condition, zone, bound)
        case Leaf():
            return _compile_leaf(condition, zone, bound)


def _every(tests: list[Test]) -> Test:
    # A loop: all() over a generator costs more than the leaves themselves.
    def test(scope: Scope, now: int) -> bool:
        for each in tests:
            if not each(scope, now):
                return False
        return True

    return test


def _some(tests: list[Test]) -> Test:
    def test(scope: Scope, now: int) -> bool:
        for each in tests:
            if each(scope, now):
                return True
        return False

    return test


def _compile_leaf(leaf: Leaf, zone: tzinfo, bound: tuple[str, ...]) -> Test:
    get = getter(leaf.parameter, bound)
    if leaf.operator == WHEN_MISSING:
        return lambda scope, now: get(scope) is MISSING
    context = Context(zone, leaf.ignore_case)
    explicit = leaf.type is not None
    if isinstance(leaf.value, Reference):
        return _compile_reference(leaf, get, getter(leaf.value.parameter, bound), context)
    by_type: dict[type, Callable[[Value, int], bool]] = {}
    for seen_type, seen_kind in KINDS.items():
        for row, operand in rows(leaf, zone):
            if _admits(row, seen_kind, explicit=explicit):
                by_type[seen_type] = _row_test(row, operand, context, explicit=explicit)
                break
    find = by_type.get

    def test(scope: Scope, now: int) -> bool:
        value = get(scope)
        row_test = find(type(value))
        return row_test is not None and row_test(value, now)

    return test


def _row_test(
    row: Operator, operand: Any, context: Context, *, explicit: bool
) -> Callable[[Value, int], bool]:
    compare = row.test
    plain = row.type in ("any", "boolean") or (row.type == "number" and not explicit)
    if plain or (row.type in ("string", "array") and not context.ignore_case):
        # The value is used as it is, so the common case skips the conversion.
        return lambda value, now: compare(value, operand, now)

    def test(value: Value, now: int) -> bool:
        seen = convert(row, value, context, explicit=explicit)
        return seen is not MISSING and compare(seen, operand, now)

    return test


def _compile_reference(
    leaf: Leaf,
    get: Callable[[Scope], Value | Missing],
    get_other: Callable[[Scope], Value | Missing],
    context: Context,
) -> Test:
    explicit = leaf.type is not None
    candidates = [row for row, _ in rows(leaf, context.zone)]

    def test(scope: Scope, now: int) -> bool:
        value, other = get(scope), get_other(scope)
        if value is MISSING or other is MISSING:
            return False
        for row in candidates:
            seen = convert(row, value, context, explicit=explicit)
            if seen is MISSING:
                continue
            if row.operand == "number":
                # the other side converts just as this one does
                other = convert(row, other, context, explicit=explicit)
            try:
                return row.test(seen, prepare(row.operand, other, context), now)
            except OperandError:
                continue
        return False

    return test


def _compile_element(leaf: ElementLeaf, zone: tzinfo, bound: tuple[str, ...]) -> Test:
    get = getter(leaf.parameter, bound)
    element = leaf.parameter + "[*]"
    inner = _compile(leaf.value, zone, (*bound, element))
    row = BY_NAME[leaf.operator][0]

    def test(scope: Scope, now: int) -> bool:
        array = get(scope)
        if type(array) is not list:
            return False
        return row.test(array, lambda value: inner({**scope, element: value}, now), now)

    return test


def _admits(row: Operator, seen: str, *, explicit: bool) -> bool:
    if row.type == "any" or row.type == seen:
        return True
    return seen == "string" and (row.type == "datetime" or (row.type == "number" and explicit))


def getter(label: str, bound: tuple[str, ...] = ()) -> Callable[[Scope], Value | Missing]:
    """Compile a label to a function that finds its value in a scope.

    Parameters
    ----------
    label
        A canonical label.
    bound
        Labels of the elements in whose conditions this one stands, outermost first.
    """
    path = parse(label)
    root = str(path[0])
    rest: Path = path[1:]
    for element in reversed(bound):
        prefix = parse(element)
        if path[: len(prefix)] == prefix:
            root, rest = element, path[len(prefix) :]
            break
    if all(type(segment) is str for segment in rest):

        def get_member(scope: Scope) -> Value | Missing:
            value = scope[root]
            for name in rest:
                if type(value) is not dict:
                    return MISSING
                value = value.get(name, MISSING)
            return value

        return get_member
    return lambda scope: resolve(scope[root], rest)


# --- words -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a condition did or did not hold.

    Attributes
    ----------
    holds : bool
        The condition's value.
    sentence : str
        The condition in words.
    reason : str
        What was seen, for a leaf; how many parts hold, for a group.
    parameter : str
        Label of a leaf; empty for a group.
    seen
        A leaf's value, or :data:`~nbincoming.core.values.MISSING`.
    kind : str
        Kind of the value seen, or ``"missing"``; empty for a group.
    parts : tuple of Explanation
        The parts of a group.
    """

    holds: bool
    sentence: str
    reason: str
    parameter: str = ""
    seen: Value | Missing = MISSING
    kind: str = ""
    parts: tuple[Explanation, ...] = ()

    def leaves(self) -> Iterator[Explanation]:
        """Yield the leaves, in reading order."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def __str__(self) -> str:
        return "\n".join(self._lines(0))

    def _lines(self, depth: int) -> Iterator[str]:
        mark = "✓" if self.holds else "✗"
        yield f"{'  ' * depth}{mark} {self.sentence if not self.parts else ''}— {self.reason}"
        for part in self.parts:
            yield from part._lines(depth + 1)


def explain(
    condition: Condition, parameters: Parameters, *, now_ms: int = 0, zone: tzinfo = UTC
) -> Explanation:
    """Say leaf by leaf what a condition saw; it holds exactly where :func:`matches` does."""
    return _explain(condition, parameters.roots(), now_ms, zone)


def _explain(condition: Condition, scope: Scope, now_ms: int, zone: tzinfo) -> Explanation:
    match condition:
        case All(conditions=conditions) | AnyOf(conditions=conditions):
            parts = tuple(_explain(part, scope, now_ms, zone) for part in conditions)
            count = sum(part.holds for part in parts)
            holds = count == len(parts) if isinstance(condition, All) else count > 0
            wanted = "all" if isinstance(condition, All) else "any"
            return Explanation(
                holds,
                describe(condition),
                f"{count} of {len(parts)} hold, {wanted} needed",
                parts=parts,
            )
        case Not(condition=inner):
            part = _explain(inner, scope, now_ms, zone)
            reason = "the part does not hold" if not part.holds else "the part holds"
            return Explanation(not part.holds, describe(condition), reason, parts=(part,))
        case Leaf() | ElementLeaf():
            holds = _compile(condition, zone, ())(scope, now_ms)
            seen = getter(condition.parameter)(scope)
            return Explanation(
                holds,
                describe(condition),
                _reason(condition, seen, scope, zone),
                parameter=condition.parameter,
                seen=seen,
                kind="missing" if seen is MISSING else KINDS[type(seen)],
            )


def _reason(leaf: Leaf | ElementLeaf, seen: Value | Missing, scope: Scope, zone: tzinfo) -> str:
    if seen is MISSING:
        return "it is missing"
    seen_kind = KINDS[type(seen)]
    shown = shorten(seen)
    if isinstance(leaf, ElementLeaf):
        return (
            f"it has {len(seen)} elements"
            if seen_kind == "array"
            else f"it is {shown}, not an array"
        )
    explicit = leaf.type is not None
    meant = [row for row, _ in rows(leaf, zone)]
    admitted = [row for row in meant if _admits(row, seen_kind, explicit=explicit)]
    if not admitted:
        types = " or ".join(dict.fromkeys(row.type for row in meant))
        article = "an" if types[0] in "aeiou" else "a"
        return f"it is {shown}, a value of type {seen_kind}, not {article} {types}"
    context = Context(zone, leaf.ignore_case)
    if all(convert(row, seen, context, explicit=explicit) is MISSING for row in admitted):
        return f"it is {shown}, which cannot be read as a {admitted[0].type}"
    if isinstance(leaf.value, Reference):
        other = getter(leaf.value.parameter)(scope)
        return f"it is {shown} and {leaf.value.parameter} is " + (
            "missing" if other is MISSING else shorten(other)
        )
    return f"it is {shown}"


def shorten(value: Value, limit: int = 60) -> str:
    """Show a value as JSON on one line, cut to `limit` characters."""
    if type(value) is str and len(value) > limit:
        value = value[: limit - 1] + "…"
    text = json_text(value)
    return text if len(text) <= limit + 2 else text[: limit - 1] + "…"


def describe(condition: Condition) -> str:
    """Say a condition as an English sentence, without a full stop."""
    match condition:
        case All(conditions=conditions) | AnyOf(conditions=conditions):
            word = f" {condition.word} "
            return word.join(
                f"({describe(part)})" if isinstance(part, All | AnyOf) else describe(part)
                for part in conditions
            )
        case Not(condition=inner):
            return f"not ({describe(inner)})"
        case ElementLeaf():
            row = BY_NAME[condition.operator][0]
            return f"{condition.parameter} {row.phrase} ({describe(condition.value)})"
        case Leaf():
            row = rows(condition)[0][0]
            words = [condition.parameter, row.phrase]
            if isinstance(condition.value, Reference):
                words.append(condition.value.parameter)
            elif row.operand.endswith("pair"):
                words.append(" and ".join(map(shorten, condition.value)))
            elif row.operand in ("unit", "duration"):
                words.append(condition.value)
            elif row.operand != "none":
                words.append(shorten(condition.value))
            if condition.ignore_case:
                words.append("(ignoring case)")
            if condition.type in ("number", "datetime") and row.type != "any":
                words.append(f"(as a {condition.type})")
            return " ".join(words)


def leaves(condition: Condition) -> Iterator[Leaf | ElementLeaf]:
    """Yield the leaves in reading order, those of element conditions included."""
    match condition:
        case All(conditions=conditions) | AnyOf(conditions=conditions):
            for part in conditions:
                yield from leaves(part)
        case Not(condition=inner):
            yield from leaves(inner)
        case ElementLeaf():
            yield condition
            yield from leaves(condition.value)
        case Leaf():
            yield condition


def referenced(condition: Condition) -> set[str]:
    """Gather the labels that a condition reads."""
    labels = set()
    for leaf in leaves(condition):
        labels.add(leaf.parameter)
        if isinstance(leaf, Leaf) and isinstance(leaf.value, Reference):
            labels.add(leaf.value.parameter)
    return labels


#: The types that a leaf may ask for.
TYPES: Final = get_args(Type)

__all__ = [
    "ELEMENTS", "OPERATORS", "TYPES", "All", "AnyOf", "Condition", "ElementLeaf", "Explanation",
    "Label", "Leaf", "Node", "Not", "Reference", "check_label", "compile_condition", "describe",
    "explain", "getter", "leaves", "matches", "referenced", "rows", "shorten",
]  # fmt: skip
