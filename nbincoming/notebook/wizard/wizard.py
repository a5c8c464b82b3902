"""The wizard: a header and five cards for one integration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets

from nbincoming.notebook.wizard.cards.conditions_card import ConditionsCard
from nbincoming.notebook.wizard.cards.deduplication_card import DeduplicationCard
from nbincoming.notebook.wizard.cards.endpoint_card import EndpointCard
from nbincoming.notebook.wizard.cards.incoming_card import IncomingCard
from nbincoming.notebook.wizard.cards.publish_card import PublishCard
from nbincoming.notebook.wizard.icons import is_image
from nbincoming.notebook.wizard.state import State, badge
from nbincoming.notebook.wizard.views import CopyButton, column, escape, row, set_html, style, text

if TYPE_CHECKING:
    from nbincoming.notebook.integration import Integration


class Wizard:
    """Shows an integration and passes clicks to its state.

    Attributes
    ----------
    widget : VBox
        The widget. All its displays show the same.
    """

    def __init__(self, integration: Integration) -> None:
        self._integration = integration
        integration.endpoint.listen_if_needed()
        self._title = text()
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
        address = row([self._url, row([self._copy_url, self._copy_curl])], css="nbi-address")
        header = column([self._title, address, self._curl], css="nbi-header")
        self.widget: widgets.VBox = column(
            [style(), header, *[card.widget for card in self.cards]], css="nbi-wizard"
        )
        integration.store.watch(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the current state; can be called on any thread."""
        with self._integration.store.lock:
            state = self._integration.state
            self._refresh_header(state)
            for card in self.cards:
                card.refresh(state)

    def _refresh_header(self, state: State) -> None:
        integration = self._integration
        set_html(self._title, _title_html(state, listening=integration.endpoint.listening))
        if not integration.endpoint.listening:
            set_html(self._url, escape(integration.endpoint.why_silent))
            return
        url, curl = integration.urls()[0].url, integration.curl()
        set_html(self._url, f'<span class="nbi-method">POST</span> <code>{_breakable(url)}</code>')
        set_html(
            self._curl,
            f"<details><summary>curl command</summary><pre>{escape(curl)}</pre></details>",
        )
        for copy, content in ((self._copy_url, url), (self._copy_curl, curl)):
            if copy.text != content:
                copy.text = content


def _title_html(state: State, *, listening: bool) -> str:
    on = " nbi-on" if state.window or state.published else ""
    live = "live while this kernel runs" if listening else "not listening"
    return (
        '<div class="nbi-top">'
        f'<span class="nbi-icon" aria-hidden="true">{_icon_html(state.draft.icon)}</span>'
        f'<div><div role="heading" aria-level="2" class="nbi-name">{escape(state.draft.name)}</div>'
        f'<div class="nbi-quiet">Incoming integration, {live}</div></div>'
        f'<span class="nbi-badge{on}" role="status">{escape(badge(state))}</span></div>'
    )


def _icon_html(icon: str) -> str:
    return f'<img alt="" src="{escape(icon)}">' if is_image(icon) else escape(icon)


def _breakable(url: str) -> str:
    """Allow line breaks after the slashes of a URL."""
    scheme, _, rest = url.partition("://")
    return f"{escape(scheme)}://" + "/<wbr>".join(escape(part) for part in rest.split("/"))
