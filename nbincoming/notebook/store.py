"""The state of an integration as threads share it: one lock, and watchers told of changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from nbincoming.notebook.state import Action, State, update

#: How soon after a change the watchers are told: a burst becomes one update, and five
#: updates a second stay far below what a Jupyter server drops.
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
        self._delay_s = COALESCE_S

    def connect(self, later: Later | None) -> None:
        """Run things later by this from now on; what an old one still had may be lost."""
        with self.lock:
            self.later = later
            self._poked = False
            self._delay_s = COALESCE_S

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
            later, delay_s = self.later, self._delay_s
            self._poked = later is not None
        if later is None:
            self._tell()
        else:
            later(delay_s, self._tell)

    def _tell(self) -> None:
        with self.lock:
            self._poked = False
            watchers = list(self._watchers)
            if self.later is not None and self._delay_s < PAUSE_S:
                # The first change shows at once, those that follow closely wait longer.
                self._delay_s = PAUSE_S
                self.later(PAUSE_S, self._rest)
        for watcher in watchers:
            watcher()

    def _rest(self) -> None:
        with self.lock:
            self._delay_s = COALESCE_S
