"""What many samples show of each parameter: coverage, types, distinct values, warnings."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from nbincoming.core.request.labels import parse
from nbincoming.core.request.masking import is_secret_header
from nbincoming.core.request.values import Kind, Value, kind, leaf_text
from nbincoming.core.spec.evidence import ObservedParameter

if TYPE_CHECKING:
    import pandas as pd

#: Headers that differ from request to request by their nature.
_VOLATILE_HEADERS: Final = frozenset(
    {
        "age", "cf-ray", "content-length", "date", "if-modified-since", "traceparent",
        "tracestate", "webhook-timestamp", "x-amzn-trace-id", "x-b3-spanid", "x-b3-traceid",
        "x-correlation-id", "x-forwarded-for", "x-request-id",
    }
)  # fmt: skip
_VOLATILE_NAME: Final = re.compile(
    r"(?:^|[._-])(?:nonce|timestamp|sent_?at|received_?at|trace_?id|span_?id|request_?id)$", re.I
)

#: Names and values that are likely to be about a person. A guess, for people to check.
_PERSONAL_NAME: Final = re.compile(
    r"(?:e-?mail|phone|mobile|first_?name|last_?name|full_?name|surname|address|street|birth|"
    r"ssn|passport|iban|ip_?addr)",
    re.I,
)
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[a-z]{2,}", re.I)
_PHONE: Final = re.compile(r"\+[0-9][0-9 ()-]{6,18}[0-9]")

#: From how many values on "never the same twice" means something.
_ENOUGH: Final = 3

#: How many different values a profile lists.
_VALUES: Final = 20


@dataclass(frozen=True, slots=True)
class ParameterProfile:
    """What the samples show of one parameter.

    Attributes
    ----------
    label : str
        The parameter.
    count, total : int
        In how many samples it is, and of how many.
    kinds : tuple of (str, int)
        Kinds of value, most frequent first, with their counts.
    distinct : int
        How many different values.
    example
        The first value that is not null.
    values : tuple
        The first different values, in the order of appearance.
    volatile : bool
        Whether it looks as if it changed even when a request is sent again, such as a
        time of sending or a trace id.
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
        """Share of the samples that have it, 0 to 1."""
        return self.count / self.total

    def observed(self) -> ObservedParameter:
        """Return what a spec keeps of it."""
        kinds = tuple(name for name, _ in self.kinds)
        return ObservedParameter(
            label=self.label, kinds=kinds, coverage=f"{self.count}/{self.total}"
        )


class Profiler:
    """Profiles that grow with the samples: each value is looked at once.

    Samples are added in the order of their numbers, and forgotten from the oldest on.
    """

    def __init__(self) -> None:
        self._labels: dict[str, _Seen] = {}
        self._numbers: deque[int] = deque()

    def add(self, number: int, flat: Mapping[str, Value]) -> None:
        """Count a flat request in."""
        self._numbers.append(number)
        for label, value in flat.items():
            seen = self._labels.get(label)
            if seen is None:
                seen = self._labels[label] = _Seen(label)
            seen.add(number, value)

    def forget(self, before: int) -> None:
        """Count out the samples whose number is smaller."""
        if not self._numbers or self._numbers[0] >= before:
            return
        while self._numbers and self._numbers[0] < before:
            self._numbers.popleft()
        for label, seen in list(self._labels.items()):
            seen.forget(before)
            if not seen.values:
                del self._labels[label]

    def profiles(self) -> list[ParameterProfile]:
        """List the profiles; labels in the order in which they first appeared."""
        total = len(self._numbers)
        return [seen.profile(label, total) for label, seen in self._labels.items()]


class _Seen:
    """What was seen of one parameter."""

    __slots__ = ("_cached", "_kinds", "_named", "_personal", "_texts", "values")

    def __init__(self, label: str) -> None:
        self.values: deque[tuple[int, Value, Kind, str, bool]] = deque()
        self._kinds: Counter[Kind] = Counter()
        self._texts: dict[str, list[Any]] = {}  # text: how often, and the value
        self._personal = 0
        self._named = _Named(label)
        self._cached: ParameterProfile | None = None

    def add(self, number: int, value: Value) -> None:
        name, text = kind(value), leaf_text(value)
        personal = isinstance(value, str) and _looks_personal(value)
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
            different = [value for _, value in islice(self._texts.values(), _VALUES + 1)]
            known = self._cached = ParameterProfile(
                label=label,
                count=count,
                total=total,
                kinds=tuple((name, n) for name, n in self._kinds.most_common() if n),
                distinct=distinct,
                example=next((value for value in different if value is not None), None),
                values=tuple(different[:_VALUES]),
                volatile=self._named.is_volatile(distinct, count),
                personal=self._named.personal or self._personal > 0,
                secret=self._named.secret,
            )
        return known


class _Named:
    """What a label says by itself."""

    __slots__ = ("_by_name", "_by_nature", "personal", "secret")

    def __init__(self, label: str) -> None:
        header = label.removeprefix("headers.") if label.startswith("headers.") else ""
        self._by_nature = header in _VOLATILE_HEADERS
        self._by_name = _VOLATILE_NAME.search(label) is not None
        self.personal = _PERSONAL_NAME.search(label) is not None
        self.secret = _is_secret(label)

    def is_volatile(self, distinct: int, count: int) -> bool:
        always_new = distinct == count if count >= _ENOUGH else True
        return self._by_nature or (always_new and self._by_name)


def profile_of(flats: Iterable[Mapping[str, Value]]) -> list[ParameterProfile]:
    """Profile flat requests; labels in the order in which they first appear."""
    profiler = Profiler()
    for number, flat in enumerate(flats):
        profiler.add(number, flat)
    return profiler.profiles()


def offered_for_keys(profiles: Sequence[ParameterProfile]) -> list[ParameterProfile]:
    """Leave out what a key may not use: headers that carry credentials."""
    return [profile for profile in profiles if not profile.secret]


def profile_frame(profiles: Sequence[ParameterProfile]) -> pd.DataFrame:
    """Show profiles as a frame, one row a parameter."""
    import pandas as pd

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


def _is_secret(label: str) -> bool:
    path = parse(label)
    return path[0] == "headers" and is_secret_header(str(path[1]))


def remembered(observed: ObservedParameter) -> ParameterProfile:
    """Make a profile of what a spec keeps of one: its values are not known any more."""
    count, total = map(int, observed.coverage.split("/"))
    named = _Named(observed.label)
    return ParameterProfile(
        label=observed.label,
        count=count,
        total=total,
        kinds=tuple((kind, 0) for kind in observed.kinds),
        distinct=0,
        example=None,
        values=(),
        volatile=named.is_volatile(0, 0),
        personal=named.personal,
        secret=named.secret,
    )


def is_personal(label: str, values: Iterable[Value] = ()) -> bool:
    """Guess whether a parameter is about a person, by its name and values."""
    return _Named(label).personal or any(
        isinstance(value, str) and _looks_personal(value) for value in values
    )


def _looks_personal(value: str) -> bool:
    return bool(_EMAIL.fullmatch(value) or _PHONE.fullmatch(value))
