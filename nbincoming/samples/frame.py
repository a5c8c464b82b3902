"""Samples and profiles as DataFrames, for people to look at.

By default, pandas turns integers in a column with gaps into floats, and null into missing. So
every column of parameters has the dtype object and contains the exact Python objects.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from nbincoming.core.request.values import Value

if TYPE_CHECKING:
    from nbincoming.samples.profile import ParameterProfile
    from nbincoming.samples.sample import Sample

#: Most cells of a frame. Their references take 160 MB.
MAX_CELLS: Final = 20_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def frame_of(samples: Sequence[Sample], *, outcomes: bool = True) -> pd.DataFrame:
    """Build the frame of :meth:`Samples.frame`, with the samples' numbers as its index."""
    parameters = parameter_frame([sample.flat() for sample in samples])
    parameters.index = _numbers(samples)
    # The columns' names never clash, because labels start with body or headers.
    return parameters if not outcomes else outcome_frame(samples).join(parameters)


def outcome_frame(samples: Sequence[Sample]) -> pd.DataFrame:
    """Build a frame of when each sample was received, and its outcome."""
    return pd.DataFrame(
        {
            "received_at": pd.Series(
                [_EPOCH + timedelta(milliseconds=s.request.received_at_ms) for s in samples],
                dtype="datetime64[ms, UTC]",
            ),
            "outcome": [sample.outcome_name for sample in samples],
            "status": pd.Series([sample.status for sample in samples], dtype="int64"),
            "triggers": [", ".join(sample.triggers) for sample in samples],
            "reason": [sample.reason for sample in samples],
        }
    ).set_index(_numbers(samples))


def _numbers(samples: Sequence[Sample]) -> pd.Index[int]:
    return pd.Index([sample.number for sample in samples], name="sample", dtype="int64")


def parameter_frame(flats: Iterable[Mapping[str, Value]]) -> pd.DataFrame:
    """Build a frame of flat parameters, one row a request and one column a label.

    Columns are in the order in which labels first appear, bodies before headers. A frame of
    more than :data:`MAX_CELLS` cells loses its last columns, with a warning: a thousand
    requests may have ten million different labels.
    """
    rows = list(flats)
    # NumPy fills one block of objects from iterators, in half the time of a loop over the cells.
    # From one block, pandas neither infers types nor copies columns.
    columns: defaultdict[str, int] = defaultdict(count().__next__)  # label to number
    lengths = np.fromiter(map(len, rows), np.intp, len(rows))
    cells = int(lengths.sum())
    labels = np.fromiter(map(columns.__getitem__, chain.from_iterable(rows)), np.intp, cells)
    values = np.fromiter(chain.from_iterable(row.values() for row in rows), object, cells)
    numbers = np.repeat(np.arange(len(rows), dtype=np.intp), lengths)
    most = max(MAX_CELLS // max(len(rows), 1), 1)
    names = list(columns)[:most]
    if len(columns) > most:
        warnings.warn(
            f"The frame shows {most:,} of {len(columns):,} parameters, since {len(rows):,} rows "
            "with all of them would not fit in memory. Take fewer samples: samples[-100:].frame().",
            stacklevel=3,
        )
        shown = labels < most
        labels, values, numbers = labels[shown], values[shown], numbers[shown]
    block: np.ndarray[Any, np.dtype[np.object_]] = np.full(len(rows) * len(names), pd.NA, object)
    block[numbers * len(names) + labels] = values
    block = block.reshape(len(rows), len(names))
    frame = pd.DataFrame(block, columns=pd.Index(names, dtype=object), dtype=object, copy=False)
    body_first = sorted(names, key=lambda label: label.startswith("headers"))
    return frame[body_first] if body_first != names else frame


def profile_frame(profiles: Sequence[ParameterProfile]) -> pd.DataFrame:
    """Build a frame of profiles, one row a parameter."""
    rows = {
        "coverage": [profile.coverage for profile in profiles],
        "count": [profile.count for profile in profiles],
        "types": [", ".join(name for name, _ in profile.kinds) for profile in profiles],
        "distinct": [profile.distinct for profile in profiles],
        "example": pd.Series([profile.example for profile in profiles], dtype=object),
        "volatile": [profile.volatile for profile in profiles],
        "personal": [profile.personal for profile in profiles],
    }
    labels = pd.Index([profile.label for profile in profiles], name="parameter", dtype=object)
    return pd.DataFrame(rows).set_index(labels)
