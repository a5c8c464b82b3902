"""Pictures of samples: arrivals by outcome, coverage of parameters, the funnel.

JupyterLab renders Altair's charts without the network. The colours differ enough for light and
dark backgrounds and for people with colour blindness. Labels name each outcome, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import altair as alt
import pandas as pd

from nbincoming.core.outcomes import (
    Accepted,
    Challenge,
    Duplicate,
    Rejected,
)
from nbincoming.samples.frame import outcome_frame
from nbincoming.samples.profile import ParameterProfile
from nbincoming.samples.sample import OUTCOME_NAMES

if TYPE_CHECKING:
    from nbincoming.samples.sample import Sample

#: The colours of Okabe and Ito's palette that contrast with both white and black.
COLOURS: Final = {
    "accepted": "#009E73",
    "duplicate": "#56B4E9",
    "filtered": "#E69F00",
    "rejected": "#D55E00",
    "challenge": "#CC79A7",
}

#: A grey with enough contrast to both backgrounds.
_INK: Final = "#808080"

_MIME: Final = "application/vnd.vegalite.v5+json"

#: Most parameters in the picture of coverage.
_MAX_LABELS: Final = 40


@dataclass(frozen=True)
class Picture:
    """A chart that JupyterLab shows without the network.

    Attributes
    ----------
    chart : altair.LayerChart
        The chart, which you may change.
    title : str
        The text to show where charts cannot be drawn.
    """

    chart: alt.LayerChart
    title: str

    def bundle(self) -> dict[str, Any]:
        """Return the chart by MIME type, for the notebook's own renderer."""
        # By default, Altair makes HTML that loads Vega from the network.
        return {_MIME: self.chart.to_dict(), "text/plain": str(self)}

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return self.bundle()

    def __str__(self) -> str:
        return f"<Picture: {self.title}>"


def arrivals(samples: Sequence[Sample]) -> Picture:
    """Draw when requests arrived: a mark for each request, a row for each outcome."""
    frame = outcome_frame(samples).reset_index()
    shown = alt.Chart(frame).encode(
        x=alt.X("received_at:T", title="received"),
        y=alt.Y("outcome:N", title=None, sort=list(OUTCOME_NAMES)),
        color=_outcome_colour(),
        tooltip=["sample:Q", "received_at:T", "outcome:N", "status:Q", "triggers:N", "reason:N"],
    )
    marks = shown.mark_tick(thickness=3, size=18)
    counts = (
        alt.Chart(frame)
        .mark_text(align="left", dx=6, color=_INK)
        .encode(
            x=alt.value("width"),
            y=alt.Y("outcome:N", title=None, sort=list(OUTCOME_NAMES)),
            text=alt.Text("count():Q"),
        )
    )
    return _styled(alt.layer(marks, counts), title="Arrivals by outcome", height=130)


def parameter_coverage(profiles: Sequence[ParameterProfile]) -> Picture:
    """Draw the share of the samples that each parameter occurs in."""
    frame = pd.DataFrame(
        {
            "parameter": [profile.label for profile in profiles[:_MAX_LABELS]],
            "share": [profile.coverage for profile in profiles[:_MAX_LABELS]],
            "seen": [f"{profile.count} of {profile.total}" for profile in profiles[:_MAX_LABELS]],
            "types": [", ".join(name for name, _ in p.kinds) for p in profiles[:_MAX_LABELS]],
        }
    )
    base = alt.Chart(frame).encode(
        x=alt.X("share:Q", title="share of samples", axis=alt.Axis(format="%")).scale(
            domain=[0, 1]
        ),
        y=alt.Y("parameter:N", title=None, sort=None, axis=alt.Axis(labelLimit=320)),
        tooltip=["parameter:N", "seen:N", "types:N"],
    )
    bars = base.mark_bar(color=COLOURS["duplicate"], height=9)
    words = base.mark_text(align="left", dx=4, color=_INK, fontSize=10).encode(text="seen:N")
    height = max(16 * len(frame), 40)
    return _styled(alt.layer(bars, words), title="Coverage of parameters", height=height)


def funnel(samples: Sequence[Sample]) -> Picture:
    """Draw how many requests were received, not refused, unique and accepted."""
    frame = pd.DataFrame(funnel_counts(samples), columns=pd.Index(["step", "requests"]))
    base = alt.Chart(frame).encode(
        x=alt.X("requests:Q", title="requests", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("step:N", title=None, sort=None),
        tooltip=["step:N", "requests:Q"],
    )
    bars = base.mark_bar(color=COLOURS["accepted"], height=18)
    words = base.mark_text(align="left", dx=4, color=_INK).encode(text="requests:Q")
    return _styled(alt.layer(bars, words), title="From request to event", height=110)


def funnel_counts(samples: Sequence[Sample]) -> list[tuple[str, int]]:
    """Count the samples that reach each step; handshakes do not count as requests."""
    received = [s for s in samples if not isinstance(s.outcome, Challenge)]
    not_refused = [s for s in received if not isinstance(s.outcome, Rejected)]
    unique = [s for s in not_refused if not isinstance(s.outcome, Duplicate)]
    accepted = [s for s in unique if isinstance(s.outcome, Accepted)]
    steps = (received, not_refused, unique, accepted)
    return list(
        zip(("received", "not refused", "unique", "accepted"), map(len, steps), strict=True)
    )


def _outcome_colour() -> alt.Color:
    return alt.Color(
        "outcome:N",
        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
        legend=None,  # each row is named on its axis
    )


def _styled(chart: Any, *, title: str, height: int) -> Picture:
    """Give a chart a transparent background and grey text."""
    styled = (
        chart.properties(title=title, width=560, height=height, background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_INK, titleColor=_INK, domainColor=_INK, tickColor=_INK,
            gridColor=_INK, gridOpacity=0.25, labelFontSize=11,
        )
        .configure_title(color=_INK, anchor="start", fontSize=13, fontWeight="bold")
    )  # fmt: skip
    return Picture(styled, title)
