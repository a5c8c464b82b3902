"""What a worker does beside its requests: it probes and maintains the inbox."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from nbincoming.clock import now_ms
from nbincoming.errors import InboxUnavailable, NbIncomingError
from nbincoming.inbox.protocol import Inbox
from nbincoming.logs import log
from nbincoming.serve import metrics
from nbincoming.serve.service import Service
from nbincoming.tls import certificate_fault

#: Time between two probes of the inbox, so that a fault is logged within a second.
PROBE_S: Final = 0.75

#: Time between two removals of expired keys.
PURGE_KEYS_S: Final = 60.0

#: Time between two moves of SQLite's write-ahead log into the database.
CHECKPOINT_S: Final = 0.25


class Maintenance:
    """Runs each task in a thread, from :meth:`start` to :meth:`stop`.

    Parameters
    ----------
    inbox
        The inbox. It is probed, purged and checkpointed if it has these methods.
    service
        Its ``inbox_is_up`` is kept up to date.
    """

    def __init__(self, inbox: Inbox, service: Service) -> None:
        self._probe: Callable[[], None] | None = getattr(inbox, "probe", None)
        self._purge: Callable[[int], int] | None = getattr(inbox, "purge", None)
        self._checkpoint: Callable[[], None] | None = getattr(inbox, "checkpoint", None)
        self._service = service
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=arguments, daemon=True)
            for arguments in (
                (PROBE_S, self.probe),
                (PURGE_KEYS_S, self.purge),
                (CHECKPOINT_S, self.checkpoint),
            )
        ]

    def start(self) -> None:
        """Start the threads."""
        metrics.INBOX_UP.set(1)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the threads and wait for them."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def probe(self) -> None:
        """Probe the inbox, and log when it becomes unavailable or available again."""
        if self._probe is None:
            return
        try:
            self._probe()
        except InboxUnavailable as error:
            is_up, cause = False, error.__cause__
        else:
            is_up, cause = True, None
        if is_up != self._service.inbox_is_up:
            self._service.inbox_is_up = is_up
            metrics.INBOX_UP.set(is_up)
            if is_up:
                log.info("The inbox is reached again")
            else:
                fields = {"cause": _describe(cause)}
                log.error("The inbox cannot be reached", extra={"fields": fields})

    def purge(self) -> None:
        """Remove expired keys."""
        if self._purge is not None:
            self._purge(now_ms())

    def checkpoint(self) -> None:
        """Move SQLite's write-ahead log into the database."""
        if self._checkpoint is not None:
            self._checkpoint()

    def _repeat(self, pause_s: float, act: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                act()
            except InboxUnavailable:
                pass  # probe logs it
            except Exception:  # the outermost edge of the thread
                log.exception("Maintenance of the inbox failed")
            self._stop.wait(pause_s)


def _describe(cause: BaseException | None) -> str:
    """Describe a cause without the text of a client library, which may quote a password."""
    if isinstance(cause, NbIncomingError):
        return str(cause)
    return certificate_fault(cause) or type(cause).__name__
