"""Edit a trigger's condition as text."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from nbincoming.core.conditions.parsing import read_condition, write_condition
from nbincoming.core.conditions.tree import Condition
from nbincoming.notebook.wizard.views import Callback, button, column, field, row, show


class Wording:
    """The text of a condition, which can be edited and converted to rows.

    Parameters
    ----------
    guard
        Wraps a callback so that the card shows its errors.
    current
        Returns the form's condition; None if it is incomplete.
    use
        Receives the condition of the text.
    """

    def __init__(
        self,
        guard: Callable[[Callable[[], object]], Callback],
        current: Callable[[], Condition | None],
        use: Callable[[Condition], object],
    ) -> None:
        self._current, self._use = current, use
        self._open = button("Edit as text", guard(self._on_open), css="nbi-plain")
        self._text = field(
            widgets.Textarea,
            "The condition as text",
            css="nbi-wording",
            placeholder='body.order.total is at least 10 and not body.order.note contains "test"',
        )
        self._panel = column(
            [
                row([self._text]),
                row(
                    [
                        button("Use the text", guard(self._on_use)),
                        button("Keep the form", guard(self._on_close), css="nbi-plain"),
                    ]
                ),
            ]
        )
        self.widget = column([row([self._open]), self._panel])
        self._on_close()

    def _on_open(self) -> None:
        condition = self._current()
        self._text.value = "" if condition is None else write_condition(condition)
        self._set_open(True)

    def _on_use(self) -> None:
        self._use(read_condition(self._text.value))
        self._on_close()

    def _on_close(self) -> None:
        self._set_open(False)

    def _set_open(self, is_open: bool) -> None:
        show(self._open, not is_open)
        show(self._panel, is_open)
