"""What the cards are built of: escaped HTML, the style, a Copy button, a card's frame.

Untrusted text reaches HTML through :func:`escape` only; the helpers below all use it.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import anywidget
import ipywidgets as widgets
import traitlets

from nbincoming.core.values import Value, json_text
from nbincoming.errors import Problem

_HERE: Final = Path(__file__).parent

#: Longest value shown in a cell of a table; the raw view has it whole.
CELL_LIMIT: Final = 300

#: Most rows of a table: more are for the frame.
ROW_LIMIT: Final = 500

#: A callback of a widget, whatever the widget passes it.
Callback = Callable[..., None]


def escape(text: object) -> str:
    """Escape a text for HTML, inside elements and attributes."""
    return html.escape(str(text), quote=True)


class CopyButton(anywidget.AnyWidget):
    """A button that copies a text to the clipboard and says so."""

    _esm = _HERE / "copy.js"
    text = traitlets.Unicode("").tag(sync=True)
    label = traitlets.Unicode("Copy").tag(sync=True)


def style() -> widgets.HTML:
    """Return the style sheet of the wizard, in the colours of JupyterLab's theme."""
    return widgets.HTML(f"<style>{(_HERE / 'wizard.css').read_text()}</style>")


def text(content: str = "", *, css: str = "", live: bool = False) -> widgets.HTML:
    """Return an element for HTML that is set later; `live` has it read out."""
    box = widgets.HTML(content)
    if css:
        box.add_class(css)
    if live:
        box.add_class("nbi-live")
    return box


def button(
    label: str, callback: Callback, *, primary: bool = False, hint: str = ""
) -> widgets.Button:
    """Return a button; its label is its name for assistive technology."""
    made = widgets.Button(description=label, tooltip=hint or label)
    made.layout.width = "auto"
    if primary:
        made.button_style = "primary"
    made.on_click(callback)
    return made


def row(children: Iterable[widgets.Widget], *, css: str = "") -> widgets.HBox:
    """Put widgets side by side, wrapping where there is no room."""
    box = widgets.HBox(list(children))
    box.add_class("nbi-row")
    if css:
        box.add_class(css)
    return box


def column(children: Iterable[widgets.Widget] = (), *, css: str = "") -> widgets.VBox:
    """Put widgets one below the other."""
    box = widgets.VBox(list(children))
    if css:
        box.add_class(css)
    return box


def show(widget: widgets.DOMWidget, visible: bool) -> None:
    """Show or hide a widget."""
    wanted = None if visible else "none"
    if widget.layout.display != wanted:
        widget.layout.display = wanted


def set_html(box: widgets.HTML, content: str) -> None:
    """Set HTML, unless it is there: each change is a message to the browser."""
    if box.value != content:
        box.value = content


def field(kind: type[Any], label: str, **options: Any) -> Any:
    """Return an input whose label is above it."""
    made = kind(description=label, **options)
    made.style.description_width = "initial"
    made.add_class("nbi-field")
    return made


def problem_list(problems: Sequence[Problem]) -> str:
    """Write problems as a list that says of itself what it is."""
    if not problems:
        return ""
    items = "".join(
        f"<li>{f'<code>{escape(p.place)}</code> ' if p.place else ''}{escape(p.message)}</li>"
        for p in problems
    )
    return f'<div class="nbi-problems" role="alert"><b>To be mended</b><ul>{items}</ul></div>'


def cell(value: Value) -> str:
    """Write a value as people read it: texts bare, the rest as JSON, cut."""
    shown = value if isinstance(value, str) else json_text(value)
    return shown if len(shown) <= CELL_LIMIT else shown[: CELL_LIMIT - 1] + "…"


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
