"""A wire to a server that can be cut, and made to swallow what is sent."""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.servers import HOST, WAIT_S


class Proxy:
    """Passes on connections to a port.

    Attributes
    ----------
    port : int
        Where it listens, also while the wire is cut.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._is_cut = False
        self._is_deaf = False
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)

    def cut(self) -> None:
        """End all connections, and new ones at once."""
        with self._lock:
            self._is_cut = True
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def deafen(self) -> None:
        """Swallow what comes: whoever waits for an answer waits for ever."""
        self._is_deaf = True

    def mend(self) -> None:
        """Be a good wire again; what was swallowed stays lost."""
        with self._lock:
            was_deaf, self._is_cut, self._is_deaf = self._is_deaf, False, False
        if was_deaf:
            self.cut()
            self._is_cut = False

    def close(self) -> None:
        """End everything."""
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(WAIT_S)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((HOST, self._target), WAIT_S)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for each in (near, far):  # a wire does not wait for more
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                if self._is_cut:
                    near.close()
                    far.close()
                    continue
                self._open |= {near, far}
            self._start(self._pass, near, far)
            self._start(self._pass, far, near)

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if not self._is_deaf:
                    sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(source)
        source.close()
