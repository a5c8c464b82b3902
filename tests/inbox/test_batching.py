"""Claims gathered into groups: each waiter gets its own outcome, and none is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from nbincoming.core.gateway import inbox_unavailable
from nbincoming.core.outcomes import (
    Accepted,
    Candidate,
    Claimed,
    Duplicate,
)
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox import batching as group
from nbincoming.inbox.batching import MAX_CLAIMS, Group
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.inbox.protocol import ClaimResult
from tests.inbox.contract import Sender

WAIT_S = 3_600.0


class SlowInbox(MemoryInbox):
    """Waits with each group until it is let go, and then does what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.sizes: list[int] = []
        self.fault: Exception | None = None

    def claim(self, candidates: Sequence[Candidate]) -> list[Claimed]:
        """Claim when it is let go."""
        self.sizes.append(len(candidates))
        self.entered.release()
        assert self.go.acquire(timeout=60)
        if self.fault is not None:
            raise self.fault
        return super().claim(candidates)


class Waiters:
    """A group, and what its waiters were told."""

    def __init__(self, inbox: SlowInbox) -> None:
        self.inbox = inbox
        self.told: dict[int, ClaimResult] = {}
        self.all_told = threading.Semaphore(0)
        self.group: Group[int] = Group(inbox, self._deliver)
        self.send = Sender()

    def _deliver(self, settled: list[tuple[int, ClaimResult]]) -> None:
        for number, outcome in settled:
            self.told[number] = outcome
            self.all_told.release()

    def submit(self, *numbers: int, key: str | None = None) -> None:
        """Have candidates claimed, each under a key of its own or all under one."""
        self.group.submit([(self.send(key or str(number)), number) for number in numbers])

    def wait(self, count: int) -> None:
        """Wait until so many were told."""
        for _ in range(count):
            assert self.all_told.acquire(timeout=60)


@pytest.fixture
def waiters() -> Iterator[Waiters]:
    """Make a group of waiters, the first of whom is being served."""
    waiters = Waiters(SlowInbox())
    waiters.submit(0)
    assert waiters.inbox.entered.acquire(timeout=60)
    yield waiters
    waiters.inbox.go.release(100)
    waiters.group.close()


def test_those_who_come_meanwhile_are_claimed_together(waiters: Waiters) -> None:
    """One wait for the disk serves all who came during the one before."""
    waiters.submit(*range(1, 51))
    waiters.inbox.go.release(2)
    waiters.wait(51)
    assert waiters.inbox.sizes == [1, 50]
    assert set(map(type, waiters.told.values())) == {Accepted}


def test_those_who_were_just_answered_are_waited_for(
    waiters: Waiters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where senders send again at once, the next commit is for as many as the one before."""
    monkeypatch.setattr(group, "GATHER_S", WAIT_S)
    waiters.inbox.go.release(100)
    waiters.wait(1)
    waiters.submit(*range(1, 51))
    waiters.wait(50)
    for number in range(51, 101):
        waiters.submit(number)
    waiters.wait(50)
    assert waiters.inbox.sizes == [1, 50, 50]


def test_those_who_do_not_come_again_are_not_waited_for_long(
    waiters: Waiters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender who is left alone is answered, and after a while at once."""
    monkeypatch.setattr(group, "GATHER_S", 0.001)
    waiters.inbox.go.release(100)
    waiters.submit(*range(1, 51))
    waiters.wait(51)
    for number in range(51, 91):
        waiters.submit(number)
        waiters.wait(1)
    assert waiters.inbox.sizes[-40:] == [1] * 40
    monkeypatch.setattr(group, "GATHER_S", WAIT_S)  # and nothing is waited for
    waiters.submit(91)
    waiters.wait(1)


def test_each_is_told_of_its_own(waiters: Waiters) -> None:
    """In the order in which they came."""
    waiters.submit(1, 2, key="same")
    waiters.inbox.go.release(2)
    waiters.wait(3)
    assert [type(waiters.told[n]) for n in (0, 1, 2)] == [Accepted, Accepted, Duplicate]


def test_a_group_is_not_larger_than_its_limit(waiters: Waiters) -> None:
    """The first of a crowd are not kept until the last is done."""
    waiters.submit(*range(1, MAX_CLAIMS + 11))
    waiters.inbox.go.release(3)
    waiters.wait(MAX_CLAIMS + 11)
    assert waiters.inbox.sizes == [1, MAX_CLAIMS, 10]


def test_all_who_wait_for_an_inbox_that_is_away_are_refused_at_once(waiters: Waiters) -> None:
    """They do not each wait in turn for what was just found to be away."""
    waiters.inbox.fault = inbox_unavailable()
    waiters.submit(*range(1, 3 * MAX_CLAIMS))
    waiters.inbox.go.release()
    waiters.wait(3 * MAX_CLAIMS)
    assert waiters.inbox.sizes == [1]
    assert set(map(type, waiters.told.values())) == {InboxUnavailable}


def test_a_fault_refuses_and_does_not_end_the_thread(
    waiters: Waiters, caplog: pytest.LogCaptureFixture
) -> None:
    """Who was in that group is told to come again; the next group is claimed."""
    waiters.inbox.fault = RuntimeError("a fault")
    waiters.inbox.go.release()
    waiters.wait(1)
    assert isinstance(waiters.told[0], InboxUnavailable)
    assert "The inbox failed" in caplog.text
    waiters.inbox.fault = None
    waiters.submit(1)
    waiters.inbox.go.release()
    waiters.wait(1)
    assert isinstance(waiters.told[1], Accepted)


def test_closing_claims_what_waits_and_takes_no_more(waiters: Waiters) -> None:
    """A stop forgets nobody."""
    waiters.submit(1, 2)
    waiters.inbox.go.release(2)
    waiters.group.close()
    assert set(waiters.told) == {0, 1, 2}
    with pytest.raises(InboxUnavailable):
        waiters.submit(3)
