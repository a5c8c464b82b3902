"""What every inbox promises, whatever it is made of.

A test module of an inbox subclasses :class:`InboxContract` and overrides its fixture
``inbox``. Only the protocol is used. One inbox serves all examples of a property, so each
example claims in a key space of its own.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from nbincoming.core.deduplication import Anchor
from nbincoming.core.events import Event, event_id
from nbincoming.core.outcomes import (
    Accepted,
    Candidate,
    Claim,
    Claimed,
    Duplicate,
    Filtered,
)
from nbincoming.core.request.message import RawHeaders, Request
from nbincoming.core.request.reading import decode
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.protocol import ClaimResult, Inbox

WINDOW_MS = 60_000
NOW_MS = 1_718_010_930_000
JSON_HEADERS = ((b"Content-Type", b"application/json"),)

#: As many as may meet at one key, and how often they do.
THREADS = 12
ROUNDS = 10


def hashed(name: str) -> str:
    """Return a key, as a request's parameters hash to."""
    return hashlib.sha256(name.encode()).hexdigest()


class Sender:
    """Makes candidates of one integration."""

    def __init__(self) -> None:
        self.integration = str(uuid4())
        self.space = self.space_named("one")

    def space_named(self, name: str) -> str:
        """Return a key space of the integration."""
        return f"{self.integration}/{hashed(name)[:16]}"

    def __call__(
        self,
        key: str | None = "a",
        *,
        at_ms: int = NOW_MS,
        anchor: Anchor = "last_request",
        window_ms: int = WINDOW_MS,
        space: str | None = None,
        claims: bool = True,
        wanted: bool = True,
        triggers: tuple[str, ...] = (),
        version: int = 1,
        body: bytes = b"{}",
        headers: RawHeaders = JSON_HEADERS,
    ) -> Candidate:
        """Make a candidate; without a key, or without a claim, it claims nothing."""
        digest = None if key is None else hashed(key)
        claim = None
        if digest is not None and claims:
            claim = Claim(space or self.space, digest, window_ms, anchor)
        return Candidate(
            integration=self.integration,
            version=version,
            request=Request("POST", "/", headers, body, at_ms),
            body=decode(body),
            key=digest,
            claim=claim,
            triggers=triggers,
            wanted=wanted,
        )


def kinds(outcomes: Sequence[ClaimResult]) -> list[type[ClaimResult]]:
    """Return the types of outcomes."""
    return [type(outcome) for outcome in outcomes]


def all_events(inbox: Inbox, *, after: int = 0, limit: int = 1_000) -> list[tuple[int, Event]]:
    """Page through the events to their end."""
    found = []
    while page := inbox.events(after=after, limit=limit):
        found += page
        after = page[-1][0]
    return found


def in_threads(work: Callable[[int], list[Claimed]]) -> list[Claimed]:
    """Run work in many threads that start together, and gather what they got."""
    barrier = threading.Barrier(THREADS)

    def together(number: int) -> list[Claimed]:
        barrier.wait(60)
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return [outcome for part in pool.map(together, range(THREADS)) for outcome in part]


class NaiveLog:
    """The window rule by going through the whole history of a key, each time anew."""

    def __init__(self, anchor: Anchor, window_ms: int) -> None:
        self.anchor, self.window_ms = anchor, window_ms
        self.log: list[tuple[str, int]] = []

    def claim(self, key: str, now_ms: int) -> tuple[int, int] | None:
        """Return when the key was first claimed, and its anchor; None if it is free."""
        first_ms = anchor_ms = None
        for name, at_ms in [*self.log, (key, now_ms)]:
            if name != key:
                continue
            in_force = (first_ms, anchor_ms)
            if anchor_ms is None or at_ms - anchor_ms > self.window_ms:
                in_force = None
                first_ms = anchor_ms = at_ms
            elif self.anchor == "last_request":
                anchor_ms = max(anchor_ms, at_ms)
        self.log.append((key, now_ms))
        return in_force


