"""Parts of the card of publishing: advice, changes, and exports."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final

import ipywidgets as widgets

from nbincoming.core.spec.model import Spec
from nbincoming.errors import NbIncomingError, Problem, counted
from nbincoming.export.formats import FORMATS
from nbincoming.notebook.wizard.state import Card, card_of
from nbincoming.notebook.wizard.views import (
    CopyButton,
    button,
    escape,
    field,
    figures,
    row,
    section,
    set_html,
    show,
    table,
    text,
)
from nbincoming.review.advice import Advice
from nbincoming.review.comparison import Comparison, compare_outcomes
from nbincoming.review.incremental import IncrementalReplay

if TYPE_CHECKING:
    from nbincoming.notebook.integration import Integration

#: Most rows in the table of samples whose outcome changes.
_MAX_CHANGED_SAMPLES: Final = 50

#: Most characters of an export that are shown; Copy copies all.
_MOST_SHOWN: Final = 20_000


class _Part:
    """A part that is computed again only when its input has changed."""

    widget: widgets.Widget

    def __init__(self, integration: Integration) -> None:
        self.integration = integration
        self._basis: object = None

    def update(self) -> None:
        """Compute the part again if its input has changed."""
        basis = self.basis()
        if basis != self._basis:
            self._basis = basis
            self.refresh()

    def basis(self) -> Hashable:
        """Return its input: the draft, the published version, the samples."""
        state, samples = self.integration.state, self.integration.samples
        return state.draft, state.published, samples.next_number, len(samples)

    def refresh(self) -> None:
        """Compute and show the part."""
        raise NotImplementedError


class AdvicePart(_Part):
    """The advice; it does not prevent publishing.

    Parameters
    ----------
    open_card
        Opens a card.
    """

    def __init__(self, integration: Integration, open_card: Callable[[Card], None]) -> None:
        super().__init__(integration)
        self._open_card = open_card
        self._rows: dict[Advice, widgets.Widget] = {}
        self._none = text('<div class="nbi-fine">No advice.</div>')
        self._list = widgets.VBox()
        self.widget = section("Worth a look", [self._none, self._list])

    def basis(self) -> Hashable:
        """Return the input, and the secrets that are missing."""
        return super().basis(), tuple(self.integration.endpoint.problems())

    def refresh(self) -> None:
        """List the advice, each with a button that opens its card."""
        advice = self.integration.lint()
        # Keep the buttons, because the user may be about to press one.
        self._rows = {each: self._rows.get(each) or self._line(each) for each in advice}
        self._list.children = list(self._rows.values())
        show(self._none, not advice)

    def _line(self, advice: Advice) -> widgets.Widget:
        words = (
            f'<div class="nbi-advice"><code>{escape(advice.code)}</code> '
            f"{escape(advice.message)} <b>{escape(advice.remedy)}</b></div>"
        )
        parts: list[widgets.Widget] = [text(words)]
        card = card_of(Problem(advice.place, ""))
        if card is not None:
            go = button("Show", lambda *_: self._open_card(card), css="nbi-plain")
            go.tooltip = f"Show where: {advice.place}"
            parts.append(go)
        return row(parts, css="nbi-advice-row")


class ChangesPart(_Part):
    """How the draft differs from the published version, and which samples change."""

    def __init__(self, integration: Integration) -> None:
        super().__init__(integration)
        self._text = text()
        self._trials: tuple[IncrementalReplay, IncrementalReplay] | None = None
        self.widget = section("What changes", [self._text])

    def refresh(self) -> None:
        """Compare the draft with the published version."""
        state = self.integration.state
        show(self.widget, state.published is not None)
        if state.published is not None:
            set_html(self._text, changes_html(self._compare(state.published, state.draft)))

    def _compare(self, old: Spec, new: Spec) -> Comparison:
        """Compare two versions on the samples; only new samples are judged."""
        trials = self._trials
        if trials is None or (trials[0].spec, trials[1].spec) != (old, new):
            trials = self._trials = IncrementalReplay(old), IncrementalReplay(new)
        samples = list(self.integration.samples.judged)
        befores, afters = (trial.run(samples) for trial in trials)
        requests = [sample.request for sample in samples]
        return compare_outcomes(old, new, requests, befores.values(), afters.values())


def changes_html(comparison: Comparison) -> str:
    """Write a comparison: sentences, figures, and the samples whose outcome changes."""
    if not comparison.changes:
        same = f"The draft has the same meaning as version {comparison.old.version}."
        return f'<div class="nbi-quiet">{same}</div>'
    sentences = "".join(f"<li>{escape(change)}</li>" for change in comparison.changes)
    words = f'<ul class="nbi-changes">{sentences}</ul>'
    if not comparison.requests:
        return words + '<div class="nbi-quiet">Retrieve data to see the effect on requests.</div>'
    moved = comparison.changed
    rest = len(comparison.requests) - len(moved)
    words += figures(
        [
            (len(moved), "sample changes" if len(moved) == 1 else "samples change"),
            (rest, "stays the same" if rest == 1 else "stay the same"),
        ]
    )
    if not moved:
        return words
    rows = [
        [
            change.index,
            _outcome_text(change.before, change.triggers_before),
            _outcome_text(change.after, change.triggers_after),
        ]
        for change in moved[:_MAX_CHANGED_SAMPLES]
    ]
    caption = f"{counted(len(moved), 'sample')} with another outcome"
    version = comparison.old.version
    return words + table(caption, ["Sample", f"Version {version}", "The draft"], rows)


def _outcome_text(outcome: str, triggers: tuple[str, ...]) -> str:
    return f"{outcome}: {', '.join(triggers)}" if triggers else outcome


class ExportPart(_Part):
    """The spec in other formats."""

    def __init__(
        self,
        integration: Integration,
        guard: Callable[[Callable[[], object]], Callable[..., None]],
    ) -> None:
        super().__init__(integration)
        titles = [(f"{each.title[0].upper()}{each.title[1:]}", each.name)
                  for each in FORMATS.values()]  # fmt: skip
        self._format = field(widgets.Dropdown, "Format", options=[("Choose…", ""), *titles])
        self._copy = CopyButton(label="Copy")
        self._text = text()
        self._format.observe(guard(self._chosen), "value")
        self.widget = section("For other tools", [row([self._format, self._copy]), self._text])
        self._show("")

    def refresh(self) -> None:
        """Write the spec in the chosen format."""
        self._chosen()

    def _chosen(self) -> None:
        chosen = self._format.value
        try:
            self._show(self.integration.export(chosen) if chosen else "")
        except NbIncomingError:
            self._show("")
            raise

    def _show(self, written: str) -> None:
        shown = written[:_MOST_SHOWN]
        rest = "" if len(shown) == len(written) else "\n… Copy copies all of it."
        set_html(
            self._text,
            f'<pre class="nbi-export" tabindex="0">{escape(shown)}{rest}</pre>' if written else "",
        )
        self._copy.text = written
        show(self._copy, bool(written))
