"""The inbox in memory: what every inbox promises, and what it does to stay small."""

from __future__ import annotations

import pytest

from nbincoming.core.outcomes import (
    Accepted,
    Duplicate,
    Rejected,
)
from nbincoming.errors import Refusal
from nbincoming.inbox import memory
from nbincoming.inbox.memory import MemoryInbox
from tests.inbox.contract import (
    NOW_MS,
    WINDOW_MS,
    InboxContract,
    Sender,
    all_events,
    hashed,
    kinds,
)


class TestMemoryInbox(InboxContract):
    """The contract."""

    @pytest.fixture
    def inbox(self) -> MemoryInbox:
        """Return an empty inbox."""
        return MemoryInbox()


@pytest.fixture
def send() -> Sender:
    """Make candidates of one integration."""
    return Sender()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let keys be looked through when there are few of them already."""
    monkeypatch.setattr(memory, "_PURGE_AT", 10)
    return 10


def test_expired_keys_are_let_go(send: Sender, small: int) -> None:
    """However many keys come and expire, few are held."""
    inbox = MemoryInbox()
    for number in range(50 * small):
        inbox.claim([send(str(number), at_ms=NOW_MS + number * WINDOW_MS)])
    assert len(inbox._keys) <= small


def test_no_key_in_force_is_let_go(send: Sender, small: int) -> None:
    """However many keys there are, each stays for its window."""
    inbox = MemoryInbox()
    many = [send(str(number)) for number in range(50 * small)]
    inbox.claim(many)
    assert set(kinds(inbox.claim(many))) == {Duplicate}


def test_each_key_stays_for_its_own_window(send: Sender, small: int) -> None:
    """Keys with a longer window outlive those with a shorter one."""
    inbox = MemoryInbox()
    later_ms = NOW_MS + WINDOW_MS + 1
    inbox.claim([send("long", window_ms=10 * WINDOW_MS), send("short")])
    inbox.claim([send(str(number), at_ms=later_ms) for number in range(3 * small)])
    outcomes = inbox.claim(
        [send("long", window_ms=10 * WINDOW_MS, at_ms=later_ms), send("short", at_ms=later_ms)]
    )
    assert kinds(outcomes) == [Duplicate, Accepted]


def test_looking_for_expired_keys_costs_little_a_claim(send: Sender, small: int) -> None:
    """While all keys are in force they are looked through less and less often."""
    inbox = MemoryInbox()
    looks = 0
    purge = inbox._purge

    def counted(now_ms: int) -> None:
        nonlocal looks
        looks += 1
        purge(now_ms)

    inbox._purge = counted  # type: ignore[method-assign]
    inbox.claim([send(str(number)) for number in range(100 * small)])
    assert looks < 10


def test_only_the_newest_events_are_kept(send: Sender) -> None:
    """Beyond its limit the oldest go; their numbers are not given again."""
    inbox = MemoryInbox(max_events=3)
    inbox.claim([send(str(number)) for number in range(5)])
    assert [(number, event.key) for number, event in inbox.events()] == [
        (number + 1, hashed(str(number))) for number in (2, 3, 4)
    ]


def test_a_reader_that_lags_behind_goes_on_at_the_oldest(send: Sender) -> None:
    """What was dropped before it was read is skipped, and nothing comes twice."""
    inbox = MemoryInbox(max_events=3)
    inbox.claim([send(str(number)) for number in range(5)])
    assert all_events(inbox, after=1, limit=2) == inbox.events()


def test_an_inbox_may_keep_no_events(send: Sender) -> None:
    """To try keys out, none are needed; duplicates are still found."""
    inbox = MemoryInbox(max_events=0)
    assert kinds(inbox.claim([send("a"), send("a")])) == [Accepted, Duplicate]
    assert inbox.events() == []


def test_a_cleared_inbox_starts_anew(send: Sender) -> None:
    """Keys and events are forgotten, and it goes on to claim."""
    inbox = MemoryInbox()
    inbox.claim([send("a")])
    inbox.clear()
    assert inbox.events() == []
    assert kinds(inbox.claim([send("a")])) == [Accepted]


def test_a_reader_misses_nothing_of_a_cleared_inbox(send: Sender) -> None:
    """Numbers go on where they were, so that what comes next is after what was read."""
    inbox = MemoryInbox()
    inbox.claim([send("a"), send("b")])
    last = inbox.events()[-1][0]
    inbox.clear()
    inbox.claim([send("c")])
    assert [event.key for _, event in inbox.events(after=last)] == [hashed("c")]


def test_only_a_candidate_is_claimed(send: Sender) -> None:
    """A request that was refused keeps its outcome; a candidate gets one by its claim."""
    inbox = MemoryInbox()
    refused = Rejected(Refusal("The body is empty."))
    assert inbox.outcome_of(refused) is refused
    assert kinds([inbox.outcome_of(send("a")), inbox.outcome_of(send("a"))]) == [
        Accepted,
        Duplicate,
    ]
