"""`serve` as a whole: the socket, the workers on it, the relay beside them.

The socket is bound once and handed to every worker. A process that dies is started again;
its requests that were answered are in the inbox, the others will be sent again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from nbincoming.errors import NbIncomingError
from nbincoming.inbox import open_inbox, open_outbox
from nbincoming.secrets import SecretStore
from nbincoming.serve.catalogue import load_catalogue, login_scheme
from nbincoming.serve.keys import KeyFile
from nbincoming.serve.log import log
from nbincoming.serve.settings import Settings
from nbincoming.serve.sinks import open_sink

#: Connections that may wait to be accepted while a worker is busy or being replaced.
BACKLOG: Final = 2_048

#: A process that dies sooner than this after its start is started again only as late.
RESTART_S: Final = 1.0


class ServeError(NbIncomingError, OSError):
    """It cannot listen where it was told to."""


class Child:
    """A process that is kept alive."""

    def __init__(self, name: str, start: Callable[[], subprocess.Popen[str]]) -> None:
        self.name = name
        self._start = start
        self._began_s = 0.0
        self.process: subprocess.Popen[str] | None = None

    def keep(self) -> None:
        """Start it if it does not run."""
        if self.process is not None and self.process.poll() is None:
            return
        now_s = time.monotonic()
        if self.process is not None:
            if now_s - self._began_s < RESTART_S:
                return
            fields = {"child": self.name, "code": self.process.returncode}
            log.error("A process ended and is started again", extra={"fields": fields})
            self.process.__exit__(None, None, None)
        self._began_s = now_s
        self.process = self._start()

    def send(self, number: int) -> None:
        """Send it a signal."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, timeout_s: float) -> None:
        """Wait for its end; end it when it takes too long."""
        if self.process is None:
            return
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.process.__exit__(None, None, None)  # closes its pipes, too


def check(settings: Settings) -> None:
    """Find what stands in the way before anything is started.

    Raises
    ------
    NbIncomingError
        With everything that is wrong with the specs and their secrets, or what is wrong
        with the inbox or a sink.
    """
    catalogue = load_catalogue(settings.specs, SecretStore())
    if settings.keys is not None:
        login_scheme(catalogue)
        KeyFile(settings.keys).records()
    open_inbox(settings.inbox).close()
    if settings.sinks:
        open_outbox(settings.inbox).close()
    for url in settings.sinks:
        open_sink(url, SecretStore()).close()


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


def serve(settings: Settings, say: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT.

    Parameters
    ----------
    say
        Told the address when requests are taken.
    """
    check(settings)
    stop = threading.Event()
    with bind(settings.host, settings.port) as sock, _metrics_folder():
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{sock.getsockname()[1]}"
        workers = [
            Child(f"worker {number}", lambda: _start_worker(settings, sock))
            for number in range(settings.workers)
        ]
        children = [*workers]
        if settings.sinks:
            children.append(Child("relay", lambda: _start("relay_process", settings)))
        with _signals(stop, children):
            for child in children:
                child.keep()
            for worker in workers:
                assert worker.process is not None
                assert worker.process.stdout is not None
                worker.process.stdout.readline()  # "ready", or nothing when it ended
            say(url)
            while not stop.wait(0.1):
                for child in children:
                    child.keep()
            sock.close()  # so that the workers are the last to hold it
            for child in children:
                child.send(signal.SIGTERM)
            for child in children:
                child.wait(settings.grace_s + 5)


@contextlib.contextmanager
def _signals(stop: threading.Event, children: list[Child]) -> Iterator[None]:
    def end(*_: object) -> None:
        stop.set()

    def reload(*_: object) -> None:
        for child in children:
            if child.name != "relay":
                child.send(signal.SIGHUP)

    handlers = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: reload}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
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


def _start_worker(settings: Settings, sock: socket.socket) -> subprocess.Popen[str]:
    handle = sock.fileno()
    return _start("worker", settings, str(handle), handles=(handle,), stdout=subprocess.PIPE)


def _start(
    module: str,
    settings: Settings,
    *arguments: str,
    handles: tuple[int, ...] = (),
    stdout: int | None = None,
) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", f"nbincoming.serve.{module}", *arguments],
        stdin=subprocess.PIPE,
        stdout=stdout,
        text=True,
        pass_fds=handles,
        start_new_session=True,  # Ctrl-C comes to us alone, and we end them in order
    )
    assert process.stdin is not None
    process.stdin.write(settings.to_json() + "\n")
    process.stdin.flush()  # and not closed: its end tells the child that we are gone
    return process
