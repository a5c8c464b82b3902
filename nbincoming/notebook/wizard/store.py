"""Share the state of an integration between threads, and notify watchers of changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from nbincoming.notebook.wizard.state import Action, State, update

#: The delay between a change and its notification, and the pause before the next notification. The
#: pause limits updates to five a second, because Jupyter drops messages at a high rate.
NOTIFY_DELAY_S = 0.01
NOTIFY_PAUSE_S = 0.2

#: Runs a callback after some seconds, on the listener's thread.
CallLater = Callable[[float, Callable[[], None]], object]


class Store:
    """Holds the state. Actions change it from any thread.

    Attributes
    ----------
    lock : RLock
        Guards the state and everything that changes together with it. Watchers take it before
        they write widgets, so only one thread writes a group of widgets at a time.
    state : State
        The current state, a frozen value.
    call_later : callable or None
        Runs a callback after some seconds; without it, watchers are notified at once.
    """

    def __init__(self, state: State) -> None:
        self.lock = threading.RLock()
        self.state = state
        self.call_later: CallLater | None = None
        self._watchers: list[Callable[[], None]] = []
        self._is_pending = False
        self._is_paused = False
        self._generation = 0

    def set_scheduler(self, call_later: CallLater | None) -> None:
        """Replace the function `call_later`; callbacks that wait in the old one may never run."""
        with self.lock:
            self.call_later = call_later
            self._is_pending = self._is_paused = False
            self._generation += 1

    def dispatch(self, action: Action) -> State:
        """Change the state by an action and notify the watchers soon."""
        with self.lock:
            self.state = state = update(self.state, action)
        self.notify()
        return state

    def restore(self, state: State) -> None:
        """Set an earlier state again."""
        with self.lock:
            self.state = state
        self.notify()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call a function soon after each change; return a function that stops it.

        The watcher can be called on any thread, mostly on the listener's.
        """
        with self.lock:
            self._watchers.append(watcher)

        def stop() -> None:
            with self.lock, suppress(ValueError):
                self._watchers.remove(watcher)

        return stop

    def notify(self) -> None:
        """Notify the watchers soon."""
        with self.lock:
            if not self._watchers or self._is_pending:
                return
            call_later = self.call_later
            self._is_pending = call_later is not None
            if self._is_paused:
                return  # notified after the pause
        if call_later is None:
            self._notify()
        else:
            call_later(NOTIFY_DELAY_S, self._notify)

    def _notify(self) -> None:
        with self.lock:
            self._is_pending = False
            watchers = list(self._watchers)
            if self.call_later is not None:
                # The first change is shown at once; the following ones wait for the pause.
                self._is_paused = True
                self.call_later(NOTIFY_PAUSE_S, partial(self._end_pause, self._generation))
        for watcher in watchers:
            watcher()

    def _end_pause(self, generation: int) -> None:
        with self.lock:
            if generation != self._generation:
                return  # this callback came from an earlier scheduler
            self._is_paused = False
            due = self._is_pending
        if due:
            self._notify()
