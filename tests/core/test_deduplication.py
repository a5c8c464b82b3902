"""Keys and windows: when two requests are the same, and for how long."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)
from pydantic import ValidationError

from nbincoming.core.deduplication import (
    Anchor,
    Claimants,
    Deduplication,
    check_own_hash,
    compile_key,
    is_duplicate,
    key_of,
    next_anchor_ms,
    preimage,
)
from nbincoming.core.outcomes import (
    Accepted,
    Candidate,
    Claim,
    Duplicate,
    Filtered,
)
from nbincoming.core.request.labels import format_path
from nbincoming.core.request.message import Request
from nbincoming.core.request.parameters import Parameters
from nbincoming.core.request.reading import decode
from nbincoming.core.request.values import MISSING, json_text, same
from nbincoming.errors import BadHeader
from nbincoming.inbox.memory import MemoryInbox
from tests.core.request.test_values import other_order
from tests.core.strategies import json_values, names, numbers, texts

GOLDEN = json.loads((Path(__file__).parent / "golden_keys.json").read_text())["keys"]

maybe_values = json_values | st.just(MISSING)
chosen = st.dictionaries(
    names.map(lambda name: format_path(("body", name))), maybe_values, min_size=1, max_size=5
)


# --- a second implementation, from the grammar in the docs ---------------------------


class Twin:
    """The key by its grammar, with Python's own JSON reader and other arithmetic."""

    def key(self, values: dict[str, str | None]) -> tuple[str, str | None]:
        written = "nbincoming-key/1\n"
        for label in sorted(values, key=lambda text: text.encode("utf-8")):
            written += self.sized(label) + self.encoded(self.read(values[label]))
        hashed = hashlib.sha256(written.encode("utf-8")).hexdigest()
        return written, None if all(text is None for text in values.values()) else hashed

    def read(self, text: str | None) -> Any:
        if text is None:
            return "missing"
        return json.loads(f"[{text}]", parse_float=self.number, parse_int=self.number)

    def number(self, token: str) -> dict[str, Any]:
        """A number as sign, digits and exponent, with no arithmetic on it."""
        mantissa, _, power = token.lower().partition("e")
        whole, _, fraction = mantissa.lstrip("-").partition(".")
        digits, exponent = (whole + fraction).lstrip("0"), int(power or 0) - len(fraction)
        while digits.endswith("0"):
            digits, exponent = digits[:-1], exponent + 1
        text = self.written("-" if token.startswith("-") else "", digits, exponent)
        return {"\udc00number": text}  # a name that JSON cannot have

    def written(self, minus: str, digits: str, exponent: int) -> str:
        if not digits:
            return "0"
        before = len(digits) + exponent
        if -40 <= exponent <= 40 and before <= 4_300:
            if exponent >= 0:
                return minus + digits + "0" * exponent
            padded = digits.rjust(1 - exponent, "0")
            return minus + padded[:exponent] + "." + padded[exponent:]
        if len(digits) <= 4_300:
            return f"{minus}{digits}e{exponent}"
        return f"{minus}{digits[0]}.{digits[1:]}e{before - 1}"

    def encoded(self, read: Any) -> str:
        return "m" if read == "missing" else self.value(read[0])

    def value(self, value: Any) -> str:
        if value is None:
            return "z"
        if isinstance(value, bool):
            return f"b{int(value)}"
        if isinstance(value, str):
            return "s" + self.sized(value)
        if isinstance(value, list):
            return f"a{len(value)}:" + "".join(map(self.value, value))
        if "\udc00number" in value:
            return "n" + self.sized(value["\udc00number"])
        ordered = sorted(value, key=lambda name: name.encode("utf-8"))
        pairs = (self.sized(name) + self.value(value[name]) for name in ordered)
        return f"o{len(value)}:" + "".join(pairs)

    @staticmethod
    def sized(text: str) -> str:
        return f"{len(text.encode('utf-8'))}:{text}"


def read_values(values: dict[str, str | None]) -> dict[str, Any]:
    return {
        label: MISSING if text is None else decode(f"[{text}]".encode())[0]
        for label, text in values.items()
    }


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden["name"])
def test_a_key_is_the_published_one(golden: dict[str, Any]) -> None:
    """The golden vectors hold: keys stored by an older version stay good."""
    values = read_values(golden["values"])
    assert preimage(values).decode() == golden["preimage"]
    assert key_of(values) == golden["sha256"]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden["name"])
def test_the_published_keys_follow_from_the_grammar(golden: dict[str, Any]) -> None:
    """Whoever implements the documented grammar in another language gets these keys."""
    assert Twin().key(golden["values"]) == (golden["preimage"], golden["sha256"])


