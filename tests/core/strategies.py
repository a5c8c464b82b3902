"""What Hypothesis draws: JSON values, labels and requests, the hostile ones included."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from nbincoming.core.labels import ELEMENTS
from nbincoming.core.message import Request
from nbincoming.core.values import json_text

#: Names that a grammar of labels, a frame or a template may stumble over.
HOSTILE_NAMES = [
    "", " ", ".", "..", "a.b", "a b", "[0]", "[*]", "*", "0", "-1", '"', '\\"', "\\", "'", "]",
    "body", "headers", "length", "__proto__", "__class__", "{x}", "%s", "<b>", "\x00", "\n",
    "\t", "\x1f", "\x7f", "\x85", "\u00a0", "\u200b", "\u2028", "\ufeff", "é", "e\u0301", "ż",
    "ﬁ", "İ", "😀", "\U0010ffff", "x" * 300,
]  # fmt: skip

names = st.sampled_from(HOSTILE_NAMES) | st.text(max_size=12)
texts = st.sampled_from(HOSTILE_NAMES) | st.text(max_size=20)


def _decimal(sign: int, coefficient: int, exponent: int) -> Decimal:
    return Decimal((sign, tuple(map(int, str(coefficient))), exponent))


integers = (
    st.integers()
    | st.integers(-(2**70), 2**70)
    | st.builds(lambda sign, digits, n: sign * (10**digits + n),
                st.sampled_from([-1, 1]), st.integers(15, 4_299), st.integers(-9, 9))
)  # fmt: skip
decimals = (
    st.decimals(allow_nan=False, allow_infinity=False)
    | st.builds(_decimal, st.integers(0, 1), st.integers(0, 10**40), st.integers(-60, 60))
    | st.builds(
        _decimal,
        st.integers(0, 1),
        st.integers(0, 10**6),
        st.sampled_from([-(10**17), -5_000, -400, 400, 5_000, 10**17]),
    )
)
numbers = integers | decimals

scalars = st.none() | st.booleans() | numbers | texts
leaves = scalars | st.builds(dict) | st.builds(list)

#: Any JSON value, its leaves and its empty containers included.
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda children: (
        st.lists(children, max_size=5) | st.dictionaries(names, children, max_size=5)
    ),
    max_leaves=25,
)

#: A JSON value that a body may hold.
documents: st.SearchStrategy[Any] = st.lists(json_values, max_size=5) | st.dictionaries(
    names, json_values, max_size=6
)

indexes = st.integers(0, 999_999_999)

#: The path of a parameter.
paths = st.builds(
    lambda root, rest: (root, *rest),
    st.sampled_from(["body", "headers"]),
    st.lists(names | indexes, max_size=6),
)

#: The path of a condition's parameter.
element_paths = st.builds(
    lambda root, rest: (root, *rest),
    st.sampled_from(["body", "headers"]),
    st.lists(names | indexes | st.just(ELEMENTS), max_size=6),
)

header_names = st.sampled_from(
    [b"Content-Type", b"content-type", b"Authorization", b"X-Hub-Signature-256", b"X-Event",
     b"x-event", b"X-Deduplication-Hash", b"Webhook-Id", b"Webhook-Timestamp",
     b"Webhook-Signature", b"Cookie", b"", b"\xff", b"a.b"]
)  # fmt: skip
header_values = st.sampled_from(
    [b"application/json", b"application/vnd.x+json; charset=utf-8", b"text/plain", b"",
     b"Bearer a.b.c", b"sha256=00", b"\xff\xfe", "żółw".encode(), b"a,b", b"0" * 400]
) | st.binary(max_size=30)  # fmt: skip

#: Anything that may come over the wire.
requests = st.builds(
    Request,
    method=st.sampled_from(["POST", "GET", "PUT", "HEAD", "", "post"]),
    target=st.sampled_from(["/", "/x?hub.mode=subscribe", "//", "http://[", "/?%ff=%"]) | texts,
    headers=st.lists(st.tuples(header_names, header_values), max_size=6).map(tuple),
    body=st.binary(max_size=80) | documents.map(lambda value: json_text(value).encode()),
    received_at_ms=st.integers(0, 253_402_300_799_999),
)
