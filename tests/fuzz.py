"""``python -m tests.fuzz --count 1000000``: nothing but our refusals escapes ``judge``.

Real payloads are mutated byte by byte, piece by piece and member by member, headers too,
under every scheme; others are random. What is accepted goes on through the inbox and the
flat form, and each answer must be one that an HTTP server can send.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

from benchmarks.payloads import bodies
from nbincoming.core.auth.schemes import (
    basic,
    header,
    hmac_signature,
    jwt,
    meta,
    no_authorization,
    provider,
    standard_webhooks,
)
from nbincoming.core.auth.signing import signed
from nbincoming.core.conditions.builder import P
from nbincoming.core.deduplication import Deduplication
from nbincoming.core.gateway import (
    Gateway,
    answer,
    endpoint_path,
)
from nbincoming.core.outcomes import (
    Candidate,
    Challenge,
    Rejected,
)
from nbincoming.core.request.flattening import unflatten
from nbincoming.core.request.message import Request, Response
from nbincoming.core.request.reading import decode
from nbincoming.core.request.values import Value, json_text, same
from nbincoming.core.spec.model import Spec, Trigger
from nbincoming.errors import SecretError
from nbincoming.inbox.memory import MemoryInbox

ENDPOINT = "0b6f4c2e-57a0-4d3c-9c53-0c4d36c5a1b2"
NOW_MS = 1_795_000_000_000
SECRETS = {
    "env:KEY": b"k" * 40,
    "env:VERIFY": b"verify",
    "env:STANDARD": b"whsec_" + b"QUJD" * 8,
    "env:PAIR": b"me:sesame",
    "env:HEX": b"00ff" * 8,
    "env:PUBLIC": b"03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
}
SCHEMES = (
    no_authorization(),
    jwt(secret="env:KEY"),
    meta(secret="env:KEY", verify_token="env:VERIFY"),
    hmac_signature(secret="env:KEY", header="X-Signature", timestamp_header="X-Time"),
    standard_webhooks(secret="env:STANDARD"),
    hmac_signature(
        secret="env:KEY", header="X-Signature", member="v1", timestamp_member="t",
        signed="{method}{url}{timestamp}{body}", timestamp_format="iso8601",
    ),
    header("X-Api-Key", secret="env:KEY", prefix="Bearer "),
    basic(secret="env:PAIR"),
    *(
        provider(name, secret="env:KEY")
        for name in ("stripe", "paddle", "twilio", "hubspot", "mailgun", "microsoft-graph",
                     "linear", "pagerduty")
    ),
    provider("adyen", secret="env:HEX"),
    provider("discord", secret="env:PUBLIC"),
    provider("whatsapp", secret="env:KEY", verify_token="env:VERIFY"),
)  # fmt: skip
WHEN = (
    (
        P.body.action.is_in(["opened", "created"])
        | P.body.repository.id.as_number().between(1, 2**70)
    )
    & ~(P.body.repository.created_at.in_last("P7D") & P.body.sender.login.matches("^[a-z]+$"))
    & (
        P.body.commits.any_element(lambda c: c.message.ignoring_case().contains("FIX"))
        | P.body.sender.id.exists()
    )
    & (P.body["repository"]["size"] >= P.body.repository.forks)
)

#: Pieces that have broken parsers before.
PIECES = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"NaN",
    b"-Infinity",
    b"1e400",
    b"1e-9999999999999999999",
    b"9" * 4_299,
    b"9" * 5_000,
    b"[" * 70,
    b"{" * 300,
    b'"\\ud800"',
    b'"\\u0000"',
    b'{"":{}}',
    b'{"a.b":1}',
    b"\\",
    b'"',
    b",",
    b":",
    b"}",
    b"]",
    b"null",
    b"true",
    b"-0",
    b"0.1",
    b"0001-01-01T00:00:00+14:00",
    b"\xf0\x9f\x98\x80",
)


#: Values that have broken programs before, and names.
VALUES: tuple[Value, ...] = (
    None, True, False, 0, -1, 2**53 + 1, 2**64, 10**400, Decimal("-0.0"), Decimal("0.1"),
    Decimal("1e400"), Decimal("1e999999999999999999"), Decimal("-1e-999999999999999999"),
    "", "0", "true", "null", "\x00", "\u202e", "\U0010ffff", "e\u0301", "İ", "a" * 5_000, "1e5",
    "2024-06-10T09:15:30Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "2024-02-30", "2024-06-10", {}, [], [[]], [{}], {"": None}, [None, 1, "1", True],
    {"id": 1, "message": "fix"}, [{"id": 1, "message": "fix"}, 5], [0] * 300,
)  # fmt: skip
NAMES = ("", ".", "a.b", "[0]", "[*]", '"', "\\", " ", "\n", "id", "action", "__proto__", "n" * 300)
DEEP: list[Value] = []
for _ in range(70):
    DEEP = [DEEP]
WIDE: list[Value] = [0] * 10_001

#: The statuses of section 4 of the design that the core itself can answer.
STATUSES = frozenset({200, 204, 400, 401, 403, 405, 413, 415})


def gateways() -> list[Gateway]:
    """Make one gateway for each scheme."""
    return [
        Gateway(
            Spec(
                name="fuzz",
                endpoint=ENDPOINT,
                authorization=scheme,
                deduplication=Deduplication(
                    parameters=(
                        "body.repository",
                        "body.action",
                        "headers.x-deduplication-hash",
                        "body.commits[0].id",
                    )
                ),
                triggers=(Trigger(name="any", when=WHEN),),
                time_zone="America/New_York",
            ),
            SECRETS,
        )
        for scheme in SCHEMES
    ]


def mutate(rng: random.Random, raw: bytes) -> bytes:
    """Change a text in a few places."""
    text = bytearray(raw)
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        at = rng.randrange(len(text) + 1)
        match rng.randrange(5):
            case 0 if text:
                text[at % len(text)] = rng.randrange(256)
            case 1:
                text[at:at] = rng.choice(PIECES)
            case 2:
                del text[at : at + rng.choice((1, 5, 200))]
            case 3:
                start = rng.randrange(len(text) + 1)
                text[at:at] = text[start : start + rng.choice((1, 20, 300))]
            case _:
                text[at : at + rng.choice((1, 8))] = rng.choice(PIECES)
    return bytes(text)


def graft(rng: random.Random, value: Value) -> Value:
    """Change a value somewhere: it stays JSON, with a member or an element that nobody sends.

    What is not on the way there is shared with the original.
    """
    if not value or not isinstance(value, dict | list) or rng.random() < 0.15:
        return rng.choice((DEEP, WIDE)) if rng.random() < 0.01 else rng.choice(VALUES)
    if isinstance(value, list):
        at = rng.randrange(len(value))
        return [*value[:at], graft(rng, value[at]), *value[at + 1 :]]
    name = rng.choice(list(value))
    match rng.randrange(6):
        case 0:
            return {other: child for other, child in value.items() if other != name}
        case 1:
            return {**value, rng.choice(NAMES): rng.choice(VALUES)}
        case _:
            return {**value, name: graft(rng, value[name])}


def body_of(rng: random.Random, raw: bytes, value: Value) -> bytes:
    """Make a body of a payload: spoiled as text, changed as a value, or just random bytes."""
    way = rng.random()
    if way < 0.5:
        return mutate(rng, raw)
    if way < 0.95:
        for _ in range(rng.choice((1, 1, 3))):
            value = graft(rng, value)
        return json_text(value).encode()
    return rng.randbytes(rng.randrange(200))


def request(rng: random.Random, gateway: Gateway, body: bytes) -> Request:
    """Make a request of a body, mostly with good credentials, sometimes with spoiled ones."""
    target = endpoint_path(ENDPOINT)
    kind = rng.choice((b"application/json",) * 9 + (b"application/x-www-form-urlencoded",))
    good = Request(
        "POST",
        target,
        (
            (b"Host", b"hooks.example.com"),
            (b"Content-Type", kind),
            (b"X-Deduplication-Hash", b"h%d" % rng.randrange(300)),
        ),
        body,
        NOW_MS,
    )
    with suppress(SecretError):  # a body without a place for the proof, or a public key
        good = signed(gateway.spec.authorization, SECRETS, good)
    headers, body, target = list(good.headers), good.body, good.target
    if rng.random() < 0.4:
        index = rng.randrange(len(headers))
        name, value = headers[index]
        headers[index] = (
            (mutate(rng, name), value) if rng.random() < 0.2 else (name, mutate(rng, value))
        )
    if rng.random() < 0.1:
        headers.append(rng.choice(headers))
    method = rng.choice(("POST",) * 20 + ("GET", "HEAD", "OPTIONS", "", "P\x00ST"))
    query = mutate(rng, b"hub.mode=subscribe&hub.verify_token=verify&hub.challenge=1158").decode(
        "latin-1"
    )
    target += "?" + query if method == "GET" else ""
    return Request(
        method, target, tuple(headers), body, NOW_MS + rng.choice((0, 1, 10**7, -(10**7)))
    )


def check(response: Response) -> None:
    """Check that an answer can be sent, and says no more than it must."""
    assert response.status in STATUSES
    for name, value in response.headers:
        assert (name + value).isascii()
        assert (name + value).isprintable()
    if response.status >= 400:
        assert len(response.body) < 1_500
        assert set(decode(response.body)) == {"type", "title", "status", "detail"}


def run(count: int, seed: int, say: Callable[[str], object] = print) -> Counter[str]:
    """Judge and answer so many requests; whatever escapes is raised with its seed."""
    rng = random.Random(seed)
    made, inbox = gateways(), MemoryInbox(max_events=10)
    payloads = [(body, decode(body)) for body in bodies() if len(body) < 12_000]
    found: Counter[str] = Counter()
    for number in range(count):
        gateway = rng.choice(made)
        made_request = request(rng, gateway, body_of(rng, *rng.choice(payloads)))
        try:
            judged = gateway.judge(made_request)
            if isinstance(judged, Candidate):
                found["candidate"] += 1
                (outcome,) = inbox.claim([judged])
                found[type(outcome).__name__.lower()] += 1
                check(answer(outcome))
                if not number % 50:
                    flat = judged.parameters.flat(masked=False)
                    assert same(unflatten(flat), judged.parameters.roots())
            else:
                assert isinstance(judged, Challenge | Rejected)
                found["challenge" if isinstance(judged, Challenge) else judged.refusal.slug] += 1
                check(answer(judged))
        except BaseException:
            say(f"seed {seed}, request {number}: {made_request.method} {made_request.body[:500]!r}")
            raise
    return found


def main() -> None:
    """Run and print how the requests fared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for slug, number in run(options.count, options.seed).most_common():
        print(f"{number:>9,} {slug}")  # noqa: T201 - a command's output


if __name__ == "__main__":
    main()
