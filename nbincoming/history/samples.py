"""Captured requests: raw, in order, each with its outcome. The truth behind every frame."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, assert_never, overload

from nbincoming.core.events import ACCEPTED_LIMITS
from nbincoming.core.gateway import (
    Accepted,
    Candidate,
    Challenge,
    Duplicate,
    Filtered,
    Outcome,
    Rejected,
    answer,
)
from nbincoming.core.message import Request
from nbincoming.core.parameters import (
    DEFAULT_LIMITS,
    Parameters,
    decode,
    header_parameters,
)
from nbincoming.core.values import Value
from nbincoming.errors import Refusal

if TYPE_CHECKING:
    import pandas as pd

    from nbincoming.history.pictures import Picture

#: How many samples are kept; the oldest go first.
MAX_SAMPLES: Final = 1_000

#: The name of each outcome, in the order of a legend.
OUTCOME_NAMES: Final = ("accepted", "duplicate", "filtered", "rejected", "challenge")


def outcome_name(outcome: Outcome) -> str:
    """Name what became of a request, as :data:`OUTCOME_NAMES` lists it."""
    match outcome:
        case Accepted():
            return "accepted"
        case Duplicate():
            return "duplicate"
        case Filtered():
            return "filtered"
        case Rejected():
            return "rejected"
        case Challenge():
            return "challenge"
        case _:
            assert_never(outcome)


@dataclass(frozen=True)
class Sample:
    """One captured request.

    Attributes
    ----------
    number : int
        Counts all samples of the integration, from 0.
    request : Request
        As it came, credentials included: it never leaves the memory like this.
    outcome : Outcome
        What became of it.
    triggers : tuple of str
        Names of the triggers that matched.
    key : str or None
        Its deduplication key.
    version : int
        Version of the spec that judged it; 0 for the draft.
    """

    number: int
    request: Request
    outcome: Outcome
    triggers: tuple[str, ...] = ()
    key: str | None = None
    version: int = 0

    @property
    def outcome_name(self) -> str:
        """``accepted``, ``duplicate``, ``filtered``, ``rejected`` or ``challenge``."""
        return outcome_name(self.outcome)

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return answer(self.outcome).status

    @property
    def reason(self) -> str:
        """Why it was refused; empty otherwise."""
        return self.outcome.refusal.detail if isinstance(self.outcome, Rejected) else ""

    @property
    def judged(self) -> bool:
        """Whether it was neither refused nor a handshake."""
        return not isinstance(self.outcome, Rejected | Challenge)

    @cached_property
    def parameters(self) -> Parameters | None:
        """What it says; None where its body is not JSON."""
        # What was not refused was within its spec's limits, which may be wider than these.
        limits = DEFAULT_LIMITS if isinstance(self.outcome, Rejected) else ACCEPTED_LIMITS
        try:
            body = decode(self.request.body, limits=limits)
        except Refusal:
            return None
        return Parameters(body, header_parameters(self.request.headers))

    def flat(self) -> dict[str, Value]:
        """Name every leaf, credentials masked; just the headers where the body is not JSON."""
        if self.parameters is not None:
            return self.parameters.flat()
        flat = Parameters({}, header_parameters(self.request.headers)).flat()
        del flat["body"]
        return flat


class Samples(Sequence[Sample]):
    """Captured requests, oldest first; any thread may add and read.

    Indexing is by position; a slice is :class:`Samples` of its own.
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
            The candidate, if it became one.
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
        """Forget all samples; numbering goes on."""
        with self._lock:
            self._samples.clear()

    def snapshot(self) -> list[Sample]:
        """Return the samples of this moment."""
        with self._lock:
            return list(self._samples)

    @property
    def next_number(self) -> int:
        """The number that the next sample gets."""
        return self._count

    @property
    def judged(self) -> Samples:
        """Those that were not refused."""
        return Samples([sample for sample in self if sample.judged])

    def frame(self, *, outcomes: bool = True) -> pd.DataFrame:
        """Show one row a request, one column a parameter.

        Parameters
        ----------
        outcomes
            Start with the columns received_at, outcome, status and triggers.

        Returns
        -------
        DataFrame
            Values are exact Python objects: integers of any size, Decimal, None for null.
            A parameter that a request does not have is ``pandas.NA``. Credentials are
            masked.
        """
        from nbincoming.history.frame import frame_of

        return frame_of(self.snapshot(), outcomes=outcomes)

    def profile(self) -> pd.DataFrame:
        """Show one row a parameter: how often it is there, its types, an example.

        Refused requests do not count.
        """
        from nbincoming.history.profile import profile_frame, profile_of

        return profile_frame(profile_of([sample.flat() for sample in self.judged]))

    def arrivals(self) -> Picture:
        """Draw when requests arrived, by outcome."""
        from nbincoming.history import pictures

        return pictures.arrivals(self.snapshot())

    def coverage(self) -> Picture:
        """Draw in which share of the samples each parameter is."""
        from nbincoming.history import pictures
        from nbincoming.history.profile import profile_of

        return pictures.coverage(profile_of([sample.flat() for sample in self.judged]))

    def funnel(self) -> Picture:
        """Draw how many requests were received, not refused, unique, accepted."""
        from nbincoming.history import pictures

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
