"""The card of incoming data: retrieve requests, look at them flattened or raw."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

import ipywidgets as widgets

from nbincoming.core.outcomes import Rejected
from nbincoming.core.request.masking import masked_headers
from nbincoming.core.request.values import kind
from nbincoming.errors import counted
from nbincoming.notebook.endpoint.session import RETRIEVE_S
from nbincoming.notebook.wizard.cards.card import CardView
from nbincoming.notebook.wizard.cards.import_form import ImportForm
from nbincoming.notebook.wizard.state import RefusedRequests, State, summary
from nbincoming.notebook.wizard.views import (
    Grid,
    button,
    cell,
    checkbox,
    column,
    escape,
    field,
    row,
    set_html,
    show,
    text,
    tree,
)
from nbincoming.samples.sample import Sample

#: Number of the newest requests in the list.
_LISTED_REQUESTS: Final = 50

#: A body that is not JSON is shown up to this length.
RAW_LIMIT: Final = 20_000

#: Height of the list of requests; it scrolls beyond that.
_ROWS: Final = 6


class IncomingCard(CardView):
    """Opens the window and shows each request when it arrives."""

    card = "incoming"
    apply_label = "Close"
    cancels = False

    def build(self) -> list[widgets.Widget]:
        """Make the widgets of the form."""
        self._retrieve = button(
            "Retrieve data", self.guard(self._on_retrieve), primary=True,
            hint=f"Wait {RETRIEVE_S} seconds for requests",
        )  # fmt: skip
        self._stop = button("Stop", self.guard(self.integration.endpoint.close_window))
        self._example = button(
            "Send the example", self.guard(self._on_example), hint="Post an example request"
        )
        self._import = button("Import…", self.guard(self._on_import), hint="From a file or a text")
        self._importing = ImportForm(self.integration, self.guard)
        self._left = text()
        self._status = text(live=True)
        self._past = text(css="nbi-quiet")
        self._picker = field(
            widgets.Select, "Sample", css="nbi-list", options=[("none yet", -1)], rows=2
        )
        self._raw = checkbox("Raw JSON")
        self._pictured = checkbox("Pictures")
        self._pictures = widgets.Output()
        self._pictured_until = -1
        self._pictured.observe(self.guard(self.changed), "value")
        self._shown = text()
        self._grid = Grid(("Parameter", "Type", "Value", "Seen"))
        self._followed = True
        self._updating = False
        self._picker.observe(self.guard(self._on_pick), "value")
        self._raw.observe(self.guard(self.changed), "value")
        self._toggles = row([self._raw, self._pictured])
        self._captured = column(
            [self._picker, self._toggles, self._shown, self._grid.widget, self._pictures]
        )
        return [
            column(
                [
                    row(
                        [self._retrieve, self._stop, self._example, self._import, self._left],
                        css="nbi-mid",
                    ),
                    self._importing.widget,
                    self._status,
                    self._past,
                    self._captured,
                ]
            )
        ]

    def summary(self, state: State) -> str:
        """Return the number of requests and parameters."""
        samples = self.integration.samples
        return summary(
            state,
            self.card,
            samples=len(samples),
            parameters=len(self.integration.inspection.profiles()),
        )

    def alerts(self, state: State) -> str:
        """Add the refused requests, until one is taken."""
        now = [each for each in state.refused if not each.past]
        return super().alerts(state) + _refused_html("Refused requests", now, css="nbi-problems")

    def update(self) -> None:
        """Show the countdown, the list of requests and the selected one."""
        state = self.integration.state
        window = state.window
        show(self._retrieve, window is None)
        for widget in (self._stop, self._left):
            show(widget, window is not None)
        if window is not None:
            left_s = max(window.ends_ms / 1000 - time.time(), 0)
            set_html(self._left, _bar_html(left_s, (window.ends_ms - window.opened_ms) / 1000))
        set_html(self._status, self._status_words(state))
        past = [each for each in state.refused if each.past]
        show(self._past, bool(past))
        set_html(self._past, _refused_html("Refused earlier", past, css="nbi-past"))
        samples = self.integration.samples.snapshot()[-_LISTED_REQUESTS:]
        show(self._captured, bool(samples))
        if samples:
            self._list(samples)
        number = self._picker.value
        chosen = next((sample for sample in samples if sample.number == number), None)
        set_html(self._shown, self._request_html(chosen) if chosen else "")
        flattened = chosen is not None and not self._raw.value
        show(self._grid.widget, flattened)
        if chosen is not None and flattened:
            self._grid.show(self._rows(chosen))
        self._draw()

    def _draw(self) -> None:
        """Draw the pictures if there are new requests."""
        samples = self.integration.samples
        wanted = bool(self._pictured.value and len(samples))
        show(self._pictures, wanted)
        if wanted and self._pictured_until != samples.next_number:
            self._pictured_until = samples.next_number
            # Set the outputs directly: capturing would also catch what a running cell prints.
            self._pictures.outputs = tuple(
                {"output_type": "display_data", "data": picture.bundle(), "metadata": {}}
                for picture in (samples.arrivals(), samples.funnel(), samples.coverage())
            )

    def _status_words(self, state: State) -> str:
        if state.window is not None:
            words = (
                "Waiting for a request: post to the URL above, or click <b>Send the example</b>."
            )
            came = self.integration.samples.next_number - state.window.first
            if came:
                words = f"{came} arrived. Send more, or click <b>Stop</b>."
        elif state.missed:
            words = (
                f"{counted(state.missed, 'request')} got 404, because the draft is not retrieving "
                "data. Click <b>Retrieve data</b>, then send again."
            )
        else:
            words = escape(state.notice) or (
                "Click <b>Retrieve data</b>, then send a request to the URL within "
                f"{RETRIEVE_S} seconds."
            )
        return f'<div role="status" aria-live="polite">{words}</div>'

    def _list(self, samples: list[Sample]) -> None:
        options = [(_line(sample), sample.number) for sample in reversed(samples)]
        if list(self._picker.options) == options:
            return
        numbers = {number for _, number in options}
        keep = self._picker.value
        self._updating = True
        try:
            with self._picker.hold_sync():  # in one message
                self._picker.options = options
                self._picker.rows = min(max(len(options), 2), _ROWS)
                follow = self._followed or keep not in numbers
                self._picker.value = samples[-1].number if follow else keep
        finally:
            self._updating = False

    def _request_html(self, sample: Sample) -> str:
        refused = ""
        if isinstance(sample.outcome, Rejected):
            refused = (
                f'<div class="nbi-problems"><b>Refused with {sample.status}</b> '
                f"{escape(sample.reason)}{self._hints(sample)}</div>"
            )
        return refused + (_raw_html(sample) if self._raw.value else "")

    def _hints(self, sample: Sample) -> str:
        """Return what the sender may have done wrong, if that is known."""
        if not isinstance(sample.outcome, Rejected) or sample.status not in (401, 403):
            return ""
        findings = self.integration.diagnose(sample.number)
        said = [each.sentence for each in findings if each.sentence != sample.reason]
        return "".join(f"<div>{escape(sentence)}</div>" for sentence in said)

    def _rows(self, sample: Sample) -> list[tuple[str, ...]]:
        profiles = {profile.label: profile for profile in self.integration.inspection.profiles()}
        rows: list[tuple[str, ...]] = []
        for label, value in sample.flat().items():
            profile = profiles.get(label)
            seen = f"{profile.count} of {profile.total}" if profile else "–"
            rows.append((label, kind(value), cell(value), seen))
        return rows

    def _on_retrieve(self) -> None:
        self._followed = True
        self.integration.endpoint.open_window()

    def _on_import(self) -> None:
        self._importing.toggle()

    def on_apply(self) -> None:
        """Close the import form and clear it."""
        self._importing.close()

    def _on_example(self) -> None:
        if self.integration.state.window is None and self.integration.published is None:
            self._on_retrieve()
        self.integration.endpoint.send_example()

    def _on_pick(self) -> None:
        if not self._updating:
            newest = self._picker.options[0][1]
            self._followed = self._picker.value == newest
            self.changed()


def _bar_html(left_s: float, whole_s: float) -> str:
    share = min(left_s / whole_s, 1)
    return (
        '<div class="nbi-left"><div class="nbi-bar" role="progressbar" '
        f'aria-label="Time left" aria-valuemin="0" aria-valuemax="{whole_s:.0f}" '
        f'aria-valuenow="{left_s:.0f}"><div style="width:{share:.1%}"></div></div>'
        f'<span class="nbi-quiet">{left_s:.0f} s left</span></div>'
    )


def _refused_html(title: str, refused: list[RefusedRequests], *, css: str) -> str:
    if not refused:
        return ""
    items = "".join(f"<li>{escape(_refused_words(each))}</li>" for each in reversed(refused))
    role = ' role="alert"' if css == "nbi-problems" else ""
    return f'<div class="{css}"{role}><b>{title}</b><ul>{items}</ul></div>'


def _refused_words(refused: RefusedRequests) -> str:
    at = _local(refused.last_ms)
    is_today = at.date() == datetime.now().astimezone().date()
    when = f"{at:%H:%M:%S}" if is_today else f"{at:%Y-%m-%d %H:%M:%S}"
    if refused.count == 1:
        return f"1 request was {refused.what}, at {when}: {refused.reason}"
    return f"{refused.count:,} requests were {refused.what}, the last at {when}: {refused.reason}"


def _local(at_ms: int) -> datetime:
    """Return the kernel's local time, which the analyst's clock shows."""
    return datetime.fromtimestamp(at_ms / 1000).astimezone()


def _line(sample: Sample) -> str:
    at = _local(sample.request.received_at_ms)
    words = (
        f"{f'#{sample.number}':<6}{at:%H:%M:%S}  {sample.status}  {sample.outcome_name:<10}"
        f"{', '.join(sample.triggers)}"
    )
    return words.rstrip().replace(" ", "\u00a0")  # a list collapses spaces


def _raw_html(sample: Sample) -> str:
    if sample.parameters is None:
        body = sample.request.body[:RAW_LIMIT].decode("utf-8", "replace")
        return f"<pre>{escape(body)}</pre>"
    headers = dict(masked_headers(sample.parameters.headers))
    return tree({"body": sample.parameters.body, "headers": headers}, "request")
