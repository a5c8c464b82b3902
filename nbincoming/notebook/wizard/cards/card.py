"""The frame of a card: a summary with **Define**, a form with **Apply** and **Cancel**."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets as widgets

from nbincoming.core.spec.model import Spec, spec_from_data
from nbincoming.errors import NbIncomingError, Problem, ProblemsError, SpecError
from nbincoming.notebook.wizard.state import (
    CARDS,
    TITLES,
    Card,
    Close,
    Define,
    SetMembers,
    ShowProblems,
    State,
    is_done,
    next_card,
    summary,
)
from nbincoming.notebook.wizard.views import (
    button,
    column,
    escape,
    problem_list,
    row,
    set_html,
    show,
    text,
)

if TYPE_CHECKING:
    from nbincoming.notebook.integration import Integration

_LOG = logging.getLogger("nbincoming.wizard")


class CardView:
    """The frame of a card.

    The form is filled from the draft when the card opens, and again when code changes the draft.
    Otherwise it keeps what the user entered.
    """

    card: ClassVar[Card]
    #: The members of the draft that the form shows.
    shown: ClassVar[tuple[str, ...]] = ()
    apply_label: ClassVar[str] = "Apply"
    #: Whether the form has a button to cancel.
    cancels: ClassVar[bool] = True

    def __init__(self, integration: Integration) -> None:
        self.integration = integration
        self._head = text()
        self._define = button("Define", self.guard(self._on_define))
        self._define.tooltip = f"Define: {TITLES[self.card]}"
        self._problems = text()
        self._form: widgets.VBox | None = None
        self._filled_from: object = None
        self._body = column(css="nbi-body")
        self.widget = column(
            [row([self._head, self._define], css="nbi-card-head"), self._problems, self._body],
            css="nbi-card",
        )

    # --- to be overridden --------------------------------------------------------------

    def build(self) -> list[widgets.Widget]:
        """Make the widgets of the form."""
        raise NotImplementedError

    def fill(self, draft: Spec) -> None:
        """Fill the form from the draft."""

    def members(self) -> Mapping[str, Any]:
        """Return the members of the draft that the form sets, in their JSON form."""
        return {}

    def update(self) -> None:
        """Update everything in the form that depends on the state."""

    def summary(self, state: State) -> str:
        """Return the line below the card's title."""
        return summary(state, self.card)

    def alerts(self, state: State) -> str:
        """Return what the card shows whether its form is open or not."""
        return problem_list(state.problems.get(self.card, ()))

    def on_apply(self) -> None:
        """Do what Apply does besides changing the draft."""

    def on_cancel(self) -> None:
        """Do what Cancel does besides closing the form."""

    # --- the frame ---------------------------------------------------------------------

    def refresh(self, state: State) -> None:
        """Show the state, or the error if that fails."""
        try:
            self._refresh(state)
        except Exception as error:
            # The outermost edge: on the listener's thread nobody would see the error. It is shown
            # directly, because an action would only lead here again.
            _LOG.exception("The card %s cannot be shown", self.card)
            words = f"This card cannot be shown. {type(error).__name__}: {error}"
            set_html(self._problems, problem_list([Problem("", words)]))

    def _refresh(self, state: State) -> None:
        is_open = state.open_card == self.card
        self._show_head(state)
        set_html(self._problems, self.alerts(state))
        show(self._define, not is_open)
        show(self._body, is_open)
        if is_open:
            self.widget.add_class("nbi-open")
            self._open(state)
            self.update()
        else:
            self.widget.remove_class("nbi-open")
            self._filled_from = None

    def _show_head(self, state: State) -> None:
        samples = len(self.integration.samples)
        done = is_done(state, self.card, samples=samples)
        is_next = next_card(state, samples=samples) == self.card and state.open_card is None
        mark = "✓" if done else str(CARDS.index(self.card) + 1)
        set_html(
            self._head,
            f'<div class="nbi-head"><span class="nbi-mark{" nbi-done" if done else ""}" '
            f'aria-hidden="true">{mark}</span><div><div role="heading" aria-level="3" '
            f'class="nbi-title">{escape(TITLES[self.card])}</div>'
            f'<div class="nbi-summary">{escape(self.summary(state))}</div></div></div>',
        )
        style = "primary" if is_next else ""
        if self._define.button_style != style:
            self._define.button_style = style

    def _open(self, state: State) -> None:
        if self._form is None:
            ends = [
                button(self.apply_label, self.guard(self._on_apply), primary=self.cancels),
            ]
            if self.cancels:
                ends.append(button("Cancel", self.guard(self._on_cancel)))
            self._form = column([*self.build(), row(ends, css="nbi-ends")])
            self._form.add_class("nbi-form")
            self._body.children = [self._form]
        data = state.draft.data()
        basis = [data[name] for name in self.shown]
        if basis != self._filled_from:
            self.fill(state.draft)
            self._filled_from = basis

    def preview(self) -> tuple[Spec | None, tuple[Problem, ...]]:
        """Return the draft that the form would make, or its problems."""
        try:
            data = {**self.integration.draft.data(), **self.members()}
            return spec_from_data(data, source="The draft"), ()
        except SpecError as error:
            return None, error.problems
        except NbIncomingError as error:
            return None, (Problem("", str(error)),)

    def changed(self) -> None:
        """Update everything that depends on the form."""
        with self.integration.store.lock:
            if self.integration.state.open_card == self.card:
                self.update()

    def guard(self, callback: Callable[[], object]) -> Callable[..., None]:
        """Wrap a callback so that the card shows its errors, which ipywidgets would hide."""

        @wraps(callback)
        def guarded(*_: object) -> None:
            try:
                callback()
            except NbIncomingError as error:
                problems = error.problems if isinstance(error, ProblemsError) else ()
                self._fail(problems or (Problem("", str(error)),))
            except Exception as error:
                # The outermost edge: beyond it nobody would see the error.
                _LOG.exception("A callback of the card %s failed", self.card)
                self._fail((Problem("", f"{type(error).__name__}: {error}"),))

        return guarded

    def _fail(self, problems: tuple[Problem, ...]) -> None:
        self.integration.store.dispatch(ShowProblems(self.card, problems))

    def _on_define(self) -> None:
        self.integration.store.dispatch(Define(self.card))

    def _on_cancel(self) -> None:
        self.on_cancel()
        self.integration.store.dispatch(Close())

    def _on_apply(self) -> None:
        self.on_apply()
        self.integration.store.dispatch(SetMembers(self.card, self.members()))
