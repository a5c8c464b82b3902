"""The processes of `serve`: workers on one socket, a relay beside them, each kept alive."""

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

#: A process that dies sooner than this after its start is started again only as late.
RESTART_S: Final = 1.0


class StartError(NbIncomingError):
    """A process that does not come up."""


class Child:
    """A process that is kept alive.

    Parameters
    ----------
    name
        For the log.
    start
        Starts it.
    """

    def __init__(self, name: str, start: Callable[[], subprocess.Popen[str]]) -> None:
        self.name = name
        self._start = start
        self._began_s = 0.0
        self.process: subprocess.Popen[str] | None = None

    def keep(self) -> bool:
        """Start it if it does not run; tell whether it had run and ended."""
        if self.process is not None and self.process.poll() is None:
            return False
        ended = self.process
        now_s = time.monotonic()
        if ended is not None:
            if now_s - self._began_s < RESTART_S:
                return False
            fields = {"child": self.name, "code": ended.returncode}
            log.error("A process ended and is started again", extra={"fields": fields})
            # Its gauges count no more.
            mark_process_dead(ended.pid)  # type: ignore[no-untyped-call]
            _let_go(ended)
        self._began_s = now_s
        self.process = self._start()
        return ended is not None

    def is_ready(self) -> bool:
        """Wait until it says so, or ends."""
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout.readline() != ""

    def tell(self, order: str) -> None:
        """Say something to it; if it has just ended, its successor is told the same."""
        if self.process is not None:
            with contextlib.suppress(OSError):
                _say(self.process, order)

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
            log.error("A process did not end in time", extra={"fields": {"child": self.name}})
            self.process.kill()
        _let_go(self.process)


class Pool:
    """The workers, and the relay where there are sinks.

    Parameters
    ----------
    settings
        What to serve and how.
    sock
        Where workers take connections from.
    reloader
        Knows what is in force.
    """

    def __init__(self, settings: Settings, sock: socket.socket, reloader: Reloader) -> None:
        self._settings = settings
        self._sock = sock
        self._reloader = reloader
        self._restarts = 0
        self._workers = [
            Child(f"worker {number}", self._start_worker) for number in range(settings.workers)
        ]
        self._children = [*self._workers]
        if settings.sinks:
            self._children.append(Child("relay", self._start_relay))

    def start(self) -> None:
        """Start all, and wait until the workers take requests.

        Raises
        ------
        StartError
            If one of them does not.
        """
        for child in self._children:
            child.keep()
        failed = [worker.name for worker in self._workers if not worker.is_ready()]
        if failed:
            self.stop()
            raise StartError(f"Could not start: {', '.join(failed)}. The log says why.")

    def keep(self) -> None:
        """Start again what has ended."""
        ended = [child.name for child in self._children if child.keep()]
        if ended:
            self._restarts += len(ended)
            self._tell({})

    def reload(self) -> None:
        """Have the workers serve what the files say now."""
        self._reloader.reload()
        self._tell(self._specs() if self._reloader.is_current else {})

    def stop(self) -> None:
        """End all, in order."""
        for child in self._children:
            child.send(signal.SIGTERM)
        for child in self._children:
            child.wait(self._settings.grace_s + 5)

    def _start_relay(self) -> subprocess.Popen[str]:
        return _start("nbincoming.relay.process", self._settings.relay.to_json())

    def _start_worker(self) -> subprocess.Popen[str]:
        process = _start("nbincoming.serve.worker", self._settings.to_json(), self._sock)
        # What is in force, and not what the files say: they may be bad just now.
        with contextlib.suppress(OSError):  # it has ended already, and is started again
            _say(process, self._order(self._specs()))
        return process

    def _specs(self) -> dict[str, object]:
        return {"specs": [route.spec.text() for route in self._reloader.catalogue.values()]}

    def _order(self, more: dict[str, object]) -> str:
        state = {"is_current": self._reloader.is_current, "restarts": self._restarts}
        return json.dumps(state | more)

    def _tell(self, more: dict[str, object]) -> None:
        order = self._order(more)
        for worker in self._workers:
            worker.tell(order)


def _start(module: str, settings: str, sock: socket.socket | None = None) -> subprocess.Popen[str]:
    handles = () if sock is None else (sock.fileno(),)
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", module, *map(str, handles)],
        stdin=subprocess.PIPE,
        stdout=None if sock is None else subprocess.PIPE,
        text=True,
        pass_fds=handles,
        start_new_session=True,  # Ctrl-C comes to us alone, and we end them in order
    )
    _say(process, settings)
    return process


def _say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()  # and not closed: its end tells the child that we are gone


def _let_go(process: subprocess.Popen[str]) -> None:
    """Close the pipes of a process that has ended."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):  # something was left to be said to it
                pipe.close()
    process.wait()