class InboxMachine(RuleBasedStateMachine):
    """Any sequence of claims agrees with the naive log, and the events with the claims."""

    def __init__(self, inbox: Inbox) -> None:
        super().__init__()
        self.inbox = inbox
        self.send = Sender()
        self.after = max((number for number, _ in all_events(inbox)), default=0)
        self.now_ms = NOW_MS
        self.expected: list[tuple[str, str]] = []

    @initialize(
        anchor=st.sampled_from(["last_request", "first_accepted"]),
        window_ms=st.sampled_from([1, 2, 1_000]),
    )
    def settle(self, anchor: Anchor, window_ms: int) -> None:
        self.settings = {"anchor": anchor, "window_ms": window_ms}
        self.model = NaiveLog(anchor, window_ms)

    @rule(
        step_ms=st.sampled_from([0, 1, 2, 3, 500, 999, 1_000, 1_001, -1, -1_001]),
        batch=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=3),
    )
    def claim(self, step_ms: int, batch: list[tuple[str, bool]]) -> None:
        self.now_ms += step_ms
        outcomes = self.inbox.claim(
            [
                self.send(key, at_ms=self.now_ms, wanted=wanted, **self.settings)
                for key, wanted in batch
            ]
        )
        wanted_outcomes = [self.predict(key, wanted) for key, wanted in batch]
        assert outcomes == wanted_outcomes

    def predict(self, key: str, wanted: bool) -> Claimed:
        in_force = self.model.claim(key, self.now_ms)
        if in_force is not None:
            return Duplicate(*in_force)
        if not wanted:
            return Filtered()
        identity = event_id(self.send.integration, hashed(key), self.now_ms)
        self.expected.append((identity, hashed(key)))
        return Accepted(identity)

    @invariant()
    def events_are_those_accepted(self) -> None:
        found = [(event.id, event.key) for _, event in all_events(self.inbox, after=self.after)]
        assert found == self.expected


