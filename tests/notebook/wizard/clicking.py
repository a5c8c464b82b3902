"""What a person does with the wizard, without a browser: find, fill in, click."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, TypeVar

import ipywidgets as widgets

from nbincoming.notebook.integration import Integration
from nbincoming.notebook.wizard.cards.card import CardView
from nbincoming.notebook.wizard.state import Card, Define
from nbincoming.notebook.wizard.views import CopyButton
from nbincoming.notebook.wizard.wizard import Wizard

_Widget = TypeVar("_Widget", bound=widgets.Widget)


def below(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """Yield a widget and all that is in it, in the order of the page."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from below(child)


def shown(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """Yield a widget and all that is in it and not hidden."""
    layout = getattr(widget, "layout", None)
    if layout is not None and layout.display == "none":
        return
    yield widget
    for child in getattr(widget, "children", ()):
        yield from shown(child)


def field(inside: widgets.Widget, label: str, index: int = 0) -> Any:
    """Find an input by its label; of several the one at `index`."""
    found = [
        each
        for each in shown(inside)
        if getattr(each, "description", None) == label and not isinstance(each, widgets.Button)
    ]
    return found[index]


def buttons(inside: widgets.Widget) -> list[widgets.Button]:
    """Find all buttons that can be seen."""
    return [each for each in shown(inside) if isinstance(each, widgets.Button)]


def click(inside: widgets.Widget, label: str, index: int = 0) -> None:
    """Click a button by its label; of several the one at `index`."""
    [each for each in buttons(inside) if each.description == label][index].click()


def text_of(widget: widgets.Widget) -> str:
    """Gather the HTML that can be seen, without the places where a line may break."""
    html = (each.value for each in shown(widget) if isinstance(each, widgets.HTML))
    return "\n".join(html).replace("<wbr>", "")


def all_html(widget: widgets.Widget) -> list[str]:
    """Gather all HTML, hidden or not."""
    return [each.value for each in below(widget) if isinstance(each, widgets.HTML)]


def synced(widget: widgets.Widget) -> str:
    """Gather all that a saved notebook or the browser has of a widget."""
    states = []
    for each in below(widget):
        state = each.get_state()
        if isinstance(each, CopyButton):
            state.pop("_esm", None)
        states.append(repr(state))
    return "\n".join(states)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def markup(html: str) -> tuple[set[str], set[str]]:
    """Return the tags and the attributes that a browser would find."""
    parser = _Tags()
    parser.feed(html)
    return parser.tags, parser.attributes


class Page:
    """A wizard on the screen."""

    def __init__(self, integration: Integration) -> None:
        self.integration = integration
        self.wizard = Wizard(integration)

    @property
    def widget(self) -> Any:
        """The whole wizard."""
        return self.wizard.widget

    def card(self, name: Card) -> CardView:
        """Return a card."""
        return next(card for card in self.wizard.cards if card.card == name)

    def open(self, name: Card) -> Any:
        """Open a card and return what it shows."""
        self.integration.store.dispatch(Define(name))
        self.wizard.refresh()  # which the listener's thread would do soon
        return self.card(name).widget

    def refresh(self) -> None:
        """Show the state at once."""
        self.wizard.refresh()

    def problems(self, name: Card) -> str:
        """Return the problems that a card shows."""
        return " ".join(str(each) for each in self.integration.state.problems.get(name, ()))
