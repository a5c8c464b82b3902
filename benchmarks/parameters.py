"""From bytes to parameters, and from there to a frame."""

from __future__ import annotations

from collections.abc import Iterator

import jiter
import pandas as pd

from benchmarks.payloads import bodies
from benchmarks.row import Row, in_turns
from nbincoming.core.request.flattening import flatten
from nbincoming.core.request.reading import (
    Limits,
    decode,
)
from nbincoming.samples.frame import parameter_frame

LIMITS = Limits()


def rows() -> Iterator[Row]:
    """Measure decoding with flattening, and frames."""
    payloads = bodies()

    def ours() -> None:
        for body in payloads:
            flatten(decode(body, limits=LIMITS))

    def reference() -> None:
        for body in payloads:
            jiter.from_json(
                body, allow_inf_nan=False, catch_duplicate_keys=True, float_mode="decimal"
            )

    mine, theirs = in_turns(ours, reference)
    each = len(payloads) / 1e6
    yield Row(
        "bytes to parameters, GitHub's payloads", "jiter.from_json alone", mine / theirs, 2.0, True,
        f"{mine / each:.0f} µs against {theirs / each:.0f} µs a payload",
    )  # fmt: skip

    parsed = [decode(body, limits=LIMITS) for body in payloads]
    mine, theirs = in_turns(
        lambda: parameter_frame([flatten(value) for value in parsed]),
        lambda: pd.json_normalize(parsed),
    )
    yield Row(
        "samples to DataFrame", "the speed of pandas.json_normalize", theirs / mine, 10, False,
        f"{mine * 1e3:.0f} ms against {theirs * 1e3:.0f} ms for {len(parsed)} payloads",
    )  # fmt: skip