class InboxContract:
    """Subclass this, and give the fixture ``inbox``."""

    @pytest.fixture
    def inbox(self) -> Inbox:
        """Return an empty inbox."""
        raise NotImplementedError

    @pytest.fixture
    def send(self) -> Sender:
        """Make candidates of one integration."""
        return Sender()

    # --- claiming ----------------------------------------------------------------------

    def test_a_new_key_is_accepted(self, inbox: Inbox, send: Sender) -> None:
        """The first request of a key becomes an event, with the triggers that matched."""
        (outcome,) = inbox.claim([send("a", triggers=("urgent", "vip"))])
        assert isinstance(outcome, Accepted)
        assert outcome.triggers == ("urgent", "vip")

    def test_nothing_claimed_is_nothing_answered(self, inbox: Inbox) -> None:
        """No candidates have no outcomes."""
        assert inbox.claim([]) == []

    def test_a_key_in_force_makes_a_duplicate(self, inbox: Inbox, send: Sender) -> None:
        """The second request of a key is a duplicate and no event."""
        inbox.claim([send("a")])
        assert kinds(inbox.claim([send("a")])) == [Duplicate]
        assert len(all_events(inbox)) == 1

    def test_another_key_is_no_duplicate(self, inbox: Inbox, send: Sender) -> None:
        """Keys do not stand in each other's way."""
        assert kinds(inbox.claim([send("a"), send("b")])) == [Accepted, Accepted]

    def test_a_batch_is_claimed_in_order(self, inbox: Inbox, send: Sender) -> None:
        """Of two requests with one key in one batch, the first is accepted."""
        outcomes = inbox.claim([send("a"), send("b"), send("a")])
        assert kinds(outcomes) == [Accepted, Accepted, Duplicate]

    def test_a_request_without_a_claim_is_never_a_duplicate(
        self, inbox: Inbox, send: Sender
    ) -> None:
        """What owns no key is accepted each time, as an event of its own."""
        outcomes = inbox.claim([send(None), send(None), send("a", claims=False), send("a")])
        assert kinds(outcomes) == [Accepted] * 4
        assert len({event.id for _, event in all_events(inbox)}) == 4

    def test_an_unwanted_request_without_a_claim_is_filtered(
        self, inbox: Inbox, send: Sender
    ) -> None:
        """It leaves no trace: neither a key nor an event."""
        outcomes = inbox.claim([send("a", claims=False, wanted=False), send("a")])
        assert kinds(outcomes) == [Filtered, Accepted]
        assert len(all_events(inbox)) == 1

    def test_a_filtered_request_owns_its_key(self, inbox: Inbox, send: Sender) -> None:
        """It appends no event, and the next request of its key is a duplicate."""
        assert kinds(inbox.claim([send("a", wanted=False)])) == [Filtered]
        assert kinds(inbox.claim([send("a")])) == [Duplicate]
        assert all_events(inbox) == []

    def test_an_unwanted_request_of_a_key_in_force_is_a_duplicate(
        self, inbox: Inbox, send: Sender
    ) -> None:
        """Whether the key is in force comes before whether a trigger matches."""
        assert kinds(inbox.claim([send("a"), send("a", wanted=False)])) == [Accepted, Duplicate]

    def test_other_key_spaces_do_not_interfere(self, inbox: Inbox, send: Sender) -> None:
        """Other settings, or another integration, start with a clean key space."""
        elsewhere = send.space_named("two")
        outcomes = inbox.claim([send("a"), send("a", space=elsewhere), Sender()("a")])
        assert kinds(outcomes) == [Accepted, Accepted, Accepted]
        outcomes = inbox.claim([send("a"), send("a", space=elsewhere)])
        assert kinds(outcomes) == [Duplicate, Duplicate]

    # --- the window --------------------------------------------------------------------

    @pytest.mark.parametrize("anchor", ["last_request", "first_accepted"])
    def test_the_end_of_the_window_is_in_it(
        self, inbox: Inbox, send: Sender, anchor: Anchor
    ) -> None:
        """A request exactly one window after the anchor is a duplicate."""
        inbox.claim([send("a", anchor=anchor)])
        outcomes = inbox.claim([send("a", anchor=anchor, at_ms=NOW_MS + WINDOW_MS)])
        assert kinds(outcomes) == [Duplicate]

    @pytest.mark.parametrize("anchor", ["last_request", "first_accepted"])
    def test_a_millisecond_after_the_window_the_key_is_free(
        self, inbox: Inbox, send: Sender, anchor: Anchor
    ) -> None:
        """A request one window and a millisecond after the anchor is accepted."""
        inbox.claim([send("a", anchor=anchor)])
        outcomes = inbox.claim([send("a", anchor=anchor, at_ms=NOW_MS + WINDOW_MS + 1)])
        assert kinds(outcomes) == [Accepted]

    def test_a_duplicate_restarts_the_window_of_last_request(
        self, inbox: Inbox, send: Sender
    ) -> None:
        """Its window counts from the newest request, duplicates included."""
        times = (0, WINDOW_MS, 2 * WINDOW_MS, 3 * WINDOW_MS + 1)
        outcomes = inbox.claim([send("a", at_ms=NOW_MS + ms) for ms in times])
        assert kinds(outcomes) == [Accepted, Duplicate, Duplicate, Accepted]

    def test_a_duplicate_leaves_the_window_of_first_accepted(
        self, inbox: Inbox, send: Sender
    ) -> None:
        """Its window counts from the request that was accepted."""
        times = (0, WINDOW_MS, WINDOW_MS + 1)
        outcomes = inbox.claim(
            [send("a", at_ms=NOW_MS + ms, anchor="first_accepted") for ms in times]
        )
        assert kinds(outcomes) == [Accepted, Duplicate, Accepted]

    def test_a_filtered_request_restarts_the_window(self, inbox: Inbox, send: Sender) -> None:
        """A duplicate that no trigger matches counts as a request, too."""
        times = ((0, True), (WINDOW_MS, False), (2 * WINDOW_MS, True))
        outcomes = inbox.claim([send("a", at_ms=NOW_MS + ms, wanted=w) for ms, w in times])
        assert kinds(outcomes) == [Accepted, Duplicate, Duplicate]

    def test_a_clock_that_goes_back_frees_no_key(self, inbox: Inbox, send: Sender) -> None:
        """A request from before the anchor is a duplicate and does not move it back."""
        inbox.claim([send("a")])
        assert kinds(inbox.claim([send("a", at_ms=NOW_MS - 5 * WINDOW_MS)])) == [Duplicate]
        assert kinds(inbox.claim([send("a", at_ms=NOW_MS + WINDOW_MS)])) == [Duplicate]

    def test_a_duplicate_says_since_when(self, inbox: Inbox, send: Sender) -> None:
        """It carries the first claim and the anchor that this request met."""
        inbox.claim([send("a"), send("a", at_ms=NOW_MS + 10)])
        (outcome,) = inbox.claim([send("a", at_ms=NOW_MS + 25)])
        assert outcome == Duplicate(first_ms=NOW_MS, anchor_ms=NOW_MS + 10)

    def test_a_key_claimed_again_is_first_claimed_then(self, inbox: Inbox, send: Sender) -> None:
        """After its window a key starts anew: its first claim is the new one."""
        later_ms = NOW_MS + WINDOW_MS + 1
        inbox.claim([send("a"), send("a", at_ms=later_ms)])
        (outcome,) = inbox.claim([send("a", at_ms=later_ms + 1)])
        assert outcome == Duplicate(first_ms=later_ms, anchor_ms=later_ms)

    # --- events ------------------------------------------------------------------------

    def test_an_event_id_follows_from_what_makes_the_event(
        self, inbox: Inbox, send: Sender
    ) -> None:
        """It is the one of integration, key and first claim, in outcome and event alike."""
        (outcome,) = inbox.claim([send("a")])
        wanted = event_id(send.integration, hashed("a"), NOW_MS)
        assert isinstance(outcome, Accepted)
        assert outcome.event_id == wanted
        assert [event.id for _, event in all_events(inbox)] == [wanted]

    def test_a_key_claimed_again_is_another_event(self, inbox: Inbox, send: Sender) -> None:
        """One key accepted in two windows has two event ids."""
        inbox.claim([send("a"), send("a", at_ms=NOW_MS + WINDOW_MS + 1)])
        assert len({event.id for _, event in all_events(inbox)}) == 2

    def test_an_event_holds_the_request(self, inbox: Inbox, send: Sender) -> None:
        """Everything that a sink needs is in it, the body byte by byte."""
        body = '{"ź": 12345678901234567890, "d": 0.10,  "n": null}'.encode()
        headers = (*JSON_HEADERS, (b"X-Event", b"new"), (b"x-event", "żółw".encode()))
        inbox.claim([send("a", body=body, headers=headers, triggers=("urgent",), version=7)])
        ((_, event),) = all_events(inbox)
        assert event == Event(
            id=event_id(send.integration, hashed("a"), NOW_MS),
            integration=send.integration,
            version=7,
            key=hashed("a"),
            triggers=("urgent",),
            received_at_ms=NOW_MS,
            headers={"content-type": "application/json", "x-event": ["new", "żółw"]},
            body=body,
        )

    def test_an_event_without_a_key_says_so(self, inbox: Inbox, send: Sender) -> None:
        """Where nothing is deduplicated the event's key is None."""
        inbox.claim([send(None)])
        assert [event.key for _, event in all_events(inbox)] == [None]

    def test_credentials_stay_behind(self, inbox: Inbox, send: Sender) -> None:
        """No event holds a token, a cookie or a signature."""
        secret = b"sesame-open"
        names = (b"Authorization", b"Cookie", b"X-Hub-Signature-256", b"X-Api-Key")
        headers = (*JSON_HEADERS, *((name, secret) for name in names))
        inbox.claim([send("a", headers=headers)])
        ((_, event),) = all_events(inbox)
        assert list(event.headers) == ["content-type"]
        assert secret.decode() not in json.dumps(event.cloud_event()) + repr(event)

    def test_events_are_in_the_order_of_acceptance(self, inbox: Inbox, send: Sender) -> None:
        """Sequence numbers increase with it, over batches and whatever the clocks say."""
        names = ["d", "b", "c", "a", "e"]
        inbox.claim([send(name) for name in names[:3]])
        inbox.claim([send(name, at_ms=NOW_MS - 1) for name in names[3:]])
        found = all_events(inbox)
        assert [event.key for _, event in found] == [hashed(name) for name in names]
        numbers = [number for number, _ in found]
        assert numbers == sorted(set(numbers))

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
    def test_pages_join_to_the_whole(self, inbox: Inbox, send: Sender, limit: int) -> None:
        """Read page by page, each event comes once."""
        inbox.claim([send(str(number)) for number in range(7)])
        assert all_events(inbox, limit=limit) == inbox.events()
        assert len(inbox.events(limit=limit)) == min(limit, 7)

    def test_a_reader_that_is_up_to_date_gets_what_is_new(self, inbox: Inbox, send: Sender) -> None:
        """After the last event there is nothing, and then just the next one."""
        inbox.claim([send("a"), send("b")])
        last = inbox.events()[-1][0]
        assert inbox.events(after=last) == []
        inbox.claim([send("c")])
        assert [event.key for _, event in inbox.events(after=last)] == [hashed("c")]

    # --- together ----------------------------------------------------------------------

    def test_one_of_many_threads_gets_the_key(self, inbox: Inbox, send: Sender) -> None:
        """However many requests with one key meet, exactly one is accepted."""
        for number in range(ROUNDS):
            outcomes = in_threads(lambda _, number=number: inbox.claim([send(str(number))]))
            assert sorted(kind.__name__ for kind in kinds(outcomes)) == [
                "Accepted", *["Duplicate"] * (THREADS - 1)
            ]  # fmt: skip
        assert len(all_events(inbox)) == ROUNDS

    def test_batches_that_overlap_accept_each_key_once(self, inbox: Inbox, send: Sender) -> None:
        """Threads that claim the same keys in other orders neither block nor share one."""
        names = [str(number) for number in range(20)]

        def work(number: int) -> list[Claimed]:
            turned = names[number:] + names[:number]
            return inbox.claim([send(name) for name in turned])

        outcomes = in_threads(work)
        assert kinds(outcomes).count(Accepted) == len(names)
        found = [event.key for _, event in all_events(inbox)]
        assert sorted(map(str, found)) == sorted(map(hashed, names))

    def test_reading_while_others_claim_skips_nothing(self, inbox: Inbox, send: Sender) -> None:
        """A reader that follows along sees every event once, in order."""
        stop = threading.Event()
        followed: list[tuple[int, Event]] = []

        def follow() -> None:
            while not stop.is_set() or inbox.events(after=followed[-1][0] if followed else 0):
                followed.extend(all_events(inbox, after=followed[-1][0] if followed else 0))

        reader = threading.Thread(target=follow)
        reader.start()
        try:
            in_threads(lambda number: inbox.claim([send(f"{number}-{n}") for n in range(5)]))
        finally:
            stop.set()
            reader.join(60)
        assert followed == all_events(inbox)
        assert len(followed) == 5 * THREADS

    def test_any_sequence_agrees_with_the_naive_log(self, inbox: Inbox) -> None:
        """Claims, windows and events are those of a list that is searched from its start."""
        run_state_machine_as_test(
            lambda: InboxMachine(inbox),
            settings=settings(
                max_examples=40,
                stateful_step_count=25,
                suppress_health_check=list(HealthCheck),
            ),
        )

    # --- the end -----------------------------------------------------------------------

    def test_a_closed_inbox_claims_nothing(self, inbox: Inbox, send: Sender) -> None:
        """It refuses, so that nothing is accepted without being kept."""
        inbox.close()
        with pytest.raises(InboxUnavailable):
            inbox.claim([send("a")])

    def test_closing_again_is_no_error(self, inbox: Inbox) -> None:
        """Whoever cleans up twice is not punished."""
        inbox.close()
        inbox.close()
