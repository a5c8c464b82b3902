"""Samples as a DataFrame, exactly: a view for people, never an input to a decision.

pandas would turn 64-bit ids beside a gap into floats and merge null with missing, so
every cell stays the Python object that it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from nbincoming.core.request.values import Value

if TYPE_CHECKING:
    from nbincoming.samples.sample import Sample

#: Most cells of a frame: 160 MB of references.
MAX_CELLS: Final = 20_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def frame_of(samples: Sequence[Sample], *, outcomes: bool = True) -> pd.DataFrame:
    """Build the frame of :meth:`Samples.frame`; the index is the sample's number."""
    parameters = parameter_frame([sample.flat() for sample in samples])
    parameters.index = _numbers(samples)
    # A parameter cannot have an outcome's name: labels start with body or headers.
    return parameters if not outcomes else outcome_frame(samples).join(parameters)


def outcome_frame(samples: Sequence[Sample]) -> pd.DataFrame:
    """Build a frame of when each sample was received and what became of it."""
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
    """Build a frame from flat requests: one row each, one column for each label.

    Columns are in the order in which labels first appear, bodies before headers. Where
    they would make more than :data:`MAX_CELLS` cells, the last ones are left out, with a
    warning: a thousand requests may have ten million labels between them.
    """
    rows = list(flats)
    columns: dict[str, int] = {}
    for row in rows:
        for label in row:
            if label not in columns:
                columns[label] = len(columns)
    most = max(MAX_CELLS // max(len(rows), 1), 1)
    if len(columns) > most:
        warnings.warn(
            f"The frame shows {most:,} of {len(columns):,} parameters, since {len(rows):,} rows of "
            "all of them would not fit in memory. Take fewer samples: samples[-100:].frame().",
            stacklevel=3,
        )
        columns = dict(islice(columns.items(), most))
    # One block of objects: pandas neither infers types nor copies column by column.
    block: np.ndarray[Any, np.dtype[np.object_]] = np.full((len(columns), len(rows)), pd.NA, object)
    for position, row in enumerate(rows):
        for label, value in row.items():
            column = columns.get(label)
            if column is not None:
                block[column, position] = value
    frame = pd.DataFrame(block.T, columns=pd.Index(columns, dtype=object), dtype=object, copy=False)
    body_first = sorted(columns, key=lambda label: label.startswith("headers"))
    return frame[body_first] if body_first != list(columns) else frame
