"""The editor of a trigger: its name and its tree of rows and groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets
from pydantic import TypeAdapter, ValidationError

from nbincoming.core.conditions.tree import All, AnyOf, Condition, Leaf, Not
from nbincoming.notebook.wizard.cards.wording import Wording
from nbincoming.notebook.wizard.fields import (
    HINTS,
    FormError,
    choice_key,
    choices,
    is_simple,
    leaf_data,
    operator_of,
    text_of,
)
from nbincoming.notebook.wizard.views import (
    Callback,
    Glyph,
    button,
    checkbox,
    column,
    escape,
    field,
    glyph_button,
    row,
    show,
    text,
)

#: By label: the types of the values seen, and some values as texts.
Seen = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Edits:
    """What an editor needs from its card.

    Attributes
    ----------
    guard : callable
        Wraps a callback so that the card shows its errors.
    changed : callable
        Tells the card that the form changed.
    """

    guard: Callable[[Callable[[], object]], Callback]
    changed: Callable[[], None]

    def watch(self, widget: Any, callback: Callable[[], object] | None = None) -> None:
        """Call a function, by default `changed`, when a widget's value changes."""
        widget.observe(self.guard(callback or self.changed), "value")


class TriggerEditor:
    """A trigger's name and its tree."""

    def __init__(self, name: str, when: Condition | None, edits: Edits, seen: Seen) -> None:
        self.name = field(widgets.Text, "Name of the trigger", value=name)
        self.remove = button("Remove the trigger", lambda *_: None, css="nbi-plain")
        self._edits, self._seen = edits, seen
        self._wording = Wording(edits.guard, self._condition, self._use)
        self.widget = column(css="nbi-trigger")
        self._plant(when)
        edits.watch(self.name)

    def offer(self, seen: Seen) -> None:
        """Offer these parameters."""
        self._seen = seen
        self.tree.offer(seen)

    def is_empty(self) -> bool:
        """Tell whether nothing is filled in."""
        return all(isinstance(item, LeafEditor) and item.is_empty() for item in self.tree.items)

    def data(self) -> dict[str, Any]:
        """Return the trigger in its JSON form."""
        return {"name": self.name.value.strip(), "when": self.tree.data()}

    def _plant(self, when: Condition | None) -> None:
        self.tree = GroupEditor(_as_group(when), self._edits, self._seen)
        head = row([self.name, self.remove])
        self.widget.children = [head, self.tree.widget, self._wording.widget]

    def _condition(self) -> Condition | None:
        return _validated(self.tree.data) if not self.is_empty() else None

    def _use(self, when: Condition) -> None:
        self._plant(when)
        self._edits.changed()


class GroupEditor:
    """A group of conditions; groups can contain groups."""

    def __init__(self, group: tuple[str, list[Condition | None]], edits: Edits, seen: Seen) -> None:
        word, conditions = group
        self._edits, self._seen = edits, seen
        self.word = field(
            widgets.Dropdown,
            "True if", css="nbi-beside",
            options=[("all of these are true", "all"), ("any of these is true", "any"),
                     ("not all of these are true", "not all"), ("none of these is true", "none")],
            value=word,
        )  # fmt: skip
        edits.watch(self.word)
        self.items: list[LeafEditor | GroupEditor | FixedCondition] = []
        self._list = column()
        self._buttons = row(
            [
                button("Add a condition", edits.guard(self._add_leaf)),
                button("Add a group", edits.guard(self._add_group)),
            ]
        )
        self.tools = row([self.word], css="nbi-tools")
        self.widget = column([self.tools, self._list, self._buttons], css="nbi-group")
        for condition in conditions:
            self._append(condition)
        self._show()

    def offer(self, seen: Seen) -> None:
        """Offer these parameters."""
        self._seen = seen
        for item in self.items:
            item.offer(seen)

    def data(self) -> dict[str, Any]:
        """Return the group in its JSON form; a single condition needs no group."""
        parts = [item.data() for item in self.items]
        word = self.word.value
        if len(parts) == 1 and word in ("all", "any"):
            return parts[0]
        inner = {"any" if word in ("any", "none") else "all": parts}
        return inner if word in ("all", "any") else {"not": inner}

    def _append(self, condition: Condition | None) -> None:
        item: LeafEditor | GroupEditor | FixedCondition
        if isinstance(condition, All | AnyOf) or (
            isinstance(condition, Not) and isinstance(condition.condition, All | AnyOf)
        ):
            item = GroupEditor(_as_group(condition), self._edits, self._seen)
        elif condition is None or _is_row(condition):
            item = LeafEditor(condition, self._edits, self._seen)
        else:
            item = FixedCondition(condition)
        self._put(item)

    def _put(self, item: LeafEditor | GroupEditor | FixedCondition) -> None:
        label = "Remove the group" if isinstance(item, GroupEditor) else "Remove"
        acts: list[tuple[str, Glyph, Callable[[], object]]] = [
            ("Up", "up", lambda: self._move(item, -1)),
            ("Down", "down", lambda: self._move(item, 1)),
            ("Duplicate", "copy", lambda: self._duplicate(item)),
            (label, "remove", lambda: self._remove(item)),
        ]
        tools = [glyph_button(name, glyph, self._edits.guard(act)) for name, glyph, act in acts]
        item.tools.children = (*item.tools.children, *tools)
        self.items.append(item)

    def _add_leaf(self) -> None:
        self._append(None)
        self._show()
        self._edits.changed()

    def _add_group(self) -> None:
        self._put(GroupEditor(("any", [None]), self._edits, self._seen))
        self._show()
        self._edits.changed()

    def _move(self, item: LeafEditor | GroupEditor | FixedCondition, by: int) -> None:
        place = self.items.index(item)
        wanted = min(max(place + by, 0), len(self.items) - 1)
        self.items.insert(wanted, self.items.pop(place))
        self._show()
        self._edits.changed()

    def _duplicate(self, item: LeafEditor | GroupEditor | FixedCondition) -> None:
        self._append(_validated(item.data))  # an incomplete row is duplicated as an empty one
        self.items.insert(self.items.index(item) + 1, self.items.pop())
        self._show()
        self._edits.changed()

    def _remove(self, item: LeafEditor | GroupEditor | FixedCondition) -> None:
        self.items.remove(item)
        if not self.items:
            self._append(None)
        self._show()
        self._edits.changed()

    def _show(self) -> None:
        self._list.children = [item.widget for item in self.items]


