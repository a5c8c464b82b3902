"""The window in which requests are captured: opened, waited for, closed."""

from __future__ import annotations

from nbincoming.clock import now_ms
from nbincoming.core.outcomes import Outcome
from nbincoming.core.request.message import Request
from nbincoming.errors import counted
from nbincoming.notebook.endpoint.countdown import countdown, wait_until
from nbincoming.notebook.wizard.state import CloseWindow, OpenWindow, Window
from nbincoming.notebook.wizard.store import CallLater, Store
from nbincoming.samples.sample import Sample
from nbincoming.samples.samples import Samples


class Capture:
    """Adds requests to the samples, and counts those of the open window."""

    def __init__(self, store: Store, samples: Samples) -> None:
        self._store = store
        self._samples = samples

    def open(self, timeout_s: float, count: int | None, call_later: CallLater) -> Window:
        """Open a window, in place of one that is open.

        Parameters
        ----------
        call_later
            Runs a callback after some seconds, to close the window when its time is up.
        """
        with self._store.lock:
            opened_ms = now_ms()
            window = Window(
                opened_ms=opened_ms,
                ends_ms=opened_ms + round(timeout_s * 1000),
                first=self._samples.next_number,
                wanted=count,
            )
            self._store.dispatch(OpenWindow(window))
        call_later(timeout_s, lambda: self.close(window))
        call_later(1, lambda: self._tick(window, call_later))
        return window

    def close(self, window: Window | None = None) -> None:
        """Close a window if it is still open; with None, close whichever is open."""
        with self._store.lock:
            current = self._store.state.window
            if current is None or (window is not None and window is not current):
                return
            came = self._samples.next_number - current.first
            notice = f"{counted(came, 'request')} retrieved." if came else "No request came."
            self._store.dispatch(CloseWindow(notice))

    def _tick(self, window: Window, call_later: CallLater) -> None:
        """Refresh the wizard's countdown every second."""
        if self._store.state.window is window:
            self._store.notify()
            call_later(1, lambda: self._tick(window, call_later))

    def wait(self, window: Window, url: str) -> Samples:
        """Wait until the window closes, or close it at an interrupt; return its samples."""
        try:
            with countdown(url) as show:
                wait_until(lambda: self._store.state.window is not window, show, window.ends_ms)
        finally:
            self.close(window)
        return Samples([sample for sample in self._samples if sample.number >= window.first])

    def add(self, request: Request, outcome: Outcome, judged: object) -> Sample:
        """Add a request to the samples; close the window if it was the last one wanted."""
        with self._store.lock:
            sample = self._samples.add(request, outcome, judged)
            window = self._store.state.window
            if window is not None and window.wanted is not None:
                came = [each for each in self._samples if each.number >= window.first]
                if sum(each.judged for each in came) >= window.wanted:
                    self.close(window)
            return sample
