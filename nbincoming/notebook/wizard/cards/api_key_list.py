"""The API keys in the endpoint's card: make, list and revoke."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import anywidget
import ipywidgets as widgets

from nbincoming.core.moments import utc_text
from nbincoming.notebook.wizard.views import (
    Callback,
    button,
    column,
    escape,
    field,
    glyph_button,
    row,
    section,
    set_html,
    text,
)

if TYPE_CHECKING:
    from nbincoming.core.auth.login import ApiKey
    from nbincoming.notebook.integration import Integration


class Once(anywidget.AnyWidget):
    """Shows a secret once. It is sent to the page and never stored in the widget's state."""

    _esm = Path(__file__).parents[1] / "once.js"

    def show(self, secret: str) -> None:
        """Show a secret; an empty text hides the last one."""
        self.send({"secret": secret})


class ApiKeys:
    """Makes, lists and revokes API keys."""

    def __init__(
        self, integration: Integration, guard: Callable[[Callable[[], object]], Callback]
    ) -> None:
        self._integration, self._guard = integration, guard
        self._records: tuple[ApiKey, ...] = ()
        self._list = column()
        self._name = field(widgets.Text, "Name of a new key", placeholder="such as crm")
        self._once = Once()
        self._help = text(css="nbi-quiet")
        self.widget = section(
            "API keys",
            [
                self._help,
                self._list,
                row([self._name, button("Make a key", guard(self._on_make))]),
                self._once,
            ],
        )

    def update(self) -> None:
        """List the valid keys and explain their use."""
        records = tuple(self._integration.api_keys)
        if records != self._records:
            self._records = records
            self._list.children = [self._line(record) for record in records]
        words = "A sender exchanges an API key for a token that is valid for one hour"
        if self._integration.endpoint.listening:
            words += f" at <code>{escape(self._integration.endpoint.login_url)}</code>"
        set_html(self._help, f'{words}: <code>{escape("{")}"apiKey": "…"{escape("}")}</code>')

    def hide(self) -> None:
        """Hide a key that is shown."""
        self._once.show("")

    def _line(self, record: ApiKey) -> widgets.Widget:
        words = text(
            f"<b>{escape(record.name)}</b> "
            f'<span class="nbi-quiet">made {escape(utc_text(record.created_at_ms))}</span>'
        )
        revoke = glyph_button(
            f"Revoke {record.name}", "remove", self._guard(lambda: self._on_revoke(record.name))
        )
        return row([words, revoke], css="nbi-chosen")

    def _on_make(self) -> None:
        key = self._integration.api_keys.add(self._name.value.strip())
        self._name.value = ""
        self._once.show(key)
        self.update()

    def _on_revoke(self, name: str) -> None:
        self._integration.api_keys.revoke(name)
        self.hide()
        self.update()
