"""What Hypothesis draws: JSON values, labels and requests, the hostile ones included."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from nbincoming.core.conditions.operators import OPERATORS, Operator
from nbincoming.core.conditions.tree import MAX_NESTING
from nbincoming.core.request.labels import ELEMENTS, format_path
from nbincoming.core.request.masking import is_secret_header
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import json_text

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
    lambda children: st.lists(children, max_size=5) | st.dictionaries(names, children, max_size=5),
    max_leaves=25,
)

#: A JSON value that a body may hold.
documents: st.SearchStrategy[Any] = st.lists(json_values, max_size=5) | st.dictionaries(
    names, json_values, max_size=6
)

indexes = st.integers(0, 999_999_999)


def path_of(root: str, rest: list[Any]) -> tuple[Any, ...]:
    """Put a path together, with a header's name in lower case."""
    if root == "headers" and rest and isinstance(rest[0], str):
        rest = [rest[0].lower(), *rest[1:]]
    return (root, *rest)


#: The path of a parameter.
paths = st.builds(
    path_of,
    st.sampled_from(["body", "headers"]),
    st.lists(names | indexes, max_size=6),
)

#: The path of a condition's parameter.
element_paths = st.builds(
    path_of,
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

# --- specs -------------------------------------------------------------------------

body_labels = st.lists(names | indexes, max_size=3).map(lambda rest: format_path(("body", *rest)))
secret_names = st.sampled_from(["env:KEY", "env:_OLD_KEY2", "file:/run/secrets/x", "file:a b"])


def _leaf(row: Operator, label: str, ignore_case: bool) -> dict[str, Any]:
    leaf: dict[str, Any] = {"parameter": label, "operator": row.name}
    if row.operand == "condition":
        leaf["value"] = {"parameter": label + "[*]", "operator": "exists"}
        return leaf
    if row.type == "datetime":
        leaf["type"] = row.type
    if row.operand != "none":
        leaf["value"] = row.example
    return {**leaf, "ignore_case": True} if ignore_case else leaf


def is_shallow(data: dict[str, Any]) -> bool:
    """Tell whether a condition is not nested beyond what a spec may have."""

    def depth(part: Any) -> int:
        children = (
            part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        )
        return max((depth(child) for child in children), default=0) + isinstance(part, dict)

    return depth(data) < MAX_NESTING


condition_data: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.builds(_leaf, st.sampled_from(OPERATORS), body_labels, st.booleans()),
    lambda children: (
        st.builds(lambda parts: {"all": parts}, st.lists(children, min_size=1, max_size=3))
        | st.builds(lambda parts: {"any": parts}, st.lists(children, min_size=1, max_size=3))
        | st.builds(lambda part: {"not": part}, children)
    ),
    max_leaves=6,
).filter(is_shallow)

