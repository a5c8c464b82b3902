"""The tree of conditions: its form in a spec, and its sentence.

:mod:`nbincoming.core.conditions.evaluation` says whether a condition is true,
:mod:`nbincoming.core.conditions.explain` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from difflib import get_close_matches
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    Self,
    TypeAlias,
    TypeVar,
    assert_never,
    cast,
)

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from nbincoming.core.conditions.label import Label, Reference, check_label
from nbincoming.core.conditions.operands import Context
from nbincoming.core.conditions.operators import BY_NAME, ELEMENT_OPERATORS, Operator, Type
from nbincoming.core.conditions.rows import rows_of
from nbincoming.core.moments import is_date
from nbincoming.core.problems import problems_of
from nbincoming.core.request.labels import ELEMENTS, parse
from nbincoming.core.request.values import Value, exact, shorten
from nbincoming.errors import ConditionError, SpecError, quote

#: Returns the name of a parameter in a sentence, given its label.
Name = Callable[[str], str]
#: Writes a value in a sentence.
WriteValue = Callable[[Value], str]

#: What a sentence adds to a range that ends with a date without a time.
WHOLE_DAY: Final = "(to the end of that day)"

_Combined = TypeVar("_Combined", bound="Node")

#: Deepest nesting of groups, far more than a person can read.
MAX_NESTING: Final = 20


def _check_exact(value: object) -> Value:
    try:
        return exact(value)
    except TypeError as error:
        raise ValueError(f"{error} Write a text, number, list, true, false or null.") from error


class Node(BaseModel):
    """Base of all conditions."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def __and__(self, other: object) -> All:
        return _combined(All, conditions=(*_parts(All, self), *_parts(All, other)))

    def __or__(self, other: object) -> AnyOf:
        return _combined(AnyOf, conditions=(*_parts(AnyOf, self), *_parts(AnyOf, other)))

    def __invert__(self) -> Not:
        return _combined(Not, condition=self)

    def __bool__(self) -> bool:
        raise ConditionError(
            "A condition has no truth value by itself. Combine conditions by & (and), | (or) "
            "and ~ (not), with parentheses around each comparison."
        )

    def __str__(self) -> str:
        return self.describe()

    def describe(self, *, name: Name = str, value: WriteValue = shorten) -> str:
        """Return the condition as an English sentence, without a full stop.

        Parameters
        ----------
        name
            Returns the name of a parameter, given its label.
        value
            Writes a value.
        """
        raise NotImplementedError

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _check_nesting(self) -> Self:
        if _nesting(self) > MAX_NESTING:
            raise ValueError(f"This is nested deeper than {MAX_NESTING} levels. Flatten it.")
        return self


class Leaf(Node):
    """A parameter compared with a value.

    Attributes
    ----------
    parameter : str
        Label of the parameter.
    operator : str
        Name of the operator, such as ``equals``.
    value : optional
        What to compare with: a constant or a :class:`Reference` to another parameter.
    type : str, optional
        The only type to compare; a text is converted to ``number`` or ``datetime``. By
        default, the type of the request's value decides.
    ignore_case : bool
        Ignore upper and lower case.
    """

    parameter: Label
    operator: Annotated[str, AfterValidator(lambda name: _known_operator(name))]
    value: Annotated[Value | Reference, BeforeValidator(lambda value: _operand(value))] = None
    type: Type | None = None
    ignore_case: bool = False

    @model_validator(mode="after")
    def _check_rows(self) -> Self:
        try:
            if "value" not in self.model_fields_set and BY_NAME[self.operator][0].operand != "none":
                raise ValueError(f"{self.operator} needs a value. Add one.")
            self.rows()
        except ValueError as error:
            # Report the problem at the value, although the check needs the whole leaf.
            context = {"text": str(error), "member": "value"}
            raise PydanticCustomError("leaf", "{text}", context) from error
        return self

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
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

    def describe(self, *, name: Name = str, value: WriteValue = shorten) -> str:
        """Return the sentence; see :meth:`Node.describe`."""
        row, _ = self.rows()[0]
        words = [name(self.parameter), row.phrase]
        if isinstance(self.value, Reference):
            words.append(name(self.value.parameter))
        elif row.operand.endswith("pair"):
            words.append(" and ".join(map(value, self.value)))
            if self.ends_with_whole_day():
                words.append(WHOLE_DAY)
        elif row.operand in ("unit", "duration"):
            words.append(self.value)
        elif row.operand != "none":
            words.append(value(self.value))
        if self.ignore_case:
            words.append("(ignoring case)")
        if self.type is not None and (self.type in ("number", "datetime") or self._is_restricted()):
            words.append(f"(as {with_article(self.type)})")
        return " ".join(words)

    def ends_with_whole_day(self) -> bool:
        """Tell whether this is a time range that ends with a date without a time."""
        row, _ = self.rows()[0]
        if row.operand != "datetime pair" or isinstance(self.value, Reference):
            return False
        return is_date(self.value[1])

    def _is_restricted(self) -> bool:
        """Tell whether the leaf would have more rows without its type."""
        untyped = self.model_copy(update={"type": None})
        return [row for row, _ in untyped.rows()] != [row for row, _ in self.rows()]

    def rows(self, zone: tzinfo = UTC) -> tuple[tuple[Operator, Any], ...]:
        """Return the result of :func:`~nbincoming.core.conditions.rows.rows_of`."""
        return rows_of(self.operator, self.value, self.type, Context(zone, self.ignore_case))


