"""The captured requests of an integration, in order, each with its outcome.

pandas and altair take long to import. They are imported by the methods that need them, so
that a kernel can listen before they are loaded.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, overload

from nbincoming.core.outcomes import (
    Candidate,
    Outcome,
)
from nbincoming.core.request.message import Request
from nbincoming.samples.profile import profile_of
from nbincoming.samples.sample import OUTCOME_NAMES, Sample

if TYPE_CHECKING:
    import pandas as pd

    from nbincoming.samples.pictures import Picture

#: Most samples kept; the oldest are dropped.
MAX_SAMPLES: Final = 1_000


class Samples(Sequence[Sample]):
    """Captured requests, oldest first; any thread may add and read.

    An index is a position, not a sample's number. A slice is :class:`Samples`.
    """

    def __init__(self, samples: Sequence[Sample] = (), *, max_samples: int = MAX_SAMPLES) -> None:
        self._lock = threading.Lock()
        self._samples = deque(samples, maxlen=max_samples)
        self._count = len(self._samples)

    def add(self, request: Request, outcome: Outcome, judged: object = None) -> Sample:
        """Keep a request with its outcome.

        Parameters
        ----------
        judged
            The core's result: a candidate, unless the request was refused.
        """
        candidate = judged if isinstance(judged, Candidate) else None
        with self._lock:
            sample = Sample(
                self._count,
                request,
                outcome,
                candidate.triggers if candidate else (),
                candidate.key if candidate else None,
                candidate.version if candidate else 0,
            )
            self._samples.append(sample)
            self._count += 1
        return sample

    def clear(self) -> None:
        """Remove all samples; numbering continues."""
        with self._lock:
            self._samples.clear()

    def snapshot(self) -> list[Sample]:
        """Return a list of the samples as they are now."""
        with self._lock:
            return list(self._samples)

    @property
    def next_number(self) -> int:
        """The number of the next sample."""
        return self._count

    @property
    def judged(self) -> Samples:
        """The samples that were neither refused nor a handshake."""
        return Samples([sample for sample in self if sample.judged])

    def frame(self, *, outcomes: bool = True) -> pd.DataFrame:
        """Return a row for each request, with a column for each parameter.

        Parameters
        ----------
        outcomes
            Put the columns received_at, outcome, status, triggers and reason first.

        Returns
        -------
        DataFrame
            Values are exact Python objects: integers of any size, Decimal, None for null,
            and ``pandas.NA`` where a request lacks the parameter. Credentials are masked.
        """
        from nbincoming.samples.frame import frame_of

        return frame_of(self.snapshot(), outcomes=outcomes)

    def profile(self) -> pd.DataFrame:
        """Return a row for each parameter: how often it occurs, its types, an example.

        Refused requests do not count.
        """
        from nbincoming.samples.frame import profile_frame

        return profile_frame(profile_of([sample.flat() for sample in self.judged]))

    def arrivals(self) -> Picture:
        """Draw when requests arrived, by outcome."""
        from nbincoming.samples import pictures

        return pictures.arrivals(self.snapshot())

    def coverage(self) -> Picture:
        """Draw the share of the samples that each parameter occurs in."""
        from nbincoming.samples import pictures

        return pictures.parameter_coverage(profile_of([sample.flat() for sample in self.judged]))

    def funnel(self) -> Picture:
        """Draw how many requests were received, not refused, unique and accepted."""
        from nbincoming.samples import pictures

        return pictures.funnel(self.snapshot())

    def __len__(self) -> int:
        return len(self._samples)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Samples: ...
    def __getitem__(self, index: int | slice) -> Sample | Samples:
        samples = self.snapshot()
        return Samples(samples[index]) if isinstance(index, slice) else samples[index]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.snapshot())

    def __repr__(self) -> str:
        samples = self.snapshot()
        counts = [(name, sum(s.outcome_name == name for s in samples)) for name in OUTCOME_NAMES]
        shown = ", ".join(f"{count} {name}" for name, count in counts if count)
        return f"<Samples: {shown or 'none yet'}>"
