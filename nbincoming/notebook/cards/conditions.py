"""The card of conditions: triggers, each a tree of rows and groups, with a live preview."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets
from pydantic import TypeAdapter, ValidationError

from nbincoming.core.conditions import All, AnyOf, Condition, Leaf, Not
from nbincoming.core.evaluation import compile_condition
from nbincoming.core.spec import Spec, Trigger
from nbincoming.core.words import describe, explain
from nbincoming.errors import Problem, SpecError
from nbincoming.history.profile import offered_for_keys
from nbincoming.notebook.cards.card import CardView
from nbincoming.notebook.forms import (
    HINTS,
    FormError,
    choices,
    is_simple,
    key_of,
    leaf_data,
    row_of,
    text_of,
)
from nbincoming.notebook.views import (
    button,
    cell,
    column,
    escape,
    field,
    problem_list,
    row,
    set_html,
    show,
    table,
    text,
)

#: How many samples the preview lists.
LISTED = 20

#: A mark beside the words, so that a glance down the column is enough.
_YES, _NO = "✓ matches", "✗ does not match"

#: How many values of a parameter are suggested.
SUGGESTED = 20

Changed = Callable[[], None]
#: By label: the kinds of value seen, and some values as a form writes them.
Seen = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]


class ConditionsCard(CardView):
    """Edits the triggers."""

    card = "conditions"
    shown = ("triggers",)

    def build(self) -> list[widgets.Widget]:
        """Make the form, once."""
        self._editors: list[TriggerEditor] = []
        self._seen: Seen = {}
        self._list = column()
        self._preview = text(live=True)
        add = button("Add a trigger", self.guard(self._on_add))
        return [column([self._list, row([add]), self._preview])]

    def fill(self, draft: Spec) -> None:
        """Set the form's fields from the draft."""
        self._observe()
        self._editors = [self._editor(trigger.name, trigger.when) for trigger in draft.triggers]
        if not self._editors:
            self._editors = [self._editor("urgent", None)]
        self._show_editors()

    def update(self) -> None:
        """Offer what the samples have, and show which of them match."""
        self._observe()
        for editor in self._editors:
            editor.offer(self._seen)
        set_html(self._preview, self._preview_html())

    def members(self) -> Mapping[str, Any]:
        """Read the form; a trigger whose one row is empty is left out."""
        triggers, problems = [], []
        for index, editor in enumerate(self._editors):
            if editor.is_empty():
                continue
            try:
                triggers.append(editor.data())
            except FormError as error:
                problems.append(Problem(f"triggers[{index}]", str(error)))
        if problems:
            raise SpecError(problems, source="The form")
        return {"triggers": triggers}

    def _observe(self) -> None:
        values: dict[str, dict[str, None]] = {}
        for sample in self.integration.samples.judged:
            for label, value in sample.flat().items():
                if not isinstance(value, dict | list | None):
                    values.setdefault(label, {})[cell(value)] = None
        self._seen = {
            profile.label: (
                tuple(name for name, _ in profile.kinds),
                tuple(values.get(profile.label, ()))[:SUGGESTED],
            )
            for profile in offered_for_keys(self.integration.profiles())
        }

    def _editor(self, name: str, when: Condition | None) -> TriggerEditor:
        editor = TriggerEditor(name, when, self.guard(self.changed), self._seen)
        editor.remove.on_click(self.guard(lambda: self._on_remove(editor)))
        return editor

    def _show_editors(self) -> None:
        self._list.children = [editor.widget for editor in self._editors]

    def _on_add(self) -> None:
        names = {editor.name.value for editor in self._editors}
        number = next(n for n in range(1, len(names) + 2) if f"trigger-{n}" not in names)
        self._editors.append(self._editor(f"trigger-{number}", None))
        self._show_editors()
        self.changed()

    def _on_remove(self, editor: TriggerEditor) -> None:
        self._editors.remove(editor)
        self._show_editors()
        self.changed()

    def _preview_html(self) -> str:
        spec, problems = self.preview()
        if spec is None:
            return problem_list(problems)
        parts = [self._trigger_html(trigger, spec) for trigger in spec.triggers]
        words = "".join(parts) or "No conditions: every request triggers."
        return f'<div role="status" aria-live="polite">{words}</div>'

    def _trigger_html(self, trigger: Trigger, spec: Spec) -> str:
        samples = list(self.integration.samples.judged)
        sentence = f"<b>{escape(trigger.name)}</b>: {escape(describe(trigger.when))}"
        test = compile_condition(trigger.when, spec.zone)
        found = []
        for sample in samples:
            if sample.parameters is None:
                continue
            now_ms = sample.request.received_at_ms
            holds = test(sample.parameters.roots(), now_ms)
            why = explain(trigger.when, sample.parameters, now_ms=now_ms, zone=spec.zone)
            reasons = "; ".join(
                f"{leaf.parameter} {leaf.reason.removeprefix('it ')}" for leaf in why.leaves()
            )
            found.append((sample.number, _YES if holds else _NO, reasons))
        count = sum(words == _YES for _, words, _ in found)
        shown = table(
            f"{trigger.name} matches {count} of {len(found)} samples",
            ("Request", "Result", "Because"),
            found[-LISTED:],
        )
        return f"<div>{sentence}</div>" + (shown if found else "")


