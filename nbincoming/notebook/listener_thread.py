"""The thread behind a running listener: its event loop, its sockets, its end.

Apart from :class:`nbincoming.notebook.listener.Listener`, so that the thread does not keep
the listener alive: one that is forgotten can be noticed.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, cast

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPServerConnectionDelegate
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream

from nbincoming.notebook.exchange import Exchange, HeadStream, Mount, log

#: The limit of request line and headers together; Tornado's own default, fixed here.
MAX_HEAD_BYTES = 64 * 2**10

#: How long a connection may be silent between requests and in a head, and how long a whole
#: body may take: ample for a webhook, short for somebody who only holds connections open.
TIMEOUT_S = 30.0

#: How long requests that have begun may go on while the server stops. A kernel that takes
#: some 2.5 s to shut down is killed by Jupyter, and its atexit functions do not run.
GRACE_S = 1.0

#: What else logs on the listener's thread.
LOGGERS = ("tornado.access", "tornado.application", "tornado.general", "asyncio")

# Without a handler of its own, `logging` would write warnings into the notebook.
log.addHandler(logging.NullHandler())


class Timer:
    """A callback that waits for its time on the listener's thread."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Do not start the callback, unless it has started; from any thread."""
        self._callback = None

    def fire(self) -> None:
        """Run the callback, once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Server(HTTPServerConnectionDelegate):
    """Serve `mounts` on a socket that listens, until told to stop; then it is used up."""

    def __init__(
        self, bound: socket.socket, mounts: Mapping[str, Mount], *, max_body_bytes: int
    ) -> None:
        self.port: int = bound.getsockname()[1]
        self._socket = bound
        self._mounts = mounts
        self._max_body_bytes = max_body_bytes
        self._streams = weakref.WeakSet[IOStream]()
        self._in_flight: set[Exchange] = set()
        self._stopping = False
        self._started = concurrent.futures.Future[None]()
        # On every system: Tornado cannot use the loop that Windows has by default.
        self._loop = asyncio.SelectorEventLoop()
        # A daemon: a kernel would wait for any other thread, and be killed for it.
        self._thread = threading.Thread(target=self._run, name="nbincoming-listener", daemon=True)

    @property
    def serving(self) -> bool:
        """Whether it accepts requests; not so in a forked child, which has no such thread."""
        return not self._stopping and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; returns when connections are accepted."""
        self._thread.start()
        self._started.result()

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Run `callback` on the thread, unless it has stopped by then."""
        if self._thread.is_alive():  # to wake the loop in a forked child would wake the parent
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(callback)

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        """Run `callback` on the thread after a delay, unless it has stopped by then."""
        timer = Timer(callback)
        at = self._loop.time() + delay_s
        self.call_soon(lambda: self._loop.call_at(at, timer.fire))
        return timer

    def stop(self, *, wait: bool = True) -> None:
        """Free the port and end the thread, after requests that have begun were answered."""
        if threading.current_thread() is self._thread:
            self._begin_to_stop()
            return
        self.call_soon(self._begin_to_stop)
        if wait:
            # Longer than the grace only if a handler blocks, which nothing can end.
            self._thread.join(1.5 * GRACE_S)

    def abandon(self) -> None:
        """Let go of the parent's sockets, in a forked child.

        Otherwise the port stays bound for as long as the child lives. The loop is left alone:
        its selector is the parent's as well, so what is unregistered here is unregistered there.
        """
        self._stopping = True
        self._socket.close()
        for stream in self._streams:
            if stream.socket is not None:
                stream.socket.close()

    def start_request(
        self,
        server_conn: object,  # noqa: ARG002 - Tornado's signature
        request_conn: HTTPConnection,
    ) -> Exchange:
        """Begin to read a request, on a new connection or on one that was kept."""
        return Exchange(
            cast(HTTP1Connection, request_conn),
            self._mounts,
            max_body_bytes=self._max_body_bytes,
            in_flight=self._in_flight,
        )

    def _begin_to_stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._http.stop()
            self._stop_event.set()

    def _run(self) -> None:
        loggers = [logging.getLogger(name) for name in LOGGERS]
        for logger in loggers:
            logger.addFilter(self._is_not_ours)
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                io_loop = runner.run(self._serve())
            io_loop.close()  # or Tornado keeps it
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
        self._http = _HTTPServer(
            self,
            max_header_size=MAX_HEAD_BYTES,
            # Exchange counts: Tornado answers a body that is too large with a bare 400.
            max_body_size=sys.maxsize,
            idle_connection_timeout=TIMEOUT_S,
            body_timeout=TIMEOUT_S,
        )
        self._http.streams = self._streams
        self._http.add_socket(self._socket)
        self._started.set_result(None)
        await self._stop_event.wait()
        deadline = self._loop.time() + GRACE_S
        while self._in_flight and self._loop.time() < deadline:
            await asyncio.sleep(0.01)
        await self._http.close_all_connections()
        return IOLoop.current()

    def _is_not_ours(self, record: logging.LogRecord) -> bool:
        """Keep what is logged of our connections out of the notebook; a filter for `LOGGERS`.

        Other threads, the kernel's among them, log as before. The text is not passed on
        because it may quote a header.
        """
        ours = record.thread == self._thread.ident
        if ours:
            place = (record.filename, record.lineno)
            log.log(record.levelno, "Logged by %s, line %d", *place, exc_info=record.exc_info)
        return not ours


class _HTTPServer(HTTPServer):
    """Tornado's server on streams that keep the head."""

    streams: weakref.WeakSet[IOStream]

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        kept = HeadStream(
            stream.socket,
            max_buffer_size=stream.max_buffer_size,
            read_chunk_size=stream.read_chunk_size,
        )
        self.streams.add(kept)
        super().handle_stream(kept, address)


def _log_loop_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("The listener's loop: %s", context["message"], exc_info=context.get("exception"))
