"""The parts from which the cards are built: widgets, tables, trees and escaped HTML.

Text from a request reaches HTML only through :func:`escape`. All functions below use it.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import anywidget
import ipywidgets as widgets
import pandas as pd
import traitlets
from itables.widget import ITable

from nbincoming.core.request.flattening import flatten
from nbincoming.core.request.values import Value, json_text, shorten
from nbincoming.errors import Problem, counted
from nbincoming.notebook.wizard.state import TITLES, Card, card_of

_HERE: Final = Path(__file__).parent

#: Longest value in a cell of a table; the raw view shows it in full.
CELL_LIMIT: Final = 300

#: Most rows of a table; the frame has all of them.
ROW_LIMIT: Final = 500

#: A symbol on a button in place of its label; the style sheet draws it.
Glyph = Literal["up", "down", "copy", "remove"]

#: A callback of a widget, with any arguments.
Callback = Callable[..., None]


def escape(text: object) -> str:
    """Escape a text for HTML, inside elements and attributes."""
    return html.escape(str(text), quote=True)


class CopyButton(anywidget.AnyWidget):
    """A button that copies a text to the clipboard and confirms it."""

    _esm = _HERE / "copy.js"
    text = traitlets.Unicode("").tag(sync=True)
    label = traitlets.Unicode("Copy").tag(sync=True)


def style() -> widgets.HTML:
    """Return the style sheet of the wizard, in the colours of JupyterLab's theme."""
    return widgets.HTML(f"<style>{(_HERE / 'wizard.css').read_text()}</style>")


def text(content: str = "", *, css: str = "", live: bool = False) -> widgets.HTML:
    """Return an element for HTML; with `live`, screen readers announce its changes."""
    box = widgets.HTML(content)
    if css:
        box.add_class(css)
    if live:
        box.add_class("nbi-live")
    return box


def button(
    label: str, callback: Callback, *, primary: bool = False, hint: str = "", css: str = ""
) -> widgets.Button:
    """Return a button; its label is its name for assistive technology."""
    made = widgets.Button(description=label, tooltip=hint or label)
    made.layout.width = "auto"
    if primary:
        made.button_style = "primary"
    if css:
        made.add_class(css)
    made.on_click(callback)
    return made


def glyph_button(
    label: str,
    glyph: Glyph,
    callback: Callback,
    *,
    hint: str = "",
) -> widgets.Button:
    """Return a button with a symbol; screen readers read its label."""
    made = button(label, callback, hint=hint, css="nbi-glyph")
    made.add_class(f"nbi-glyph-{glyph}")
    return made


def checkbox(label: str, value: bool = False) -> widgets.Checkbox:
    """Return a checkbox with its label on its right."""
    made = widgets.Checkbox(description=label, value=value, indent=False)
    made.layout.width = "auto"
    made.add_class("nbi-check")
    return made


def section(title: str, children: Iterable[widgets.Widget], *, css: str = "") -> widgets.VBox:
    """Return a part of a card's form: widgets below a heading."""
    heading = text(f'<div role="heading" aria-level="4" class="nbi-part">{escape(title)}</div>')
    box = column([heading, *children], css="nbi-section")
    if css:
        box.add_class(css)
    return box


def figures(numbers: Iterable[tuple[object, str]]) -> str:
    """Write large numbers, each with what it counts."""
    tiles = "".join(
        f'<div class="nbi-figure"><b>{escape(number)}</b> {escape(words)}</div>'
        for number, words in numbers
    )
    return f'<div class="nbi-figures">{tiles}</div>'


def row(children: Iterable[widgets.Widget], *, css: str = "") -> widgets.HBox:
    """Put widgets side by side; they wrap if there is no room."""
    box = widgets.HBox(list(children))
    box.add_class("nbi-row")
    if css:
        box.add_class(css)
    return box


def column(children: Iterable[widgets.Widget] = (), *, css: str = "") -> widgets.VBox:
    """Put widgets one below the other."""
    box = widgets.VBox(list(children))
    box.add_class(css or "nbi-stack")
    return box


def show(widget: widgets.DOMWidget, visible: bool) -> None:
    """Show or hide a widget."""
    wanted = None if visible else "none"
    if widget.layout.display != wanted:
        widget.layout.display = wanted


def set_html(box: widgets.HTML, content: str) -> None:
    """Set HTML if it differs: each change is a message to the browser."""
    if box.value != content:
        box.value = content