@given(chosen)
def test_every_key_follows_from_the_grammar(values: dict[str, Any]) -> None:
    """Two implementations agree on anything that JSON can say."""
    texts = {
        label: None if value is MISSING else json_text(value) for label, value in values.items()
    }
    assert (preimage(values).decode(), key_of(values)) == Twin().key(texts)


# --- what makes requests the same ----------------------------------------------------


def key(value: Any) -> str | None:
    return key_of({"body.a": value, "body.b": 1})


@pytest.mark.parametrize("one", ["1", "1.0", "1e0", "10e-1", "0.1e1", "1.000"])
def test_one_is_one_however_it_is_written(one: str) -> None:
    """Senders re-serialise numbers; the key does not change."""
    assert key(decode(f"[{one}]".encode())[0]) == key(1)


def test_values_that_look_alike_have_keys_of_their_own() -> None:
    """1, "1", true, "true", null, "", [], {}, [1] and missing are ten values."""
    values: list[Any] = [1, "1", True, "true", None, "", [], {}, [1], MISSING]
    assert len({key(value) for value in values}) == len(values)


@given(maybe_values, maybe_values)
def test_keys_are_equal_exactly_where_values_are(one: Any, other: Any) -> None:
    """The key and equality cannot disagree; missing equals only missing."""
    equal = one is other if MISSING in (one, other) else same(one, other)
    assert (key(one) == key(other)) == equal


@given(numbers, texts)
def test_a_number_is_no_text(number: int | Decimal, text: str) -> None:
    """No text has the key of a number."""
    assert key(number) != key(text)


@given(json_values)
def test_the_order_of_members_does_not_change_a_key(value: Any) -> None:
    """An object is the same whichever member comes first."""
    assert key(value) == key(other_order(value))


@given(chosen, st.randoms())
def test_the_order_of_choice_does_not_change_a_key(values: dict[str, Any], random: Any) -> None:
    """Whichever parameter was clicked first, the key is the same."""
    labels = list(values)
    random.shuffle(labels)
    assert preimage({label: values[label] for label in labels}) == preimage(values)


@given(st.lists(texts, min_size=2, max_size=5), st.lists(texts, min_size=2, max_size=5))
def test_values_cannot_run_into_each_other(one: list[str], other: list[str]) -> None:
    """What is cut differently between parameters is another key."""
    assume(one != other)
    labels = [f"body.p{index}" for index in range(5)]
    ones = dict(zip(labels, one, strict=False))
    others = dict(zip(labels, other, strict=False))
    assert key_of(ones) != key_of(others)  # type: ignore[arg-type]  # str is a Value


@given(chosen, chosen)
@example(
    {"body.a": 1, "body.b": {"x": 1, "y": 2}},
    {"body.b": {"y": 2, "x": 1}, "body.a": Decimal("1.0")},
)
@example({"body.a": MISSING}, {"body.a": None})
def test_keys_are_equal_exactly_where_labels_and_values_are(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    """The preimage has no two readings, across any number of parameters."""
    equal = one.keys() == other.keys() and all(
        one[label] is other[label]
        if MISSING in (one[label], other[label])
        else same(one[label], other[label])
        for label in one
    )
    assert (preimage(one) == preimage(other)) == equal


def test_without_any_of_its_parameters_a_request_has_no_key() -> None:
    """All missing: accepted and not deduplicated, since nothing says that two are the same."""
    assert key_of({"body.a": MISSING, "body.b": MISSING}) is None
    assert key_of({"body.a": MISSING, "body.b": None}) is not None


def test_a_python_float_has_no_key() -> None:
    """What was rounded must not decide, nor pass for missing."""
    with pytest.raises(TypeError, match="cannot contain a float"):
        key_of({"body.a": 1.5})


# --- the key of a request --------------------------------------------------------------


@given(
    st.dictionaries(st.sampled_from("abcdefg"), json_values, max_size=7),
    st.lists(
        st.sampled_from([f"body.{name}" for name in "abcdefgh"] + ["headers.x-a", "body"]),
        min_size=1,
        max_size=5,
        unique=True,
    ),
)
def test_a_compiled_key_is_the_key_of_the_values(body: dict[str, Any], labels: list[str]) -> None:
    """Compiling changes the speed and nothing else."""
    parameters = Parameters(body, {"x-a": ["1", "2"]})
    rule = Deduplication(parameters=tuple(labels))
    values = {
        label: parameters.at(tuple(label.split(".")))  # plain names: a dot is a level
        for label in labels
    }
    assert compile_key(rule)(parameters.roots()) == key_of(values)


def test_a_key_reads_elements_and_quoted_names() -> None:
    """Any parameter of the flat form can be chosen."""
    rule = Deduplication(parameters=('body["a.b"][1].c', "headers.x-a[0]"))
    parameters = Parameters({"a.b": [{}, {"c": 5}]}, {"x-a": ["1", "2"]})
    wanted = key_of({'body["a.b"][1].c': 5, "headers.x-a[0]": "1"})
    assert compile_key(rule)(parameters.roots()) == wanted


# --- settings --------------------------------------------------------------------------


def settings_error(**settings: Any) -> str:
    with pytest.raises(ValidationError) as raised:
        Deduplication.model_validate(settings)
    return str(raised.value)


def test_the_defaults_are_the_platforms() -> None:
    """Seven days from the last request, and every request owns its key."""
    rule = Deduplication(parameters=("body.id",))
    assert rule.data() == {
        "parameters": ["body.id"],
        "window": "P7D",
        "anchor": "last_request",
        "claims": "every_request",
    }
    assert rule.window_ms == 7 * 24 * 3_600_000


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([], "at least 1"),
        ([f"body.p{index}" for index in range(6)], "at most 5"),
        (["body.a", 'body["a"]'], "'body.a' is chosen twice"),
        (["a"], "is not a parameter"),
        (["body.items[*].id"], "A key cannot use [*]. Choose another parameter or the whole array"),
        (["headers.authorization"], "carries credentials"),
        (["headers.x-hub-signature-256"], "carries credentials"),
        (["headers"], "carries credentials"),
        (["headers.X-Api-Key"], "carries credentials"),
        (["headers.X-Event", "headers.x-event"], "chosen twice"),
        ("body.a", "valid tuple"),
    ],
)
def test_what_cannot_make_a_key_is_refused(parameters: Any, message: str) -> None:
    """One to five parameters, each once, none of them a credential."""
    assert message in settings_error(parameters=parameters)


