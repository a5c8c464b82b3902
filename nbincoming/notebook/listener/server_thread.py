"""The thread of a running listener: its event loop, its sockets, its end.

The thread does not refer to the :class:`nbincoming.notebook.listener.Listener`, so a listener
that nobody uses any more is collected, and warns that it was not closed.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import socket
import threading
import weakref
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tornado.ioloop import IOLoop
from tornado.iostream import IOStream
from tornado.tcpserver import TCPServer

from nbincoming.notebook.listener.http_connection import HttpConnection, Mount, log

#: How long a request may go on while the server stops. Jupyter kills a kernel that takes about
#: 2.5 s to shut down, and then its atexit functions do not run.
GRACE_S = 1.0

#: The other loggers that are used on the listener's thread.
LOGGERS = ("tornado.access", "tornado.application", "tornado.general", "asyncio")

# Without a handler, `logging` would write warnings into the notebook.
log.addHandler(logging.NullHandler())


class Timer:
    """A callback that waits for its time on the listener's thread."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Cancel the callback, unless it has begun. Any thread may call this."""
        self._callback = None

    def fire(self) -> None:
        """Run the callback, once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Server:
    """Serves `mounts` on a listening socket until it is stopped; it cannot be started again."""

    def __init__(
        self, bound: socket.socket, mounts: Mapping[str, Mount], *, max_body_bytes: int
    ) -> None:
        self.port: int = bound.getsockname()[1]
        self._socket = bound
        self._mounts = mounts
        self._max_body_bytes = max_body_bytes
        self._connections = weakref.WeakSet[HttpConnection]()
        self._stopping = False
        self._started = concurrent.futures.Future[None]()
        # Tornado cannot use the default loop of Windows.
        self._loop = asyncio.SelectorEventLoop()
        # A daemon: a kernel that ends would wait for any other thread, and Jupyter would kill it.
        self._thread = threading.Thread(target=self._run, name="nbincoming-listener", daemon=True)

    @property
    def serving(self) -> bool:
        """Whether it accepts requests; false in a forked child, where the thread does not run."""
        return not self._stopping and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; returns when connections are accepted."""
        self._thread.start()
        self._started.result()

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Run `callback` on the thread, unless it has stopped by then."""
        if self._thread.is_alive():  # in a forked child, this would wake the parent's loop
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(callback)

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        """Run `callback` on the thread after a delay, unless it has stopped by then."""
        timer = Timer(callback)
        at = self._loop.time() + delay_s
        self.call_soon(lambda: self._loop.call_at(at, timer.fire))
        return timer

    def stop(self, *, wait: bool = True) -> None:
        """Free the port, answer the requests that have begun, and end the thread."""
        if threading.current_thread() is self._thread:
            self._begin_to_stop()
            return
        self.call_soon(self._begin_to_stop)
        if wait:
            # It takes longer than the grace only if a handler blocks.
            self._thread.join(1.5 * GRACE_S)

    def abandon(self) -> None:
        """Close the sockets of the parent process; called in a forked child.

        Otherwise the port stays bound while the child lives. The loop is left alone, because
        its selector is shared: unregistering a socket here would unregister it in the parent.
        """
        self._stopping = True
        self._socket.close()
        for connection in self._connections:
            if connection.socket is not None:
                connection.socket.close()

    async def _serve_connection(self, stream: IOStream) -> None:
        connection = HttpConnection(
            stream,
            self._mounts,
            max_body_bytes=self._max_body_bytes,
            is_stopping=lambda: self._stopping,
        )
        self._connections.add(connection)
        await connection.serve()

    def _begin_to_stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._tcp.stop()
            self._stop_event.set()

    def _run(self) -> None:
        loggers = [logging.getLogger(name) for name in LOGGERS]
        for logger in loggers:
            logger.addFilter(self._is_not_ours)
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                io_loop = runner.run(self._serve())
            io_loop.close()  # otherwise Tornado keeps it
        except BaseException as error:  # the outermost edge: threading would print it
            if self._started.done():
                log.critical("The listener's thread failed", exc_info=error)
            else:
                self._started.set_exception(error)
        finally:
            self._stopping = True
            self._socket.close()
            for logger in loggers:
                logger.removeFilter(self._is_not_ours)

    async def _serve(self) -> IOLoop:
        self._loop.set_exception_handler(_log_loop_error)
        self._stop_event = asyncio.Event()
        self._tcp = _TCPServer(self._serve_connection)
        self._tcp.add_socket(self._socket)
        self._started.set_result(None)
        await self._stop_event.wait()
        deadline = self._loop.time() + GRACE_S
        while any(each.is_busy for each in self._connections) and self._loop.time() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.close()
        return IOLoop.current()

    def _is_not_ours(self, record: logging.LogRecord) -> bool:
        """Filter `LOGGERS`, so that the records of this thread do not show in the notebook.

        They go to our log instead, without their text, which may quote a header. Records of
        other threads, such as the kernel's, pass.
        """
        ours = record.thread == self._thread.ident
        if ours:
            place = (record.filename, record.lineno)
            log.log(record.levelno, "Logged by %s, line %d", *place, exc_info=record.exc_info)
        return not ours


class _TCPServer(TCPServer):
    """Hands each connection to a function."""

    def __init__(self, serve: Callable[[IOStream], Awaitable[None]]) -> None:
        super().__init__()
        self._serve = serve

    def handle_stream(
        self,
        stream: IOStream,
        address: tuple[Any, ...],  # noqa: ARG002 - Tornado's signature
    ) -> Awaitable[None]:
        """Serve a connection."""
        stream.set_nodelay(True)  # each answer is one write
        return self._serve(stream)


def _log_loop_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("The listener's loop: %s", context["message"], exc_info=context.get("exception"))
