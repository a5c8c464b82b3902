"""`nbincoming serve`: checks the settings, binds the socket, and keeps the processes running.

The socket is bound once and passed to every worker. A process that dies is restarted. The
requests that it accepted are in the inbox; senders send the others again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from nbincoming.api_keys import KeyFile
from nbincoming.errors import NbIncomingError
from nbincoming.inbox.opening import inbox_file, open_inbox, open_outbox
from nbincoming.relay.sinks.opening import open_sinks
from nbincoming.secrets import SecretStore
from nbincoming.serve.processes import Processes
from nbincoming.serve.reload import Reloader
from nbincoming.serve.routes import Catalogue, CatalogueError, load_catalogue, login_scheme
from nbincoming.serve.settings import Settings
from nbincoming.signals import STOP_SIGNALS, Signals

#: Connections that may wait to be accepted while a worker is busy or restarts.
_BACKLOG: Final = 2_048

#: How often the processes are checked.
TICK_S: Final = 0.1


class ServeError(NbIncomingError, OSError):
    """The server cannot listen on its address."""


def serve(settings: Settings, on_ready: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT; reload specs and secrets on SIGHUP.

    Parameters
    ----------
    settings
        What to serve and how.
    on_ready
        Called with the server's URL when it accepts requests.

    Raises
    ------
    NbIncomingError
        If the settings are wrong (see :func:`check_settings`), or the socket cannot be bound.
    """
    with Signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        catalogue = check_settings(settings)
        settings = replace(settings, inbox_file=inbox_file(settings.inbox))
        reloader = Reloader(settings.specs, lambda: load_specs(settings), catalogue)
        with bind(settings.host, settings.port) as sock, _metrics_folder():
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            url = f"http://{host}:{sock.getsockname()[1]}"
            processes = Processes(settings, sock, reloader)
            processes.start()
            on_ready(url)
            checked_s = time.monotonic()
            while not (received := signals.wait(TICK_S)) & STOP_SIGNALS:
                processes.restart_ended()
                is_due = settings.watch_s > 0 and time.monotonic() - checked_s >= settings.watch_s
                if is_due:
                    checked_s = time.monotonic()
                if signal.SIGHUP in received or (is_due and reloader.has_changed()):
                    processes.reload()
            sock.close()  # so that only the workers have it open
            processes.stop()


def check_settings(settings: Settings) -> Catalogue:
    """Load the specs and check the sinks and the inbox, before anything is started.

    Raises
    ------
    NbIncomingError
        With everything that is wrong with the specs, the secrets and the sinks. The inbox is
        checked only if these are right.
    """
    reasons: list[str] = []
    catalogue: Catalogue = {}
    try:
        catalogue = load_specs(settings)
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


def load_specs(settings: Settings) -> Catalogue:
    """Load the specs; with API keys, also check that the login can issue tokens.

    Raises
    ------
    CatalogueError
        With everything that is wrong.
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
    """Bind a socket and listen.

    Raises
    ------
    ServeError
        If the address is in use or cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        sock.close()
        raise ServeError(
            f"Cannot listen on {host}, port {port}: {error}. Give another --host or --port."
        ) from None
    return sock


@contextlib.contextmanager
def _metrics_folder() -> Iterator[None]:
    """Provide a temporary folder in which the processes share their metrics."""
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
