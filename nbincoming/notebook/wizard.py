"""The wizard: a header and five cards over one integration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets

from nbincoming.notebook.cards.conditions import ConditionsCard
from nbincoming.notebook.cards.deduplication import DeduplicationCard
from nbincoming.notebook.cards.endpoint import EndpointCard
from nbincoming.notebook.cards.incoming import IncomingCard
from nbincoming.notebook.cards.publish import PublishCard
from nbincoming.notebook.state import State, badge
from nbincoming.notebook.views import CopyButton, column, escape, row, set_html, style, text

if TYPE_CHECKING:
    from nbincoming.notebook.integration import Integration


class Wizard:
    """Shows an integration and hands clicks to its state.

    Attributes
    ----------
    widget : VBox
        May be displayed any number of times; each display shows the same.
    """

    def __init__(self, integration: Integration) -> None:
        self._integration = integration
        integration.listen_if_needed()
        self._title = text(css="nbi-header")
        self._url = text(css="nbi-url")
        self._copy_url = CopyButton(label="Copy URL")
        self._copy_curl = CopyButton(label="Copy curl")
        self._curl = text()
        self.cards = [
            card(integration)
            for card in (
                EndpointCard, IncomingCard, DeduplicationCard, ConditionsCard, PublishCard,
            )
        ]  # fmt: skip
        header = column(
            [self._title, row([self._url, self._copy_url, self._copy_curl]), self._curl],
            css="nbi-header",
        )
        self.widget: widgets.VBox = column(
            [style(), header, *[card.widget for card in self.cards]], css="nbi-wizard"
        )
        integration.store.watch(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the state as it is now; from any thread."""
        with self._integration.store.lock:
            state = self._integration.state
            self._refresh_header(state)
            for card in self.cards:
                card.refresh(state)

    def _refresh_header(self, state: State) -> None:
        integration = self._integration
        on = " nbi-on" if state.window or state.published else ""
        live = "live while this kernel runs" if integration.listening else "not listening"
        set_html(
            self._title,
            '<div role="heading" aria-level="2">'
            f'<span class="nbi-icon" aria-hidden="true">{escape(state.draft.icon)}</span> '
            f'<span class="nbi-name">{escape(state.draft.name)}</span>'
            f'<span class="nbi-badge{on}">{escape(badge(state))}</span> '
            f'<span class="nbi-quiet">{live}</span></div>',
        )
        if not integration.listening:
            set_html(self._url, "Not listening. Call <code>listen()</code>.")
            return
        url, curl = integration.url, integration.curl()
        set_html(self._url, f"<code>POST</code> <code>{escape(url)}</code>")
        set_html(
            self._curl,
            f"<details><summary>curl command</summary><pre>{escape(curl)}</pre></details>",
        )
        for copy, content in ((self._copy_url, url), (self._copy_curl, curl)):
            if copy.text != content:
                copy.text = content
