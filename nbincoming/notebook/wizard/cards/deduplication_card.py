"""The card of the deduplication hash: the key, the window, and their effect on the samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

import ipywidgets as widgets

from nbincoming.core.deduplication import MAX_PARAMETERS, OWN_HASH_HEADER
from nbincoming.core.outcomes import (
    Accepted,
    Duplicate,
    Filtered,
)
from nbincoming.core.spec.model import Spec
from nbincoming.errors import NbIncomingError
from nbincoming.notebook.wizard.cards.card import CardView
from nbincoming.notebook.wizard.views import (
    button,
    column,
    escape,
    field,
    figures,
    glyph_button,
    problem_list,
    row,
    section,
    set_html,
    text,
)
from nbincoming.review.incremental import IncrementalReplay
from nbincoming.review.key_advice import key_advice
from nbincoming.samples.profile import ParameterProfile, offered_for_keys

ANCHORS = (
    ("the last request (each duplicate restarts it)", "last_request"),
    ("the first accepted request", "first_accepted"),
)
CLAIMS = (
    ("every request", "every_request"),
    ("only requests for which a trigger is true", "triggered"),
)
#: Suggested windows; any other can be typed.
WINDOWS = ("PT1H", "P1D", "P7D", "P30D")
OWN_HASH = f"headers.{OWN_HASH_HEADER}"


class DeduplicationCard(CardView):
    """Chooses the key's parameters and shows their effect on the samples."""

    card = "deduplication"
    shown = ("deduplication",)

    def build(self) -> list[widgets.Widget]:
        """Make the widgets of the form."""
        self._labels: list[str] = []
        self._trial: IncrementalReplay | None = None
        self._menu = field(
            widgets.Combobox, "Parameter", css="nbi-wide", placeholder="type or choose"
        )
        self._add = button("Add", self.guard(self._on_add))
        self._own = button(
            "Use the sender's own hash", self.guard(self._on_own),
            hint=f"Choose only {OWN_HASH}",
        )  # fmt: skip
        self._rows = column(css="nbi-key")
        self._window = field(
            widgets.Combobox, "Window (ISO 8601)", placeholder="P7D", options=WINDOWS
        )
        self._anchor = field(widgets.Dropdown, "Window counts from", options=ANCHORS)
        self._claims = field(widgets.Dropdown, "Keys are claimed by", options=CLAIMS)
        self._effect = text(live=True)
        for widget in (self._window, self._anchor, self._claims):
            widget.observe(self.guard(self.changed), "value")
        return [
            section("Parameters of the key", [self._rows, row([self._menu, self._add, self._own])]),
            section(
                "When is a request a duplicate?", [row([self._window, self._anchor, self._claims])]
            ),
            section("Effect on the samples", [self._effect]),
        ]

    def fill(self, draft: Spec) -> None:
        """Fill the form from the draft."""
        settings = draft.deduplication
        self._labels = list(settings.parameters) if settings else []
        self._window.value = settings.window if settings else "P7D"
        self._anchor.value = settings.anchor if settings else "last_request"
        self._claims.value = settings.claims if settings else "every_request"
        self._show_rows()

    def update(self) -> None:
        """Offer the samples' parameters, and show the effect of the form."""
        offered = [profile.label for profile in self._profiles().values()]
        options = [label for label in (*offered, OWN_HASH) if label not in self._labels]
        if list(self._menu.options) != options:
            self._menu.options = tuple(dict.fromkeys(options))
        set_html(self._effect, self._effect_html())

    def members(self) -> Mapping[str, Any]:
        """Return the members of the draft that the form sets."""
        if not self._labels:
            return {"deduplication": None}
        return {
            "deduplication": {
                "parameters": list(self._labels),
                "window": self._window.value.strip(),
                "anchor": self._anchor.value,
                "claims": self._claims.value,
            }
        }

    def _profiles(self) -> dict[str, ParameterProfile]:
        profiles = offered_for_keys(self.integration.inspection.profiles())
        return {profile.label: profile for profile in profiles}

    def _show_rows(self) -> None:
        rows: list[widgets.Widget] = []
        profiles = self._profiles()
        for label in self._labels:
            profile = profiles.get(label)
            seen = (
                f"in {profile.count} of {profile.total} samples, {profile.distinct} distinct"
                if profile
                else "in no sample yet"
            )
            words = text(
                f"<code>{escape(label)}</code> <span class='nbi-quiet'>{escape(seen)}</span>"
            )
            remove = glyph_button(
                "Remove", "remove", self.guard(partial(self._on_remove, label)),
                hint=f"Remove {label}",
            )  # fmt: skip
            rows.append(row([words, remove], css="nbi-chosen"))
        if not rows:
            words = "None yet, so no request is a duplicate. Choose what identifies an event."
            rows.append(text(words, css="nbi-quiet"))
        self._rows.children = rows
        full = len(self._labels) >= MAX_PARAMETERS
        self._add.disabled = full
        self._own.disabled = self._labels == [OWN_HASH]
        self._add.tooltip = f"A key has at most {MAX_PARAMETERS} parameters" if full else "Add"

    def _effect_html(self) -> str:
        samples = self.integration.samples.judged.snapshot()
        spec, problems = self.preview()
        if spec is None:
            return problem_list(problems)
        words = []
        if samples:
            if self._trial is None or self._trial.spec != spec:
                self._trial = IncrementalReplay(spec)
            counts = Counter(type(outcome) for outcome in self._trial.run(samples).values())
            new = counts[Accepted] + counts[Filtered]
            words.append(
                figures(
                    [(new, "new, answered 200"), (counts[Duplicate], "duplicate, answered 204")]
                )
            )
        else:
            words.append(
                "<p class='nbi-quiet'>Retrieve data to see the effect on real requests.</p>"
            )
        advice = "".join(
            f"<li>{escape(each.message)} {escape(each.remedy)}</li>"
            for each in key_advice(spec, self._profiles())
        )
        note = f'<div class="nbi-note"><ul>{advice}</ul></div>' if advice else ""
        return f'<div role="status" aria-live="polite">{" ".join(words)}</div>{note}'

    def _on_add(self) -> None:
        self._take(self._menu.value.strip())
        self._menu.value = ""

    def _on_own(self) -> None:
        self._labels = []
        self._take(OWN_HASH)

    def _on_remove(self, label: str) -> None:
        self._labels.remove(label)
        self._show_rows()
        self.changed()

    def _take(self, label: str) -> None:
        if not label:
            raise NbIncomingError("Choose a parameter first.")
        if label in self._labels:
            raise NbIncomingError(f"{label} is chosen already.")
        if len(self._labels) >= MAX_PARAMETERS:
            raise NbIncomingError(
                f"A key has at most {MAX_PARAMETERS} parameters. Remove one before adding another."
            )
        self._labels.append(label)
        self._show_rows()
        self.changed()
