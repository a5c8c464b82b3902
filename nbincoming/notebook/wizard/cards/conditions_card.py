"""The card of conditions: the triggers as trees of rows and groups, with a live preview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from nbincoming.core.conditions.explain import explain
from nbincoming.core.conditions.tree import Condition
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.model import Spec, Trigger
from nbincoming.errors import Problem, SpecError
from nbincoming.export.cel.conditions import NotInCelError, condition_cel
from nbincoming.notebook.wizard.cards.card import CardView
from nbincoming.notebook.wizard.cards.editors import Edits, Seen, TriggerEditor
from nbincoming.notebook.wizard.fields import FormError
from nbincoming.notebook.wizard.views import (
    button,
    cell,
    column,
    escape,
    problem_list,
    row,
    set_html,
    table,
    text,
)
from nbincoming.review.incremental import IncrementalCondition
from nbincoming.samples.profile import offered_for_keys
from nbincoming.samples.sample import Sample

#: Number of the newest samples in the preview.
_LISTED_SAMPLES = 20

#: A mark before the words, to be seen at a glance.
_YES, _NO = "✓ matches", "✗ does not match"


class ConditionsCard(CardView):
    """Edits the triggers."""

    card = "conditions"
    shown = ("triggers",)

    def build(self) -> list[widgets.Widget]:
        """Make the widgets of the form."""
        self._editors: list[TriggerEditor] = []
        self._seen: Seen = {}
        self._trials: dict[str, IncrementalCondition] = {}
        self._edits = Edits(self.guard, self.changed)
        self._list = column()
        self._preview = text(live=True)
        add = button("Add a trigger", self.guard(self._on_add))
        return [column([self._list, row([add]), self._preview])]

    def fill(self, draft: Spec) -> None:
        """Fill the form from the draft."""
        self._observe()
        self._editors = [self._editor(trigger.name, trigger.when) for trigger in draft.triggers]
        if not self._editors:
            self._editors = [self._editor("urgent", None)]
        self._show_editors()

    def update(self) -> None:
        """Offer the samples' parameters, and show which samples match."""
        if self._observe():
            for editor in self._editors:
                editor.offer(self._seen)
        set_html(self._preview, self._preview_html())

    def members(self) -> Mapping[str, Any]:
        """Return the triggers; one with only an empty row is left out."""
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

    def _observe(self) -> bool:
        """Collect the parameters with their types and values; tell whether they changed."""
        seen = {
            profile.label: (
                tuple(name for name, _ in profile.kinds),
                tuple(
                    cell(each)
                    for each in profile.values
                    if not isinstance(each, dict | list | None)
                ),
            )
            for profile in offered_for_keys(self.integration.inspection.profiles())
        }
        news = seen != self._seen
        self._seen = seen
        return news

    def _editor(self, name: str, when: Condition | None) -> TriggerEditor:
        editor = TriggerEditor(name, when, self._edits, self._seen)
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
        trials, samples = self._trials, self.integration.samples.judged.snapshot()
        self._trials = {}  # drop those of former conditions
        parts = []
        for trigger in spec.triggers:
            key = json_text([spec.time_zone, trigger.when.data()])
            trial = trials.get(key) or IncrementalCondition(trigger.when, spec.zone)
            self._trials[key] = trial
            parts.append(_trigger_html(trigger, spec, samples, trial.run(samples)))
        words = "".join(parts) or (
            '<p class="nbi-quiet">No conditions: every request becomes an event. Choose a '
            "parameter above to select some.</p>"
        )
        return f'<div role="status" aria-live="polite">{words}</div>'


def _trigger_html(
    trigger: Trigger, spec: Spec, samples: Sequence[Sample], holds: Mapping[int, bool]
) -> str:
    said = (
        f'<div class="nbi-said-so"><b>{escape(trigger.name)}</b> '
        f"{escape(trigger.when.describe())}</div>{_cel_html(trigger, spec)}"
    )
    readable = [sample for sample in samples if sample.parameters is not None]
    if not readable:
        return said
    rows = [
        (sample.number, _YES if holds[sample.number] else _NO, _because(trigger, sample, spec))
        for sample in readable[-_LISTED_SAMPLES:]
    ]
    count = sum(holds[sample.number] for sample in readable)
    shown = f", the last {_LISTED_SAMPLES} are shown" if len(readable) > _LISTED_SAMPLES else ""
    caption = f"{trigger.name} matches {count} of {len(readable)} samples{shown}"
    return said + table(caption, ("Sample", "Result", "Because"), rows)


def _cel_html(trigger: Trigger, spec: Spec) -> str:
    try:
        cel = condition_cel(trigger.when, zone=spec.zone)
    except NotInCelError as error:
        return f"<details><summary>Not in CEL</summary><p>{escape(error)}</p></details>"
    return f"<details><summary>The same in CEL</summary><pre>{escape(cel)}</pre></details>"


def _because(trigger: Trigger, sample: Sample, spec: Spec) -> str:
    if sample.parameters is None:  # pragma: no cover - the caller leaves these out
        return ""
    now_ms = sample.request.received_at_ms
    why = explain(trigger.when, sample.parameters, now_ms=now_ms, zone=spec.zone)
    return "; ".join(f"{leaf.parameter} {leaf.reason.removeprefix('it ')}" for leaf in why.leaves())
