"""The card of publishing: problems, advice, changes, and files."""

from __future__ import annotations

import shlex

import ipywidgets as widgets

from nbincoming.errors import Problem
from nbincoming.notebook.wizard.cards.card import CardView
from nbincoming.notebook.wizard.cards.publish_parts import AdvicePart, ChangesPart, ExportPart
from nbincoming.notebook.wizard.state import Card, Define, State
from nbincoming.notebook.wizard.views import (
    CopyButton,
    button,
    column,
    escape,
    field,
    places,
    row,
    section,
    set_html,
    show,
    text,
)


class PublishCard(CardView):
    """Writes the draft or the next version."""

    card = "publish"
    apply_label = "Close"
    cancels = False

    def build(self) -> list[widgets.Widget]:
        """Make the widgets of the form."""
        self._save = button("Save", self.guard(self.integration.save), hint="Save as a draft")
        self._publish = button(
            "Save & publish", self.guard(self._on_publish), primary=True,
            hint="Write the next version and serve it",
        )  # fmt: skip
        self._changes = field(
            widgets.Text, "What changed, for the list of versions",
            placeholder="optional, one line", css="nbi-wide",
        )  # fmt: skip
        self._parts = [
            AdvicePart(self.integration, self._go),
            ChangesPart(self.integration),
            ExportPart(self.integration, self.guard),
        ]
        advice, changes, exports = (part.widget for part in self._parts)
        self._ahead = text()
        self._places = column()
        self._places_for: tuple[Problem, ...] = ()
        self._result = text(live=True)
        self._code = text()
        self._copy_code = CopyButton(label="Copy the code")
        return [
            column(
                [
                    section("Before it is published", [self._ahead, self._places]),
                    advice,
                    changes,
                    section(
                        "Files",
                        [row([self._changes]), row([self._publish, self._save]), self._result],
                    ),
                    exports,
                    section("The same in Python", [self._code, self._copy_code]),
                ]
            )
        ]

    def update(self) -> None:
        """Show problems, the written file, how to serve it, and the code."""
        state = self.integration.state
        problems = self.integration.endpoint.problems()
        set_html(self._ahead, '<div class="nbi-fine">No problems.</div>')
        self._publish.disabled = bool(problems)
        if tuple(problems) != self._places_for:
            self._places_for = tuple(problems)
            self._places.children = places(problems, self._go)
            show(self._places, bool(problems))
            show(self._ahead, not problems)
        for part in self._parts:
            part.update()
        set_html(self._result, _result_html(state))
        code = self.integration.code()
        set_html(self._code, f"<pre>{escape(code)}</pre>")
        if self._copy_code.text != code:
            self._copy_code.text = code

    def _on_publish(self) -> None:
        self.integration.publish(changes=self._changes.value)
        self._changes.value = ""

    def _go(self, card: Card) -> None:
        self.integration.store.dispatch(Define(card))


def _result_html(state: State) -> str:
    words = f"<div>{escape(state.written)}</div>" if state.written else ""
    if state.published is not None:
        path = shlex.quote(state.published_path)
        words += (
            f"<div>Version {state.published.version}, digest "
            f"<code>{escape(state.published.digest)}</code></div>"
            f"<div>Check it anywhere: <code>{escape(f'nbincoming check {path}')}</code></div>"
            f"<div>Serve it: <code>{escape(f'nbincoming serve {path}')}</code></div>"
        )
    else:
        words += (
            "<div class='nbi-quiet'>Save &amp; publish writes version 1 and serves it from this "
            "kernel; Save stores the draft.</div>"
        )
    return f'<div role="status" aria-live="polite">{words}</div>'