class ElementLeaf(Node):
    """A condition that is checked for each element of an array.

    Attributes
    ----------
    parameter : str
        Label of the array, such as ``body.items``.
    operator : str
        ``any_element``, ``all_elements`` or ``no_element``.
    value : Condition
        In it, ``body.items[*]`` is the element, as in ``body.items[*].price``.
    """

    parameter: Label
    operator: Literal["any_element", "all_elements", "no_element"]
    value: Condition
    type: Literal["array"] | None = None

    @property
    def element(self) -> str:
        """The label of the element in the condition."""
        return self.parameter + str(ELEMENTS.value)

    @model_validator(mode="after")
    def _check_reads_element(self) -> Self:
        element = parse(self.element)
        if not any(parse(label)[: len(element)] == element for label in referenced(self.value)):
            raise ValueError(
                f"This condition does not use the element. Write {self.element} for the element."
            )
        return self

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
        data = {
            "parameter": self.parameter,
            "operator": self.operator,
            "value": self.value.data(),
        }
        return data if self.type is None else {**data, "type": self.type}

    def describe(self, *, name: Name = str, value: WriteValue = shorten) -> str:
        """Return the sentence; see :meth:`Node.describe`."""
        phrase = BY_NAME[self.operator][0].phrase
        return f"{name(self.parameter)} {phrase} ({self.value.describe(name=name, value=value)})"


class All(Node):
    """True if all its conditions are true."""

    conditions: Annotated[tuple[Condition, ...], Field(alias="all", min_length=1)]

    word: ClassVar[str] = "and"

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
        return {"all": [condition.data() for condition in self.conditions]}

    def describe(self, *, name: Name = str, value: WriteValue = shorten) -> str:
        """Return the sentence; see :meth:`Node.describe`."""
        return _join("and", self.conditions, name, value)


class AnyOf(Node):
    """True if at least one of its conditions is true."""

    conditions: Annotated[tuple[Condition, ...], Field(alias="any", min_length=1)]

    word: ClassVar[str] = "or"

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
        return {"any": [condition.data() for condition in self.conditions]}

    def describe(self, *, name: Name = str, value: WriteValue = shorten) -> str:
        """Return the sentence; see :meth:`Node.describe`."""
        return _join("or", self.conditions, name, value)


class Not(Node):
    """True if its condition is false."""

    condition: Annotated[Condition, Field(alias="not")]

    def data(self) -> dict[str, Value]:
        """Return the JSON form."""
        return {"not": self.condition.data()}

    def describe(self, *, name: Name = str, value: WriteValue = shorten) -> str:
        """Return the sentence; see :meth:`Node.describe`."""
        return f"not ({self.condition.describe(name=name, value=value)})"


def _tag(value: object) -> str | None:
    """Return the tag of a condition's kind, found by its members."""
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
        hint = (
            f"Did you mean {' or '.join(near)}?" if near else f"Choose one of {', '.join(BY_NAME)}."
        )
        raise ValueError(f"{quote(name)} is not an operator. {hint}")
    return name


def _combined(model: type[_Combined], **members: object) -> _Combined:
    try:
        return model.model_validate(members)
    except ValidationError as error:
        raise SpecError(problems_of(error), source="The condition") from None


def _parts(group: type[All] | type[AnyOf], node: object) -> tuple[Condition, ...]:
    if not isinstance(node, Node):
        raise ConditionError(
            f"A condition can be combined only with a condition, not with {type(node).__name__} "
            f"{quote(node)}. Put parentheses around each comparison."
        )
    return node.conditions if isinstance(node, group) else (cast("Condition", node),)


def _join(word: str, parts: Sequence[Condition], name: Name, value: WriteValue) -> str:
    return f" {word} ".join(
        f"({part.describe(name=name, value=value)})"
        if isinstance(part, All | AnyOf)
        else part.describe(name=name, value=value)
        for part in parts
    )


def with_article(noun: str) -> str:
    """Put the indefinite article before a noun: ``a number``, ``an array``."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _nesting(node: Node) -> int:
    match node:
        case All(conditions=conditions) | AnyOf(conditions=conditions):
            return 1 + max(map(_nesting, conditions))
        case Not(condition=inner) | ElementLeaf(value=inner):
            return 1 + _nesting(inner)
        case _:
            return 0


def leaves(condition: Condition) -> Iterator[Leaf | ElementLeaf]:
    """Yield the leaves in reading order, including those on elements."""
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
        case _:
            assert_never(condition)


def referenced(condition: Condition) -> set[str]:
    """Return the labels that a condition uses."""
    labels = set()
    for leaf in leaves(condition):
        labels.add(leaf.parameter)
        if isinstance(leaf, Leaf) and isinstance(leaf.value, Reference):
            labels.add(leaf.value.parameter)
    return labels
