"""The child processes of `nbincoming serve`: workers on one socket, and a relay."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from prometheus_client.multiprocess import mark_process_dead

from nbincoming.errors import NbIncomingError
from nbincoming.logs import log
from nbincoming.serve.reload import Reloader
from nbincoming.serve.settings import Settings
from nbincoming.signals import STOP_SIGNALS

#: Shortest time between two starts of a process, in case it always ends at once.
RESTART_S: Final = 1.0


class StartError(NbIncomingError):
    """A process that does not start."""


class ChildProcess:
    """A process that is restarted when it ends.

    Parameters
    ----------
    name
        For the log.
    start
        Starts the process.
    """

    def __init__(self, name: str, start: Callable[[], subprocess.Popen[str]]) -> None:
        self.name = name
        self._start = start
        self._started_s = 0.0
        self._process: subprocess.Popen[str] | None = None

    def ensure_running(self) -> bool:
        """Start the process unless it runs; return whether it was restarted."""
        if self._process is not None and self._process.poll() is None:
            return False
        ended = self._process
        now_s = time.monotonic()
        if ended is not None:
            if now_s - self._started_s < RESTART_S:
                return False
            fields = {"child": self.name, "code": ended.returncode}
            log.error("A process ended and is started again", extra={"fields": fields})
            mark_process_dead(ended.pid)  # type: ignore[no-untyped-call] # drops its gauges
            _close(ended)
        self._started_s = now_s
        self._process = self._start()
        return ended is not None

    def wait_until_ready(self) -> bool:
        """Wait for the line that the process prints when it is ready; False if it ends first."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline() != ""

    def send_message(self, message: str) -> None:
        """Send a message to the process, unless it has just ended."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                _write_line(self._process, message)

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def wait(self, timeout_s: float) -> None:
        """Wait for the process to end; kill it after the time-out."""
        if self._process is None:
            return
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            log.error("A process did not end in time", extra={"fields": {"child": self.name}})
            self._process.kill()
        else:
            if code:
                fields = {"child": self.name, "code": code}
                log.error("A process ended with an error", extra={"fields": fields})
        _close(self._process)


class Processes:
    """The workers, and the relay if there are sinks.

    Parameters
    ----------
    settings
        What to serve and how.
    sock
        The socket on which the workers accept connections.
    reloader
        Holds the specs that are served.
    """

    def __init__(self, settings: Settings, sock: socket.socket, reloader: Reloader) -> None:
        self._settings = settings
        self._sock = sock
        self._reloader = reloader
        self._restarts = 0
        self._workers = [
            ChildProcess(f"worker {number}", self._start_worker)
            for number in range(settings.workers)
        ]
        self._all = [*self._workers]
        if settings.sinks:
            self._all.append(ChildProcess("relay", self._start_relay))

    def start(self) -> None:
        """Start all, and wait until the workers accept requests.

        Raises
        ------
        StartError
            If a worker ends before it accepts requests.
        """
        for child in self._all:
            child.ensure_running()
        failed = [worker.name for worker in self._workers if not worker.wait_until_ready()]
        if failed:
            self.stop()
            raise StartError(f"Could not start: {', '.join(failed)}. The log says why.")

    def restart_ended(self) -> None:
        """Restart the processes that have ended."""
        restarted = [child.name for child in self._all if child.ensure_running()]
        if restarted:
            self._restarts += len(restarted)
            self._send({})

    def reload(self) -> None:
        """Load the spec files and pass them to the workers."""
        self._reloader.reload()
        self._send(self._specs() if self._reloader.is_current else {})

    def stop(self) -> None:
        """Stop all: each finishes what it has begun."""
        for child in self._all:
            child.send_signal(signal.SIGTERM)
        for child in self._all:
            child.wait(self._settings.grace_s + 5)

    def _start_relay(self) -> subprocess.Popen[str]:
        return _start("nbincoming.relay.process", self._settings.relay.to_json())

    def _start_worker(self) -> subprocess.Popen[str]:
        process = _start("nbincoming.serve.worker", self._settings.to_json(), self._sock)
        # Not the spec files: they may have changed, and may be invalid.
        with contextlib.suppress(OSError):  # it has ended already, and will be restarted
            _write_line(process, self._message(self._specs()))
        return process

    def _specs(self) -> dict[str, object]:
        return {"specs": [route.spec.text() for route in self._reloader.catalogue.values()]}

    def _message(self, more: dict[str, object]) -> str:
        state = {"is_current": self._reloader.is_current, "restarts": self._restarts}
        return json.dumps(state | more)

    def _send(self, more: dict[str, object]) -> None:
        message = self._message(more)
        for worker in self._workers:
            worker.send_message(message)


def _start(module: str, settings: str, sock: socket.socket | None = None) -> subprocess.Popen[str]:
    handles = () if sock is None else (sock.fileno(),)
    # The child inherits the blocked signals, so that none can kill it before it has its handlers.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", module, *map(str, handles)],
            stdin=subprocess.PIPE,
            stdout=None if sock is None else subprocess.PIPE,
            text=True,
            pass_fds=handles,
            start_new_session=True,  # so that Ctrl-C reaches only the supervisor
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    _write_line(process, settings)
    return process


def _write_line(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    # The pipe stays open. The child ends when it closes, as it does when the supervisor ends.
    process.stdin.flush()


def _close(process: subprocess.Popen[str]) -> None:
    """Close the pipes of a process that has ended."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):  # the process did not read a message
                pipe.close()
    process.wait()