class TriggerEditor:
    """A trigger's name and its tree."""

    def __init__(self, name: str, when: Condition | None, changed: Changed, seen: Seen) -> None:
        self.name = field(widgets.Text, "Name of the trigger", value=name)
        self.remove = button("Remove the trigger", lambda *_: None)
        self.tree = GroupEditor(_as_group(when), changed, seen)
        self.name.observe(lambda _: changed(), "value")
        self.widget = column([row([self.name, self.remove]), self.tree.widget], css="nbi-trigger")

    def offer(self, seen: Seen) -> None:
        """Offer these parameters, with the kinds seen of each."""
        self.tree.offer(seen)

    def is_empty(self) -> bool:
        """Tell whether nothing was filled in yet."""
        return all(isinstance(item, LeafEditor) and item.is_empty() for item in self.tree.items)

    def data(self) -> dict[str, Any]:
        """Return the trigger in its JSON form."""
        return {"name": self.name.value.strip(), "when": self.tree.data()}


class GroupEditor:
    """Conditions of which all, any or not all must hold; groups nest."""

    def __init__(
        self, group: tuple[str, list[Condition | None]], changed: Changed, seen: Seen
    ) -> None:
        word, conditions = group
        self._changed, self._seen = changed, seen
        self.word = field(
            widgets.Dropdown,
            "Holds where", css="nbi-short",
            options=[("all of these hold", "all"), ("any of these holds", "any"),
                     ("not all of these hold", "not all"), ("none of these holds", "none")],
            value=word,
        )  # fmt: skip
        self.word.observe(lambda _: changed(), "value")
        self.items: list[LeafEditor | GroupEditor | FixedCondition] = []
        self._list = column()
        self._buttons = row(
            [
                button("Add a condition", lambda *_: self._add_leaf()),
                button("Add a group", lambda *_: self._add_group()),
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
        """Return the group in its JSON form; one condition alone needs no group."""
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
            item = GroupEditor(_as_group(condition), self._changed, self._seen)
        elif condition is None or _is_row(condition):
            item = LeafEditor(condition, self._changed, self._seen)
        else:
            item = FixedCondition(condition)
        self._put(item)

    def _put(self, item: LeafEditor | GroupEditor | FixedCondition) -> None:
        label = "Remove the group" if isinstance(item, GroupEditor) else "Remove"
        tools = [
            button("Up", lambda *_: self._move(item, -1)),
            button("Down", lambda *_: self._move(item, 1)),
            button("Duplicate", lambda *_: self._duplicate(item)),
            button(label, lambda *_: self._remove(item)),
        ]
        item.tools.children = (*item.tools.children, *tools)
        self.items.append(item)

    def _add_leaf(self) -> None:
        self._append(None)
        self._show()
        self._changed()

    def _add_group(self) -> None:
        self._put(GroupEditor(("any", [None]), self._changed, self._seen))
        self._show()
        self._changed()

    def _move(self, item: LeafEditor | GroupEditor | FixedCondition, by: int) -> None:
        place = self.items.index(item)
        wanted = min(max(place + by, 0), len(self.items) - 1)
        self.items.insert(wanted, self.items.pop(place))
        self._show()
        self._changed()

    def _duplicate(self, item: LeafEditor | GroupEditor | FixedCondition) -> None:
        try:
            copy = TypeAdapter[Condition](Condition).validate_python(item.data())
        except (FormError, ValidationError):
            copy = None  # what is not filled in yet is copied as a new, empty row
        self._append(copy)
        self.items.insert(self.items.index(item) + 1, self.items.pop())
        self._show()
        self._changed()

    def _remove(self, item: LeafEditor | GroupEditor | FixedCondition) -> None:
        self.items.remove(item)
        if not self.items:
            self._append(None)
        self._show()
        self._changed()

    def _show(self) -> None:
        self._list.children = [item.widget for item in self.items]


class LeafEditor:
    """One row: parameter, operator, value."""

    def __init__(self, condition: Condition | None, changed: Changed, seen: Seen) -> None:
        leaf = condition.condition if isinstance(condition, Not) else condition
        known = leaf if isinstance(leaf, Leaf) else None
        key = key_of(known) if known is not None else "equals|string"
        self._changed = changed
        self._offering = False
        self.parameter = field(
            widgets.Combobox, "Parameter", css="nbi-wide", placeholder="type or choose",
            value=known.parameter if known is not None else "",
        )  # fmt: skip
        self.negate = field(
            widgets.Dropdown, "It", css="nbi-narrow",
            options=[("is so", False), ("is not so", True)],
            value=isinstance(condition, Not),
        )  # fmt: skip
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
        self.ignore_case = widgets.Checkbox(
            description="Ignore case", indent=False, value=known is not None and known.ignore_case
        )
        self.ignore_case.layout.width = "auto"
        self.tools = row([self.ignore_case], css="nbi-tools")
        self.widget = column(
            [row([self.parameter, self.negate, self.operator, self.value]), self.tools],
            css="nbi-leaf",
        )
        self.offer(seen)
        self.parameter.observe(lambda _: self._on_change(), "value")
        self.operator.observe(lambda _: self._on_change(), "value")
        for widget in (self.value, self.ignore_case, self.negate):
            widget.observe(lambda _: changed(), "value")

    def offer(self, seen: Seen) -> None:
        """Offer these parameters, and the operators for the kinds seen."""
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
            # Other options reset the choice, which is not a choice of the user's.
            self._offering = True
            try:
                self.operator.options = options
                self.operator.value = key
            finally:
                self._offering = False
        operator = row_of(self.operator.value)
        show(self.value, operator.operand != "none")
        show(self.ignore_case, operator.type == "string")
        hint = HINTS.get(operator.operand, "")
        if self.value.placeholder != hint:
            self.value.placeholder = hint

    def is_empty(self) -> bool:
        """Tell whether nothing was filled in yet."""
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
            self._changed()


class FixedCondition:
    """A condition that only code can change; it is kept and shown as a sentence."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition
        words = text(f"<code>{escape(describe(condition))}</code> (set by code)")
        self.tools = row([], css="nbi-tools")
        self.widget = column([words, self.tools], css="nbi-leaf")

    def offer(self, seen: Seen) -> None:
        """Offer nothing."""

    def data(self) -> dict[str, Any]:
        """Return the condition in its JSON form."""
        return self._condition.data()


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
