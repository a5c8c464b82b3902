"""Profiles: what samples show about each parameter."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from nbincoming.core.request.values import Kind, Value, kind, leaf_text
from nbincoming.core.spec.evidence import ObservedParameter
from nbincoming.samples.label_hints import LabelHints, looks_personal

#: Most different values that a profile lists.
_MAX_VALUES: Final = 20


@dataclass(frozen=True, slots=True)
class ParameterProfile:
    """What the samples show about one parameter.

    Attributes
    ----------
    label : str
        The parameter.
    count, total : int
        How many samples have it, out of how many.
    kinds : tuple of (str, int)
        The kinds of its values with their counts, most frequent first.
    distinct : int
        How many different values it had.
    example
        The first value that is not null.
    values : tuple
        The first different values, in the order in which they appeared.
    volatile : bool
        Whether it seems to change even when a request is sent again, as a sending time or
        a trace id does.
    personal : bool
        Whether it looks like personal data.
    secret : bool
        Whether it is a header that carries credentials.
    """

    label: str
    count: int
    total: int
    kinds: tuple[tuple[Kind, int], ...]
    distinct: int
    example: Value
    values: tuple[Value, ...]
    volatile: bool
    personal: bool
    secret: bool

    @property
    def coverage(self) -> float:
        """The share of the samples that have it, from 0 to 1."""
        return self.count / self.total

    def observed(self) -> ObservedParameter:
        """Return the part of the profile that a spec keeps."""
        kinds = tuple(name for name, _ in self.kinds)
        return ObservedParameter(
            label=self.label, kinds=kinds, coverage=f"{self.count}/{self.total}"
        )


class Profiler:
    """Builds profiles, and processes each sample only once.

    Add samples in the order of their numbers; the oldest are removed first.
    """

    def __init__(self) -> None:
        self._labels: dict[str, _Seen] = {}
        self._numbers: deque[int] = deque()

    def add(self, number: int, flat: Mapping[str, Value]) -> None:
        """Add a sample by its number and flat parameters."""
        self._numbers.append(number)
        for label, value in flat.items():
            seen = self._labels.get(label)
            if seen is None:
                seen = self._labels[label] = _Seen(label)
            seen.add(number, value)

    def forget(self, before: int) -> None:
        """Remove the samples whose number is smaller than `before`."""
        if not self._numbers or self._numbers[0] >= before:
            return
        while self._numbers and self._numbers[0] < before:
            self._numbers.popleft()
        for label, seen in list(self._labels.items()):
            seen.forget(before)
            if not seen.values:
                del self._labels[label]

    def profiles(self) -> list[ParameterProfile]:
        """Return the profiles, in the order in which labels first appeared."""
        total = len(self._numbers)
        return [seen.profile(label, total) for label, seen in self._labels.items()]


class _Seen:
    """The values of one parameter."""

    __slots__ = ("_cached", "_hints", "_kinds", "_personal", "_texts", "values")

    def __init__(self, label: str) -> None:
        self.values: deque[tuple[int, Value, Kind, str, bool]] = deque()
        self._kinds: Counter[Kind] = Counter()
        self._texts: dict[str, list[Any]] = {}  # by text: [count, value]
        self._personal = 0
        self._hints = LabelHints(label)
        self._cached: ParameterProfile | None = None

    def add(self, number: int, value: Value) -> None:
        name, text = kind(value), leaf_text(value)
        personal = looks_personal(value)
        self.values.append((number, value, name, text, personal))
        self._kinds[name] += 1
        self._texts.setdefault(text, [0, value])[0] += 1
        self._personal += personal
        self._cached = None

    def forget(self, before: int) -> None:
        while self.values and self.values[0][0] < before:
            _, _, name, text, personal = self.values.popleft()
            self._kinds[name] -= 1
            self._texts[text][0] -= 1
            if not self._texts[text][0]:
                del self._texts[text]
            self._personal -= personal
            self._cached = None

    def profile(self, label: str, total: int) -> ParameterProfile:
        known = self._cached
        if known is None or known.total != total:
            count, distinct = len(self.values), len(self._texts)
            different = [value for _, value in islice(self._texts.values(), _MAX_VALUES + 1)]
            known = self._cached = ParameterProfile(
                label=label,
                count=count,
                total=total,
                kinds=tuple((name, n) for name, n in self._kinds.most_common() if n),
                distinct=distinct,
                example=next((value for value in different if value is not None), None),
                values=tuple(different[:_MAX_VALUES]),
                volatile=self._hints.is_volatile(distinct, count),
                personal=self._hints.personal or self._personal > 0,
                secret=self._hints.secret,
            )
        return known


def profile_of(flats: Iterable[Mapping[str, Value]]) -> list[ParameterProfile]:
    """Profile samples by their flat parameters, in the order in which labels first appear."""
    profiler = Profiler()
    for number, flat in enumerate(flats):
        profiler.add(number, flat)
    return profiler.profiles()


def offered_for_keys(profiles: Sequence[ParameterProfile]) -> list[ParameterProfile]:
    """Leave out headers that carry credentials, which no key or condition may read."""
    return [profile for profile in profiles if not profile.secret]


def profile_of_observed(observed: ObservedParameter) -> ParameterProfile:
    """Make a profile without values from the part that a spec keeps."""
    count, total = map(int, observed.coverage.split("/"))
    hints = LabelHints(observed.label)
    return ParameterProfile(
        label=observed.label,
        count=count,
        total=total,
        kinds=tuple((kind, 0) for kind in observed.kinds),
        distinct=0,
        example=None,
        values=(),
        volatile=hints.is_volatile(0, 0),
        personal=hints.personal,
        secret=hints.secret,
    )
