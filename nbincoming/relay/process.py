"""The process that delivers: a relay for each sink."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence

from nbincoming.child_process import end_with_parent
from nbincoming.clock import now_ms
from nbincoming.errors import NbIncomingError
from nbincoming.inbox.opening import open_outbox
from nbincoming.inbox.outbox import Outbox
from nbincoming.logs import log, set_up
from nbincoming.relay.relay import Relay
from nbincoming.relay.settings import RelaySettings
from nbincoming.relay.sinks.opening import open_sinks
from nbincoming.secrets import SecretStore

#: How often delivered events are removed that need not be kept any longer.
PURGE_S = 60.0

_DAY_MS = 86_400_000


def relay(settings: RelaySettings, stop: threading.Event) -> None:
    """Deliver until told to stop.

    Raises
    ------
    NbIncomingError
        If a sink or the inbox cannot be opened.
    """
    outbox = open_outbox(settings.inbox)
    try:
        sinks = open_sinks(settings.sinks, SecretStore())
        relays = [Relay(outbox, sink, name) for name, sink in sinks.items()]
        threads = [threading.Thread(target=each.run) for each in relays]
        for thread in threads:
            thread.start()
        while not stop.wait(PURGE_S):
            _purge(outbox, settings.keep_days, list(sinks))
        for each in relays:
            each.stop()
        for thread in threads:
            thread.join()
        for sink in sinks.values():
            sink.close()
    finally:
        outbox.close()


def _purge(outbox: Outbox, keep_days: float | None, names: Sequence[str]) -> None:
    if keep_days is None:
        return
    try:
        outbox.purge(now_ms() - int(keep_days * _DAY_MS), names)
    except NbIncomingError as error:
        log.warning(str(error))


def main() -> None:
    """Be the relay: settings come on stdin."""
    set_up()
    stop = threading.Event()
    settings = RelaySettings.from_json(sys.stdin.readline())
    end_with_parent()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        relay(settings, stop)
    except NbIncomingError as error:
        log.error(str(error))
        sys.exit(2)


if __name__ == "__main__":
    main()
