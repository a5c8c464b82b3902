"""What many samples show of each parameter: coverage, types, distinct values, warnings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nbincoming.core.labels import parse
from nbincoming.core.parameters import is_secret_header
from nbincoming.core.spec import ObservedParameter
from nbincoming.core.values import Kind, Value, kind, leaf_text

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
    volatile : bool
        Whether it looks as if it changed even when a request is sent again, such as a
        time of sending or a trace id.
    personal : bool
        Whether it looks like personal data.
    """

    label: str
    count: int
    total: int
    kinds: tuple[tuple[Kind, int], ...]
    distinct: int
    example: Value
    volatile: bool
    personal: bool

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


def profile_of(flats: Sequence[Mapping[str, Value]]) -> list[ParameterProfile]:
    """Profile flat requests; labels in the order in which they first appear."""
    values: dict[str, list[Value]] = {}
    for flat in flats:
        for label, value in flat.items():
            values.setdefault(label, []).append(value)
    return [_profile(label, seen, len(flats)) for label, seen in values.items()]


def offered_for_keys(profiles: Sequence[ParameterProfile]) -> list[ParameterProfile]:
    """Leave out what a key may not use: headers that carry credentials."""
    return [profile for profile in profiles if not _is_secret(profile.label)]


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


def _profile(label: str, seen: list[Value], total: int) -> ParameterProfile:
    kinds: Counter[Kind] = Counter(kind(value) for value in seen)
    distinct = len({leaf_text(value) for value in seen})
    example = next((value for value in seen if value is not None), None)
    return ParameterProfile(
        label=label,
        count=len(seen),
        total=total,
        kinds=tuple(kinds.most_common()),
        distinct=distinct,
        example=example,
        volatile=is_volatile(label, distinct, len(seen)),
        personal=is_personal(label, seen),
    )


def _is_secret(label: str) -> bool:
    path = parse(label)
    return path[0] == "headers" and is_secret_header(str(path[1]))


def is_volatile(label: str, distinct: int = 0, count: int = 0) -> bool:
    """Guess whether a parameter changes even when a request is sent again.

    By its name, and by whether it was never the same twice where enough values are known.
    """
    if label.startswith("headers.") and label.removeprefix("headers.") in _VOLATILE_HEADERS:
        return True
    always_new = distinct == count if count >= _ENOUGH else True
    return always_new and _VOLATILE_NAME.search(label) is not None


def is_personal(label: str, seen: Sequence[Value]) -> bool:
    """Guess whether a parameter is about a person, by its name and values."""
    if _PERSONAL_NAME.search(label):
        return True
    return any(
        isinstance(value, str) and (_EMAIL.fullmatch(value) or _PHONE.fullmatch(value))
        for value in seen[:100]
    )
