"""The process that delivers events: a relay for each sink, each in a thread."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence

from nbincoming.child_process import stop_with_parent
from nbincoming.clock import now_ms
from nbincoming.errors import NbIncomingError
from nbincoming.inbox.opening import open_outbox
from nbincoming.inbox.outbox import Outbox
from nbincoming.logs import log, set_up
from nbincoming.relay.relay import Relay
from nbincoming.relay.settings import RelaySettings
from nbincoming.relay.sinks.opening import open_sinks
from nbincoming.secrets import SecretStore
from nbincoming.signals import STOP_SIGNALS, Signals

#: Time between two removals of delivered events older than `keep_days`.
PURGE_EVENTS_S = 60.0

_DAY_MS = 86_400_000


def relay(settings: RelaySettings, signals: Signals) -> None:
    """Deliver events until a signal says to stop.

    Raises
    ------
    NbIncomingError
        If a sink or the inbox cannot be opened.
    """
    outbox = open_outbox(settings.inbox, settings.inbox_file)
    try:
        sinks = open_sinks(settings.sinks, SecretStore())
        relays = [Relay(outbox, sink, name) for name, sink in sinks.items()]
        threads = [threading.Thread(target=each.run) for each in relays]
        for thread in threads:
            thread.start()
        while not signals.wait(PURGE_EVENTS_S) & STOP_SIGNALS:
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
    """Run the relay process, with the settings that its parent process writes to stdin."""
    set_up()
    settings = RelaySettings.from_json(sys.stdin.readline())
    # SIGHUP is for the supervisor; here it must not end the process.
    with Signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        stop_with_parent()
        try:
            relay(settings, signals)
        except NbIncomingError as error:
            log.error(str(error))
            sys.exit(2)


if __name__ == "__main__":
    main()
