"""The state as threads share it: changed by actions, shown soon, coalesced."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from nbincoming.core.spec.model import Spec
from nbincoming.notebook.wizard.state import CloseWindow, CountMissed, Define, State
from nbincoming.notebook.wizard.store import NOTIFY_DELAY_S, NOTIFY_PAUSE_S, Store

DRAFT = Spec(name="x", endpoint="0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d")


class Loop:
    """Runs callbacks when the test lets time pass, as the listener's thread does."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Run a callback after a delay."""
        self._count += 1
        self._due.append((self.now_s + delay_s, self._count, callback))

    def run(self, duration_s: float) -> None:
        """Let time pass."""
        ends_s = self.now_s + duration_s
        while self._due and min(self._due)[0] <= ends_s:
            first = min(self._due)
            self._due.remove(first)
            self.now_s = first[0]
            first[2]()
        self.now_s = ends_s


class Watcher:
    """Counts how often it is told, and what it saw."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.seen: list[int] = []
        self.stop = store.watch(self)

    def __call__(self) -> None:
        self.seen.append(self.store.state.missed)


@pytest.fixture
def store() -> Store:
    """A store that nobody runs things later for."""
    return Store(State(DRAFT))


@pytest.fixture
def loop(store: Store) -> Loop:
    """A loop that the store uses."""
    loop = Loop()
    store.set_scheduler(loop.later)
    return loop


def test_an_action_changes_the_state(store: Store) -> None:
    """And the state after it is returned."""
    assert store.dispatch(Define("publish")) is store.state
    assert store.state.open_card == "publish"


def test_without_a_loop_watchers_are_told_at_once(store: Store) -> None:
    """A wizard without a listener still shows what was clicked."""
    watcher = Watcher(store)
    store.dispatch(CountMissed())
    store.dispatch(CountMissed())
    assert watcher.seen == [1, 2]


def test_with_a_loop_watchers_are_told_soon(store: Store, loop: Loop) -> None:
    """Not in the thread that changed the state, which may hold other locks."""
    watcher = Watcher(store)
    store.dispatch(CountMissed())
    assert watcher.seen == []
    loop.run(NOTIFY_DELAY_S)
    assert watcher.seen == [1]


def test_a_burst_becomes_one_update(store: Store, loop: Loop) -> None:
    """However many changes come close together, the last state is shown once."""
    watcher = Watcher(store)
    for _ in range(1_000):
        store.dispatch(CountMissed())
    loop.run(NOTIFY_PAUSE_S)
    assert watcher.seen == [1_000]


def test_a_stream_of_changes_is_shown_at_a_steady_pace(store: Store, loop: Loop) -> None:
    """About five times a second, and never without the newest state in the end."""
    watcher = Watcher(store)
    for _ in range(1_000):
        store.dispatch(CountMissed())
        loop.run(0.002)
    loop.run(1)
    assert 5 <= len(watcher.seen) <= 2 / NOTIFY_PAUSE_S + 2
    assert watcher.seen[-1] == 1_000


def test_after_a_pause_a_change_shows_at_once_again(store: Store, loop: Loop) -> None:
    """Only what follows closely waits longer."""
    watcher = Watcher(store)
    store.dispatch(CountMissed())
    loop.run(2 * NOTIFY_PAUSE_S)
    store.dispatch(CountMissed())
    loop.run(NOTIFY_DELAY_S)
    assert watcher.seen == [1, 2]


def test_a_poke_without_a_change_tells_watchers(store: Store) -> None:
    """What is shown besides the state, such as samples, changed."""
    watcher = Watcher(store)
    store.notify()
    assert watcher.seen == [0]


def test_nobody_watching_is_no_work(store: Store, loop: Loop) -> None:
    """Nothing is scheduled, and a later watcher is told of later changes."""
    store.dispatch(CountMissed())
    watcher = Watcher(store)
    loop.run(1)
    assert watcher.seen == []
    store.dispatch(CountMissed())
    loop.run(1)
    assert watcher.seen == [2]


def test_a_watcher_can_stop(store: Store) -> None:
    """It is not told any more; stopping twice is no error."""
    watcher, other = Watcher(store), Watcher(store)
    watcher.stop()
    watcher.stop()
    store.dispatch(CountMissed())
    assert (watcher.seen, other.seen) == ([], [1])


def test_restoring_goes_back_and_shows_that(store: Store) -> None:
    """Code that failed leaves the state as it was."""
    before = store.state
    store.dispatch(CountMissed())
    watcher = Watcher(store)
    store.restore(before)
    assert store.state is before
    assert watcher.seen == [0]


def test_a_loop_that_ended_with_an_update_does_not_silence_the_store(
    store: Store, loop: Loop
) -> None:
    """What the old loop still had to tell is lost, and the next one tells again."""
    watcher = Watcher(store)
    store.dispatch(CountMissed())  # and the old loop never runs
    another = Loop()
    store.set_scheduler(another.later)
    store.dispatch(CountMissed())
    another.run(1)
    assert watcher.seen == [2]


def test_without_its_loop_a_store_tells_at_once_again(store: Store, loop: Loop) -> None:
    """A closed endpoint's wizard shows that it is closed."""
    watcher = Watcher(store)
    store.dispatch(CountMissed())
    store.set_scheduler(None)
    store.dispatch(CloseWindow("Closed."))
    assert watcher.seen == [1]


def test_threads_lose_no_action(store: Store, loop: Loop) -> None:
    """However many dispatch at once, each action counts."""
    watcher = Watcher(store)
    barrier = threading.Barrier(8)

    def dispatch() -> None:
        barrier.wait(60)
        for _ in range(250):
            store.dispatch(CountMissed())

    threads = [threading.Thread(target=dispatch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert store.state.missed == 2_000
    loop.run(1)
    assert watcher.seen == [2_000]


def test_a_watcher_may_dispatch(store: Store) -> None:
    """The lock is held again by the same thread, so nothing waits for itself."""
    told: list[int] = []

    def once() -> None:
        told.append(store.state.missed)
        if len(told) == 1:
            store.dispatch(CountMissed())

    store.watch(once)
    store.dispatch(CountMissed())
    assert told == [1, 2]