def test_labels_are_brought_to_their_canonical_form() -> None:
    """However a label is spelled, the spec holds the one form, and so does the preimage."""
    rule = Deduplication(parameters=('body["a"]', 'body["x y"]'))
    assert rule.parameters == ("body.a", 'body["x y"]')


@pytest.mark.parametrize(
    ("field", "value"),
    [("window", "P1M"), ("window", "PT0S"), ("anchor", "last"), ("claims", "all"), ("ttl", 1)],
)
def test_unknown_settings_are_refused(field: str, value: Any) -> None:
    """Neither a typing error nor a window without a length passes in silence."""
    assert field in settings_error(parameters=["body.a"], **{field: value})


def space(**settings: Any) -> str:
    rule = {"parameters": ["body.a", "body.b"], **settings}
    return Deduplication.model_validate(rule).key_space("uuid")


@pytest.mark.parametrize(
    "settings",
    [
        {"parameters": ["body.a"]},
        {"parameters": ["body.a", "body.c"]},
        {"window": "P8D"},
        {"anchor": "first_accepted"},
        {"claims": "triggered"},
    ],
)
def test_other_settings_have_keys_of_their_own(settings: dict[str, Any]) -> None:
    """A key claimed under one rule says nothing under another."""
    assert space(**settings) != space()


def test_the_same_settings_share_their_keys() -> None:
    """Neither the order of choice nor the spelling of the window starts anew."""
    assert space(parameters=["body.b", "body.a"], window="P1W") == space()
    assert space().startswith("uuid/")


def test_integrations_share_no_keys() -> None:
    """Two endpoints with the same settings do not see each other's requests."""
    rule = Deduplication(parameters=("body.a",))
    assert rule.key_space("one") != rule.key_space("other")


# --- the sender's own hash -------------------------------------------------------------


def own(*values: bytes, chosen: str = "headers.x-deduplication-hash") -> None:
    headers = tuple((b"X-Deduplication-Hash", value) for value in values)
    check_own_hash(Request("POST", "/", headers, b"{}", 0), Deduplication(parameters=(chosen,)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((b"a", b"a"), "was sent 2 times"),
        ((b"a" * 257,), "has 257 bytes. Send at most 256"),
        ((b"",), "is empty"),
        ((b" \t",), "is empty"),
        ((b"\xe9",), "other than printable ASCII"),
        (("é".encode(),), "other than printable ASCII"),
        ((b"a\tb",), "other than printable ASCII"),
        ((b"a\x01",), "other than printable ASCII"),
        ((b"a\x7f",), "other than printable ASCII"),
    ],
)
def test_an_ambiguous_hash_of_the_senders_own_is_refused(
    values: tuple[bytes, ...], message: str
) -> None:
    """Twice, empty, too long or not ASCII: unrelated requests could share it."""
    with pytest.raises(BadHeader, match=message) as raised:
        own(*values)
    assert raised.value.status == 400


