"""The state of an integration as threads share it: one lock, and watchers told of changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from nbincoming.notebook.wizard.state import Action, State, update

#: How soon after a change the watchers are told, and how long they are left alone then: a
#: burst becomes one update, and five updates a second stay far below what a server drops.
COALESCE_S = 0.01
PAUSE_S = 0.2

#: Runs a callback later, on the listener's thread.
Later = Callable[[float, Callable[[], None]], object]


class Store:
    """Holds the state; actions change it, from any thread.

    Attributes
    ----------
    lock : RLock
        Guards the state and all that must change together with it. Watchers take it
        before they write widgets, so each group of widgets has one writer at a time.
    state : State
        As of now; a frozen value.
    later : callable or None
        How to run something later; without it, watchers are told at once.
    """

    def __init__(self, state: State) -> None:
        self.lock = threading.RLock()
        self.state = state
        self.later: Later | None = None
        self._watchers: list[Callable[[], None]] = []
        self._poked = False
        self._resting = False
        self._era = 0

    def connect(self, later: Later | None) -> None:
        """Run things later by this from now on; what an old one still had may be lost."""
        with self.lock:
            self.later = later
            self._poked = self._resting = False
            self._era += 1

    def dispatch(self, action: Action) -> State:
        """Change the state by an action, and tell the watchers soon."""
        with self.lock:
            self.state = state = update(self.state, action)
        self.poke()
        return state

    def restore(self, state: State) -> None:
        """Go back to a state from before."""
        with self.lock:
            self.state = state
        self.poke()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call a function soon after each change; return how to stop that.

        Any thread may call the watcher: the listener's, mostly.
        """
        with self.lock:
            self._watchers.append(watcher)

        def stop() -> None:
            with self.lock, suppress(ValueError):
                self._watchers.remove(watcher)

        return stop

    def poke(self) -> None:
        """Tell the watchers soon that something changed."""
        with self.lock:
            if not self._watchers or self._poked:
                return
            later = self.later
            self._poked = later is not None
            if self._resting:
                return  # told when the rest is over
        if later is None:
            self._tell()
        else:
            later(COALESCE_S, self._tell)

    def _tell(self) -> None:
        with self.lock:
            self._poked = False
            watchers = list(self._watchers)
            if self.later is not None:
                # The first change shows at once, those that follow closely wait longer.
                self._resting = True
                self.later(PAUSE_S, partial(self._rest, self._era))
        for watcher in watchers:
            watcher()

    def _rest(self, era: int) -> None:
        with self.lock:
            if era != self._era:
                return  # the loop that this came from is not ours any more
            self._resting = False
            due = self._poked
        if due:
            self._tell()