def field(kind: type[Any], label: str, *, css: str = "", **options: Any) -> Any:
    """Return an input whose label is above it.

    A text field sends its value when the user leaves it or presses Enter. If it sent each letter,
    a busy kernel could handle the click on a button before the last letters.
    """
    if issubclass(kind, widgets.Text | widgets.Textarea):
        options = {"continuous_update": False, **options}
    made = kind(description=label, **options)
    made.style.description_width = "initial"
    made.add_class("nbi-field")
    if css:
        made.add_class(css)
    return made


def places(problems: Sequence[Problem], open_card: Callable[[Card], None]) -> list[widgets.Widget]:
    """Return a row for each problem, with a button that opens the card where it can be solved."""
    rows = []
    for problem in problems:
        parts: list[widgets.Widget] = [text(problem_list([problem]))]
        card = card_of(problem)
        if card is not None:
            go = button(f"Go to {TITLES[card]}", lambda *_, card=card: open_card(card))
            parts.append(go)
        rows.append(row(parts, css="nbi-problem-row"))
    return rows


def problem_list(problems: Sequence[Problem]) -> str:
    """Write problems as a list with a heading."""
    if not problems:
        return ""
    items = "".join(
        f"<li>{f'<code>{escape(p.place)}</code> ' if p.place else ''}{escape(p.message)}</li>"
        for p in problems
    )
    return f'<div class="nbi-problems" role="alert"><b>To be corrected</b><ul>{items}</ul></div>'


def cell(value: Value) -> str:
    """Write a value for a cell: a text without quotes, anything else as JSON, shortened."""
    shown = value if isinstance(value, str) else json_text(value)
    return shown if len(shown) <= CELL_LIMIT else shown[: CELL_LIMIT - 1] + "…"


class Grid:
    """A sortable, searchable table that is sent again only after a change.

    Every cell is a text, because JavaScript would round long integers.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = list(columns)
        self._rows: list[tuple[str, ...]] | None = None
        self.widget = ITable(
            self._frame([]),
            classes="display compact",
            column_filters=False,
            maxBytes=0,  # send all rows, because only these are searched
            paging=False,
            showIndex=False,
            style="width:100%;margin:0",
        )
        self.widget.add_class("nbi-grid")
        self.widget.tabbable = True  # it scrolls, so it must be reachable by keyboard

    def show(self, rows: Sequence[tuple[str, ...]]) -> None:
        """Show these rows."""
        if rows != self._rows:
            self._rows = list(rows)
            self.widget.update(self._frame(rows), maxBytes=0)  # update() forgets the options

    def _frame(self, rows: Sequence[tuple[str, ...]]) -> pd.DataFrame:
        return pd.DataFrame(list(rows), columns=self._columns, dtype=object)


#: Most members of a tree; more would make the browser slow.
_TREE_LIMIT: Final = 2_000

#: A tree with at most this many leaves is open at first; a larger one only for some levels.
_SMALL_TREE: Final = 60
_OPEN_LEVELS: Final = 3
_ALL_LEVELS: Final = 1_000


def tree(value: Value, name: str) -> str:
    """Write a value as a tree whose branches open and close."""
    budget = [_TREE_LIMIT]
    small = len(flatten(value)) <= _SMALL_TREE
    html_text = _branch(value, name, budget, _ALL_LEVELS if small else _OPEN_LEVELS)
    if budget[0] < 0:
        html_text += f"<p>only the first {_TREE_LIMIT:,} members are shown</p>"
    attributes = 'class="nbi-tree" tabindex="0" role="region" aria-label="Raw JSON"'
    return f"<div {attributes}>{html_text}</div>"


def _branch(value: Value, name: str, budget: list[int], open_levels: int) -> str:
    budget[0] -= 1
    if budget[0] < 0:
        return ""
    label = f"<code>{escape(name)}</code>"
    if not isinstance(value, dict | list) or not value:
        return f"<div>{label}: {escape(shorten(value, CELL_LIMIT))}</div>"
    items = value.items() if isinstance(value, dict) else enumerate(value)
    inner = "".join(_branch(child, str(key), budget, open_levels - 1) for key, child in items)
    noun = "member" if isinstance(value, dict) else "element"
    opened = " open" if open_levels > 0 else ""
    count = f"<span class='nbi-quiet'>{counted(len(value), noun)}</span>"
    return f"<details{opened}><summary>{label} {count}</summary>{inner}</details>"


def table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a table; the first cell of each row is its heading."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{escape(cells[0])}</th>'
        + "".join(f"<td>{escape(each)}</td>" for each in cells[1:])
        + "</tr>"
        for cells in rows[:ROW_LIMIT]
    )
    more = len(rows) - ROW_LIMIT
    rest = f"<p>and {more:,} more: see samples.frame()</p>" if more > 0 else ""
    return (
        f'<div class="nbi-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>{rest}"
    )