class LeafEditor:
    """One row: parameter, operator, value."""

    def __init__(self, condition: Condition | None, edits: Edits, seen: Seen) -> None:
        leaf = condition.condition if isinstance(condition, Not) else condition
        known = leaf if isinstance(leaf, Leaf) else None
        key = choice_key(known) if known is not None else "equals|string"
        self._edits = edits
        self._offering = False
        self.parameter = field(
            widgets.Combobox, "Parameter", css="nbi-wide", placeholder="type or choose",
            value=known.parameter if known is not None else "",
        )  # fmt: skip
        self.negate = checkbox("Not", isinstance(condition, Not))
        self.negate.tooltip = "True if the rest of the row is false"
        self.operator = field(
            widgets.Dropdown, "Operator", css="nbi-medium",
            options=[(c.text, c.key) for c in choices((), keep=key)], value=key,
        )  # fmt: skip
        self.value = field(
            widgets.Combobox,
            "Value",
            css="nbi-medium",
            value=text_of(known) if known is not None else "",
        )
        self.ignore_case = checkbox("Ignore case", known is not None and known.ignore_case)
        self.tools = row([self.ignore_case], css="nbi-tools")
        self.widget = row(
            [self.negate, self.parameter, self.operator, self.value, self.tools], css="nbi-leaf"
        )
        self.offer(seen)
        edits.watch(self.parameter, self._on_change)
        edits.watch(self.operator, self._on_change)
        for widget in (self.value, self.ignore_case, self.negate):
            edits.watch(widget)

    def offer(self, seen: Seen) -> None:
        """Offer these parameters, and the operators for the types seen."""
        self._seen = seen
        labels = tuple(seen)
        if self.parameter.options != labels:
            self.parameter.options = labels
        key = self.operator.value
        kinds, values = seen.get(self.parameter.value.strip(), ((), ()))
        if self.value.options != values:
            self.value.options = values
        options = tuple((choice.text, choice.key) for choice in choices(kinds, keep=key))
        if self.operator.options != options:
            # New options reset the choice; that is no change by the user.
            self._offering = True
            try:
                self.operator.options = options
                self.operator.value = key
            finally:
                self._offering = False
        operator = operator_of(self.operator.value)
        show(self.value, operator.operand != "none")
        show(self.ignore_case, operator.type == "string")
        hint = HINTS.get(operator.operand, "")
        if self.value.placeholder != hint:
            self.value.placeholder = hint

    def is_empty(self) -> bool:
        """Tell whether nothing is filled in."""
        return not self.parameter.value.strip()

    def data(self) -> dict[str, Any]:
        """Return the row in its JSON form."""
        if self.is_empty():
            raise FormError("A condition has no parameter. Choose one, or remove the row.")
        return leaf_data(
            self.parameter.value.strip(),
            self.operator.value,
            self.value.value,
            ignore_case=self.ignore_case.value,
            negate=self.negate.value,
        )

    def _on_change(self) -> None:
        if not self._offering:
            self.offer(self._seen)
            self._edits.changed()


class FixedCondition:
    """A condition that no row can show: it is shown as a sentence and changed as text."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition
        words = text(f"<code>{escape(condition.describe())}</code> (edit it as text)")
        self.tools = row([], css="nbi-tools")
        self.widget = row([words, self.tools], css="nbi-leaf nbi-fixed")

    def offer(self, seen: Seen) -> None:
        """Do nothing: there is no field."""

    def data(self) -> dict[str, Any]:
        """Return the condition in its JSON form."""
        return self._condition.data()


def _validated(data: Callable[[], dict[str, Any]]) -> Condition | None:
    """Read a part of the form; None if it is incomplete or invalid."""
    try:
        return TypeAdapter[Condition](Condition).validate_python(data())
    except (FormError, ValidationError):
        return None


def _is_row(condition: Condition) -> bool:
    inner = condition.condition if isinstance(condition, Not) else condition
    return is_simple(inner)


def _as_group(when: Condition | None) -> tuple[str, list[Condition | None]]:
    match when:
        case All(conditions=parts):
            return "all", list(parts)
        case AnyOf(conditions=parts):
            return "any", list(parts)
        case Not(condition=All(conditions=parts)):
            return "not all", list(parts)
        case Not(condition=AnyOf(conditions=parts)):
            return "none", list(parts)
        case _:
            return "all", [when]
