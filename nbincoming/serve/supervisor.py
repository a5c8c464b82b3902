"""`serve` as a whole: what is checked first, the socket, the processes, signals.

The socket is bound once and handed to every worker. A process that dies is started again;
its requests that were answered are in the inbox, the others will be sent again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from nbincoming.api_keys import KeyFile
from nbincoming.errors import NbIncomingError
from nbincoming.inbox.opening import (
    open_inbox,
    open_outbox,
)
from nbincoming.relay.sinks.opening import open_sinks
from nbincoming.secrets import SecretStore
from nbincoming.serve.children import Pool
from nbincoming.serve.reload import Reloader
from nbincoming.serve.routes import Catalogue, CatalogueError, load_catalogue, login_scheme
from nbincoming.serve.settings import Settings

#: Connections that may wait to be accepted while a worker is busy or being replaced.
BACKLOG: Final = 2_048

#: How often processes and signals are looked at.
TICK_S: Final = 0.1


class ServeError(NbIncomingError, OSError):
    """It cannot listen where it was told to."""


def serve(settings: Settings, say: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reloads specs and secrets.

    Parameters
    ----------
    settings
        What to serve and how.
    say
        Told the address when requests are taken.

    Raises
    ------
    NbIncomingError
        If something stands in the way; see :func:`check`.
    """
    reloader = Reloader(settings.specs, lambda: load(settings), check(settings))
    stop, hangup = threading.Event(), threading.Event()
    events = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: hangup}
    with bind(settings.host, settings.port) as sock, _metrics_folder(), _signals(events):
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{sock.getsockname()[1]}"
        pool = Pool(settings, sock, reloader)
        pool.start()
        say(url)
        looked_s = time.monotonic()
        while not stop.wait(TICK_S):
            pool.keep()
            is_due = settings.watch_s > 0 and time.monotonic() - looked_s >= settings.watch_s
            if is_due:
                looked_s = time.monotonic()
            if hangup.is_set() or (is_due and reloader.has_changed()):
                hangup.clear()
                pool.reload()
        sock.close()  # so that the workers are the last to hold it
        pool.stop()


def check(settings: Settings) -> Catalogue:
    """Find what stands in the way before anything is started, and load the specs.

    Raises
    ------
    NbIncomingError
        With everything that is wrong with the specs, the secrets and the sinks; or what is
        wrong with the inbox.
    """
    reasons: list[str] = []
    catalogue: Catalogue = {}
    try:
        catalogue = load(settings)
    except CatalogueError as error:
        reasons += error.reasons
    try:
        for sink in open_sinks(settings.sinks, SecretStore()).values():
            sink.close()
    except NbIncomingError as error:
        reasons += str(error).splitlines()
    if reasons:
        raise CatalogueError(reasons)
    open_inbox(settings.inbox).close()
    if settings.sinks:
        open_outbox(settings.inbox).close()
    return catalogue


def load(settings: Settings) -> Catalogue:
    """Load the specs, and see that logins can be answered where they are asked for.

    Raises
    ------
    CatalogueError
        With everything that stands in the way.
    """
    catalogue = load_catalogue(settings.specs, SecretStore())
    if settings.keys is not None:
        login_scheme(catalogue)
        try:
            KeyFile(settings.keys).records()
        except NbIncomingError as error:
            raise CatalogueError([str(error)]) from None
    return catalogue


def bind(host: str, port: int) -> socket.socket:
    """Bind the socket.

    Raises
    ------
    ServeError
        If that cannot be done.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        sock.close()
        raise ServeError(
            f"Cannot listen on {host}, port {port}: {error}. Give another --host or --port."
        ) from None
    return sock


@contextlib.contextmanager
def _signals(events: dict[signal.Signals, threading.Event]) -> Iterator[None]:
    """Let signals set events."""
    before = {
        number: signal.signal(number, lambda number, _: events[signal.Signals(number)].set())
        for number in events
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _metrics_folder() -> Iterator[None]:
    """Give the processes a place to gather their metrics in."""
    folder = tempfile.mkdtemp(prefix="nbincoming-metrics-")
    before = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]
        else:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = before
        shutil.rmtree(folder, ignore_errors=True)
