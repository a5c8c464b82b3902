"""The process that delivers: a relay for each sink."""

from __future__ import annotations

import signal
import sys
import threading

from nbincoming.errors import NbIncomingError
from nbincoming.inbox import open_outbox
from nbincoming.inbox.outbox import Outbox
from nbincoming.secrets import SecretStore
from nbincoming.serve.log import log, set_up
from nbincoming.serve.parent import end_with_parent
from nbincoming.serve.relay import Relay, now_ms
from nbincoming.serve.settings import Settings
from nbincoming.serve.sinks import open_sink, sink_name

#: How often delivered events are removed that need not be kept any longer.
PURGE_S = 60.0

_DAY_MS = 86_400_000


def relay(settings: Settings, stop: threading.Event) -> None:
    """Deliver until told to stop.

    Raises
    ------
    NbIncomingError
        If a sink or the inbox cannot be opened.
    """
    for url in settings.sinks:
        open_sink(url, SecretStore()).close()  # what is wrong shows now
    outbox = open_outbox(settings.inbox)
    names = [sink_name(url) for url in settings.sinks]
    relays = [
        Relay(outbox, lambda url=url: open_sink(url, SecretStore()), name)  # type: ignore[misc]
        for url, name in zip(settings.sinks, names, strict=True)
    ]
    threads = [threading.Thread(target=each.run) for each in relays]
    for thread in threads:
        thread.start()
    while not stop.wait(PURGE_S):
        _purge(outbox, settings, names)
    for each in relays:
        each.stop()
    for thread in threads:
        thread.join()
    outbox.close()


def _purge(outbox: Outbox, settings: Settings, names: list[str]) -> None:
    if settings.keep_days is None:
        return
    try:
        outbox.purge(now_ms() - int(settings.keep_days * _DAY_MS), names)
    except NbIncomingError as error:
        log.warning(str(error))


def main() -> None:
    """Be the relay: settings come on stdin."""
    set_up()
    stop = threading.Event()
    settings = Settings.from_json(sys.stdin.readline())
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