def test_a_hash_of_the_senders_own_may_be_left_out_or_be_long() -> None:
    """Missing, it counts as any missing parameter; 256 bytes are allowed."""
    own()
    own(b"a" * 256)


def test_a_hash_that_is_not_chosen_does_not_matter() -> None:
    """The header counts only where it is among the parameters."""
    own(b"", b"\xff" * 999, chosen="body.id")


# --- the window ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age_ms", "duplicate"), [(-1, True), (0, True), (999, True), (1_000, True), (1_001, False)]
)
def test_the_end_of_the_window_belongs_to_it(age_ms: int, duplicate: bool) -> None:
    """A duplicate if and only if now - anchor <= window, to the millisecond."""
    now = 1_718_010_930_000
    assert is_duplicate(now, now - age_ms, 1_000) is duplicate


@pytest.mark.parametrize(
    ("anchor", "now_ms", "wanted"),
    [
        ("last_request", 1_500, 1_500),
        ("last_request", 900, 1_000),
        ("first_accepted", 1_500, 1_000),
        ("first_accepted", 900, 1_000),
    ],
)
def test_the_anchor_follows_the_last_request_or_stays(
    anchor: Anchor, now_ms: int, wanted: int
) -> None:
    """It never moves back, should the clock do so."""
    assert next_anchor_ms(anchor, now_ms, 1_000) == wanted


class Window(RuleBasedStateMachine):
    """The inbox against a model that remembers every request and thinks anew each time."""

    anchor: Anchor
    claims: Claimants

    @initialize(
        anchor=st.sampled_from(["last_request", "first_accepted"]),
        claims=st.sampled_from(["every_request", "triggered"]),
    )
    def begin(self, anchor: Anchor, claims: Claimants) -> None:
        self.anchor, self.claims = anchor, claims
        self.window_ms = 1_000
        self.now_ms = 10_000
        self.inbox = MemoryInbox()
        self.seen: list[tuple[str, int, str]] = []  # key, time, what became of it
        self.accepted: list[str | None] = []

    @rule(ms=st.sampled_from([0, 1, 400, 999, 1_000, 1_001, 5_000]))
    def wait(self, ms: int) -> None:
        self.now_ms += ms

    @rule(ms=st.sampled_from([1, 500]))
    def clock_steps_back(self, ms: int) -> None:
        self.now_ms -= ms

    @rule(key=st.sampled_from("abc"), wanted=st.booleans())
    def request(self, key: str, wanted: bool) -> None:
        (claimed,) = self.inbox.claim([self.candidate(key, wanted)])
        assert type(claimed) is self.expected(key, wanted)

    @rule(keys=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=4))
    def batch(self, keys: list[tuple[str, bool]]) -> None:
        claimed = self.inbox.claim([self.candidate(key, wanted) for key, wanted in keys])
        assert [type(each) for each in claimed] == [self.expected(*pair) for pair in keys]

    @rule(wanted=st.booleans())
    def request_without_key(self, wanted: bool) -> None:
        (claimed,) = self.inbox.claim([self.candidate(None, wanted)])
        assert type(claimed) is (Accepted if wanted else Filtered)
        if wanted:
            self.accepted.append(None)

    @invariant()
    def the_accepted_are_there_in_order(self) -> None:
        if hasattr(self, "inbox"):
            assert [event.key for _, event in self.inbox.events()] == self.accepted

    def candidate(self, key: str | None, wanted: bool) -> Candidate:
        claim = None
        if key is not None and (wanted or self.claims == "every_request"):
            claim = Claim("space", key, self.window_ms, self.anchor)
        request = Request("POST", "/", (), b"{}", self.now_ms)
        return Candidate("uuid", 1, request, {}, key, claim, (), wanted)

    def expected(self, key: str, wanted: bool) -> type:
        """The model: walk through all that was seen of this key, and say what this one is."""
        if not wanted and self.claims == "triggered":
            return Filtered
        anchor: int | None = None
        for seen_key, at, became in self.seen:
            if seen_key != key:
                continue
            if became == "first" or anchor is None:
                anchor = at
            elif self.anchor == "last_request":
                anchor = max(anchor, at)
        if anchor is not None and self.now_ms - anchor <= self.window_ms:
            self.seen.append((key, self.now_ms, "again"))
            return Duplicate
        self.seen.append((key, self.now_ms, "first"))
        if wanted:
            self.accepted.append(key)
        return Accepted if wanted else Filtered


TestWindow = Window.TestCase
