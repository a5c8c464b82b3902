"""Google's CEL engine, and the requests that the exported text assumes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cel_expr_python import cel
from hypothesis import strategies as st

from tests.core import naive, strategies

_ENV = cel.NewEnv(
    variables={"body": cel.Type.DYN, "headers": cel.Type.DYN, "now": cel.Type.TIMESTAMP}
)

#: Numbers that CEL's integers and doubles hold apart, as the export assumes.
numbers = st.one_of(
    st.sampled_from([0, 1, 2, -1, 5, 100, 2**53, -(2**53)]),
    st.integers(-(2**53), 2**53),
    st.builds(
        lambda digits, exponent: Decimal(digits).scaleb(exponent),
        st.integers(-(10**14), 10**14),
        st.integers(-280, 1),
    ),
    st.sampled_from([Decimal("0.1"), Decimal("1.0"), Decimal("5.0"), Decimal("-0.0")]),
)

#: Date-times as the export assumes them: RFC 3339, with an offset, to the microsecond.
moments = st.sampled_from(
    [
        "2024-06-10T09:15:30Z", "2024-06-10T11:15:30+02:00", "2024-06-09T22:00:00Z",
        "2024-12-31T23:30:00Z", "2024-10-27T02:30:00+02:00", "2024-06-10T09:15:30.5Z",
        "2024-06-10T09:15:30.123456-05:30", "2025-01-01T00:00:00Z", "2024-06-03T09:15:30Z",
    ]
)  # fmt: skip

_PLAIN = [text for text in naive.TEXTS if len(text) < 100] + [
    '"', "\\", "'", "\n", "\t", "\x7f", "\u2028", "😀", "\U0010ffff", "a.b", "$", "{x}", "cmp-17",
]  # fmt: skip


def _is_no_moment(text: str) -> bool:
    return all(naive.time_of(text, zone) is None for zone in naive.ZONES)


def _is_assumed(text: str) -> bool:
    """Tell whether a text is one of those that the export assumes."""
    number = naive.number_of(text)
    small = not isinstance(number, Decimal | int) or (
        Decimal(number).copy_abs() <= 2**53 and len(text) <= 15
    )
    return small and "\0" not in text and _is_no_moment(text)


texts = moments | (st.sampled_from(_PLAIN) | strategies.texts).filter(_is_assumed)

scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
arrays = st.lists(scalars, max_size=4)
objects = st.fixed_dictionaries({}, optional={"x": scalars, "y": scalars, "in": arrays})
values = st.one_of(scalars, scalars, arrays, objects, st.lists(objects, max_size=3))
bodies = st.fixed_dictionaries({}, optional=dict.fromkeys(naive.NAMES, values)) | st.lists(
    values, max_size=3
)
headers = st.fixed_dictionaries({}, optional={"x-a": texts, "x-b": st.lists(texts, min_size=2)})


@st.composite
def worlds(draw: st.DrawFn) -> naive.World:
    """Draw a request; composite, since Hypothesis would write out all its parts otherwise."""
    return naive.World(draw(bodies), draw(headers), draw(naive.moments_ms), UTC)


def compiled(text: str) -> Any:
    """Compile CEL text."""
    return _ENV.compile(text)


def holds(expression: Any, body: Any, headers_: Any, now_ms: int) -> object:
    """Evaluate a compiled expression; what is no boolean is an error, and returned."""
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now_ms)
    data = {"body": _native(body), "headers": _native(headers_), "now": now}
    return expression.eval(data=data).value()


def _native(value: Any) -> Any:
    match value:
        case Decimal():
            return float(value)
        case list():
            return [_native(each) for each in value]
        case dict():
            return {name: _native(each) for name, each in value.items()}
        case _:
            return value