authorization_data = st.one_of(
    st.just({"scheme": "none"}),
    st.fixed_dictionaries(
        {"scheme": st.just("jwt"), "secrets": st.lists(secret_names, min_size=1, max_size=3)},
        optional={
            "algorithm": st.sampled_from(["HS512", "RS256", "EdDSA"]),
            "permission": st.none() | texts,
            "audience": st.none() | texts,
            "leeway_s": st.integers(0, 600),
        },
    ),
    st.fixed_dictionaries(
        {"scheme": st.just("meta"), "secrets": st.lists(secret_names, min_size=1, max_size=3)},
        optional={"verify_token": secret_names},
    ),
    st.fixed_dictionaries(
        {
            "scheme": st.just("hmac"),
            "secrets": st.lists(secret_names, min_size=1, max_size=3),
            "header": st.sampled_from(["X-Signature", "x-check"]),
        },
        optional={
            "prefix": st.sampled_from(["", "v0=", "ż="]),
            "encoding": st.sampled_from(["base64", "base64url"]),
            "separator": st.sampled_from([",", " "]),
            "secret_encoding": st.sampled_from(["hex", "base64"]),
        },
    ),
    st.sampled_from(
        [
            {"signed": "v0:{timestamp}:{body}", "timestamp_header": "x-time"},
            {"member": "v1", "timestamp_member": "t", "timestamp_format": "ms"},
            {"signed": "{method} {path}{body}{header:X-A}"},
            {"signed": "{id}.{url}.{body}", "id_header": "X-Id", "url": "https://example.com/x"},
        ]
    ).map(lambda each: {"scheme": "hmac", "secrets": ["env:A"], "header": "x-s", **each}),
    st.fixed_dictionaries(
        {
            "scheme": st.just("header"),
            "secrets": st.lists(secret_names, min_size=1, max_size=3),
            "header": st.sampled_from(["Authorization", "x-api-key"]),
        },
        optional={"prefix": st.sampled_from(["Bearer ", "v1="])},
    ),
    st.fixed_dictionaries(
        {"scheme": st.just("basic"), "secrets": st.lists(secret_names, min_size=1, max_size=3)}
    ),
    st.fixed_dictionaries(
        {
            "scheme": st.just("provider"),
            "secrets": st.lists(secret_names, min_size=1, max_size=3),
            "provider": st.sampled_from(["stripe", "slack", "paddle"]),
        },
        optional={"tolerance_s": st.integers(1, 86_400)},
    ),
    st.fixed_dictionaries(
        {
            "scheme": st.just("provider"),
            "secrets": st.lists(secret_names, min_size=1, max_size=3),
            "provider": st.sampled_from(["square", "twilio"]),
        },
        optional={"url": st.sampled_from(["forwarded", "https://example.com/hook"])},
    ),
    st.fixed_dictionaries(
        {
            "scheme": st.just("standard-webhooks"),
            "secrets": st.lists(secret_names, min_size=1, max_size=3),
        },
        optional={"tolerance_s": st.integers(1, 86_400)},
    ),
)

#: Names of headers that an example may hold.
plain_headers = texts.filter(lambda name: not is_secret_header(name.lower()))

#: The JSON form of a spec without problems.
spec_data: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True),
        "endpoint": st.uuids().map(str),
    },
    optional={
        "$schema": st.sampled_from(["", "https://example.com/incoming.schema.json"]),
        "schema_version": st.just(1),
        "icon": st.sampled_from(["📨", "", "👩‍🚒"]),
        "version": st.integers(0, 99),
        "authorization": authorization_data,
        "deduplication": st.none()
        | st.fixed_dictionaries(
            {"parameters": st.lists(body_labels, min_size=1, max_size=5, unique=True)},
            optional={
                "window": st.sampled_from(["P7D", "PT90S", "P1DT12H"]),
                "anchor": st.sampled_from(["last_request", "first_accepted"]),
                "claims": st.sampled_from(["every_request", "triggered"]),
            },
        ),
        "triggers": st.lists(
            st.fixed_dictionaries(
                {"name": st.text(min_size=1, max_size=20), "when": condition_data}
            ),
            max_size=3,
            unique_by=lambda trigger: trigger["name"],
        ),
        "time_zone": st.sampled_from(["UTC", "Europe/Warsaw", "Asia/Kathmandu"]),
        "max_body_bytes": st.integers(2, 67_108_864),
        "max_depth": st.integers(1, 150),
        "max_parameters": st.integers(1, 1_000_000),
        "parameters": st.lists(
            st.fixed_dictionaries(
                {
                    "label": body_labels,
                    "kinds": st.lists(st.sampled_from(["null", "string", "number"]), max_size=3),
                    "coverage": st.sampled_from(["0/0", "28/40"]),
                }
            ),
            max_size=3,
        ),
        "examples": st.lists(
            st.fixed_dictionaries(
                {
                    "name": texts,
                    "headers": st.lists(st.tuples(plain_headers, texts).map(list), max_size=3),
                    "body": texts,
                    "received_at_ms": st.integers(0, 253_402_300_799_999),
                    "outcome": st.sampled_from(["accepted", "filtered", "rejected"]),
                },
                optional={"triggers": st.lists(texts, max_size=2), "key": st.none()},
            ),
            max_size=2,
            unique_by=lambda example: example["name"],
        ),
    },
)
