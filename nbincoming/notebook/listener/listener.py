"""The HTTP server inside a Jupyter kernel.

It has its own thread and event loop, so a cell can post to its own listener, and a busy kernel
still answers. :mod:`nbincoming.notebook.listener.http_connection` reads and answers requests.

Nothing here prints, since what a thread prints appears below whichever cell ran last. The log
is ``nbincoming.listener``, which is silent until logging is configured.
"""

from __future__ import annotations

import atexit
import errno
import os
import socket
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import Self, cast

from nbincoming.errors import ListenerError
from nbincoming.notebook.listener.http_connection import Handler, Mount, OnError
from nbincoming.notebook.listener.server_thread import Server, Timer

#: The limit of a body if a mount does not set one.
MAX_BODY_BYTES = 2**20

#: How many connections may wait to be accepted; Tornado's default.
_BACKLOG = 128

#: The address at which a sender on this machine reaches a server bound to all addresses.
_LOOPBACK_OF = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - none is bound


class Listener:
    """An HTTP server in a thread of this kernel.

    Parameters
    ----------
    host : str
        Address or host name to bind. Loopback by default: with another address, other
        machines can reach the kernel.
    port : int
        0 chooses a free one.
    max_body_bytes : int
        The limit of a body for mounts that set none, and for all other paths.

    Notes
    -----
    The thread does not keep the listener alive, but a handler that refers to it does. A running
    listener that is garbage-collected is closed with a ``ResourceWarning``.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._host = host
        self._port = port
        self._max_body_bytes = max_body_bytes
        self._mounts: dict[str, Mount] = {}
        self._server: Server | None = None

    def start(self) -> None:
        """Bind the port and start to serve, unless the listener is running.

        Raises
        ------
        ListenerError
            The port or the address cannot be bound; the message says what to do.
        """
        with _kernel.lock:
            if not self.running:
                bound = _bind(self._host, self._port)
                limit = self._max_body_bytes
                self._server = Server(bound, self._mounts, max_body_bytes=limit)
                self._server.start()
                _kernel.servers.add(self._server)

    @property
    def running(self) -> bool:
        """Whether it accepts requests."""
        return self._server is not None and self._server.serving

    @property
    def host(self) -> str:
        """The host that was given."""
        return self._host

    @property
    def port(self) -> int:
        """The port in use, or before the start the one that was given."""
        return self._port if self._server is None else self._server.port

    @property
    def url(self) -> str:
        """Scheme, host and port, as a sender on this machine writes them."""
        if not self.running:
            raise ListenerError("The listener is not running, so it has no URL. Call start().")
        host = _LOOPBACK_OF.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def mount(
        self,
        path: str,
        handler: Handler,
        *,
        max_body_bytes: int | None = None,
        on_error: OnError | None = None,
    ) -> None:
        """Let `handler` answer at `path`, also with a slash at its end; replace an earlier mount.

        Parameters
        ----------
        handler : callable
            ``Request -> Response``, called on the listener's thread. If it raises a
            ``Refusal``, that is the answer; another exception becomes a 500 without the cause.
        on_error : callable, optional
            Called on the listener's thread with the handler's exceptions, and with the
            refusals of requests to `path` that never reached it.
        """
        limit = self._max_body_bytes if max_body_bytes is None else max_body_bytes
        self._mounts[path] = Mount(handler, limit, on_error)

    def unmount(self, path: str) -> None:
        """Answer 404 at `path` from now on."""
        self._mounts.pop(path, None)

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Run `callback` on the listener's thread.

        May be called from any thread. If the listener is closed, this does nothing, so that a
        request that is still being answered does not fail.
        """
        self._started().call_soon(callback)

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        """Run `callback` on the listener's thread after a delay; see :meth:`call_soon`."""
        return self._started().call_later(delay_s, callback)

    def close(self) -> None:
        """Free the port and answer the requests that have begun.

        May be called from any thread; on the listener's own thread, it does not wait. The mounts
        remain for another start.
        """
        if self._server is not None:
            self._server.stop()

    def _started(self) -> Server:
        if self._server is None:
            raise ListenerError("The listener was never started, so it runs nothing. Call start().")
        return self._server

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Listener {self.url if self.running else 'not running'}>"

    def __del__(self) -> None:
        server: Server | None = getattr(self, "_server", None)  # not set if __init__ raised
        if server is not None and server.serving:
            # Do not wait: the collector may run on the server's own thread. Stop before
            # warning: a warning may be raised as an exception.
            server.stop(wait=False)
            warnings.warn(
                f"A listener was forgotten while it serves port {server.port}. "
                "Call its close(), or use it in a with statement.",
                ResourceWarning,
                stacklevel=1,
                source=self,
            )


def shared(*, host: str | None = None, port: int = 0) -> Listener:
    """Return the listener of this kernel; start it if it is not running.

    Running a cell again returns the same one. It survives a reload of this module, and is
    closed when the kernel ends.

    Parameters
    ----------
    host : str, optional
        Address to bind; by default the one in use, or loopback.
    port : int
        Port to bind; 0 means the one in use, or a free one.

    Raises
    ------
    ListenerError
        It runs at another address or port, or cannot start.
    """
    with _kernel.lock:
        listener = _kernel.listener
        if listener is None or not listener.running:
            listener = Listener(host=host or "127.0.0.1", port=port)
            listener.start()
            _kernel.listener = listener
        elif port not in (0, listener.port) or host not in (None, listener.host):
            asked = f"host {host!r}, port {port}" if host else f"port {port}"
            raise ListenerError(
                f"The listener of this kernel already serves {listener.url}, but {asked} was asked "
                "for. Leave that out to use this listener, or close it first: shared().close()."
            )
        return listener


def _bind(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:  # the resolver takes 65536 for 0
        raise ListenerError(f"Port {port} is not a port: give 1 to 65535, or 0 for a free one.")
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        # IPv4 first, because every sender tries it for "localhost".
        family, _, _, _, address = min(found, key=lambda each: each[0])
        bound = socket.create_server(address, family=family, backlog=_BACKLOG)
        bound.setblocking(False)
        return bound
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = (
                f"Port {port} on {host} is in use. Close what serves it (a listener of another "
                "kernel, perhaps), or give another port: 0 takes a free one."
            )
        elif error.errno == errno.EACCES:
            reason = f"Port {port} needs privileges. Give one from 1024, or 0 for a free one."
        else:
            reason = f"{host!r} is no address of this machine ({error.strerror}). Try 127.0.0.1."
        raise ListenerError(reason) from error


class _Kernel(ModuleType):
    """The listener of this process, in a module that survives reloads of the code.

    ``%autoreload`` does not reload it, because it has no file.
    """

    NAME = "nbincoming.notebook._kernel"

    def __init__(self) -> None:
        super().__init__(self.NAME)
        self.lock = threading.RLock()
        self.listener: Listener | None = None
        self.servers = weakref.WeakSet[Server]()
        sys.modules[self.NAME] = self
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
            os.register_at_fork(after_in_child=self.after_fork)

    def close(self) -> None:
        """Close the listener when the kernel ends."""
        if self.listener is not None:
            self.listener.close()

    def after_fork(self) -> None:
        """Leave the listeners to the parent process; called in a forked child."""
        self.lock = threading.RLock()  # a thread of the parent may hold the old one
        for server in self.servers:
            server.abandon()


_kernel = cast(_Kernel, sys.modules.get(_Kernel.NAME) or _Kernel())
