"""What a worker does beside its requests: it tries the inbox, purges it and empties its log."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from nbincoming.clock import now_ms
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.protocol import Inbox
from nbincoming.logs import log
from nbincoming.serve import metrics
from nbincoming.serve.service import Service
from nbincoming.tls import certificate_fault

#: How often the inbox is tried.
TRY_S: Final = 2.0

#: How often expired keys are removed.
PURGE_S: Final = 60.0

#: How often what was claimed is moved from the log of the store to where it stays.
CHECKPOINT_S: Final = 0.25


class Upkeep:
    """A thread for each thing to do, from :meth:`start` to :meth:`stop`.

    Parameters
    ----------
    inbox
        What is looked after, where it can be: not every store needs it.
    service
        Told whether the inbox can be reached.
    """

    def __init__(self, inbox: Inbox, service: Service) -> None:
        self._probe: Callable[[], None] | None = getattr(inbox, "probe", None)
        self._purge: Callable[[int], int] | None = getattr(inbox, "purge", None)
        self._checkpoint: Callable[[], None] | None = getattr(inbox, "checkpoint", None)
        self._service = service
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._every, args=arguments, daemon=True)
            for arguments in (
                (TRY_S, self.try_inbox),
                (PURGE_S, self.purge),
                (CHECKPOINT_S, self.checkpoint),
            )
        ]

    def start(self) -> None:
        """Begin."""
        metrics.INBOX_UP.set(1)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def try_inbox(self) -> None:
        """See whether the inbox can be reached, and say so when that has changed."""
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
            else:  # the kind alone: a client's text may name an address with its password
                fields = {"cause": certificate_fault(cause) or type(cause).__name__}
                log.error("The inbox cannot be reached", extra={"fields": fields})

    def purge(self) -> None:
        """Remove expired keys."""
        if self._purge is not None:
            self._purge(now_ms())

    def checkpoint(self) -> None:
        """Move what was claimed to where it stays."""
        if self._checkpoint is not None:
            self._checkpoint()

    def _every(self, pause_s: float, act: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                act()
            except InboxUnavailable:
                pass  # which try_inbox says
            except Exception:  # the edge of the thread
                log.exception("Upkeep failed")
            self._stop.wait(pause_s)
