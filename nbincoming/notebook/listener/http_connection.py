"""One HTTP connection of the kernel's listener: read requests, call handlers, write answers.

Tornado provides the sockets and the event loop. The parser is that of production, because
Tornado's parser refuses some requests that production takes, and never gives a reason.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http.client import responses
from typing import Final

from tornado.iostream import IOStream, StreamClosedError

from nbincoming.core.gateway import normal_path, refusal_response, unknown_endpoint
from nbincoming.core.request.message import Request, Response
from nbincoming.errors import Refusal
from nbincoming.http.limits import MAX_HEAD_BYTES, REQUEST_TIMEOUT_S
from nbincoming.http.refusals import slow_sender
from nbincoming.http.request_parser import ContinueExpected, Phase, Refused, RequestParser
from nbincoming.notebook.listener.refusals import HandlerFailed, cut_off

#: Answers a request. Called on the listener's thread, so it must not block for long.
Handler = Callable[[Request], Response]

#: Receives the exceptions of a handler, and the refusals of requests that never reached it.
OnError = Callable[[Exception], None]

#: Most bytes that are read and dropped after a refusal. To close a socket with unread bytes resets
#: the connection. A sender that reads only after its last byte, as most scripts do, could then lose
#: the answer (RFC 9112, 9.6).
MAX_DROPPED_BYTES: Final = 64 * 2**20

_READ_BYTES: Final = 65_536

log = logging.getLogger("nbincoming.listener")


@dataclass(frozen=True, slots=True)
class Mount:
    """What is served at one path."""

    handler: Handler
    max_body_bytes: int
    on_error: OnError | None = None

    def report(self, error: Exception) -> None:
        """Pass an error to `on_error`."""
        if self.on_error is None:
            return
        try:
            self.on_error(error)
        except Exception:  # the sender gets its answer even if a view fails
            log.exception("The error hook of a mount raised")


class HttpConnection:
    """Answers the requests of one connection, in their order.

    Parameters
    ----------
    stream
        The connection.
    mounts
        What is served, by path; looked up for each request.
    max_body_bytes
        The limit where nothing is mounted.
    is_stopping
        Whether the listener stops: then the current request is the last.
    """

    def __init__(
        self,
        stream: IOStream,
        mounts: Mapping[str, Mount],
        *,
        max_body_bytes: int,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._stream = stream
        self._mounts = mounts
        self._max_body_bytes = max_body_bytes
        self._is_stopping = is_stopping
        self._parser = RequestParser(self._body_limit, MAX_HEAD_BYTES)
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_since_s = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether a request is being read or answered."""
        reading = self._parser.phase not in (Phase.BETWEEN, Phase.ENDED)
        return not self._stream.closed() and (reading or self._stream.writing())

    @property
    def socket(self) -> socket.socket | None:
        """The socket; None once it is closed."""
        return self._stream.socket

    def close(self) -> None:
        """Close the connection at once."""
        self._stream.close()

    async def serve(self) -> None:
        """Answer requests until either side ends the connection."""
        try:
            self._waiting_since_s = self._now_s()
            self._start_timer(REQUEST_TIMEOUT_S)
            while await self._answer_next():
                pass
        except StreamClosedError:
            self._report_cut_off()
        except Exception:  # the outermost edge
            log.exception("A connection failed")
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._stream.close()

    async def _answer_next(self) -> bool:
        """Read some bytes and answer the requests that end in them; return whether to go on."""
        parser = self._parser
        data = await self._stream.read_bytes(_READ_BYTES, partial=True)
        turns = parser.begun + parser.ended
        events = parser.feed(data, time.time_ns() // 1_000_000)
        if parser.begun + parser.ended != turns:
            self._waiting_since_s = self._now_s()
        last = len(events) - 1
        ends = parser.phase is Phase.ENDED or (
            self._is_stopping() and parser.phase is Phase.BETWEEN
        )
        for number, event in enumerate(events):
            if isinstance(event, Request):
                closes = ends and number == last
                await self._stream.write(_bytes(self._answer(event), event.method, closes=closes))
            elif isinstance(event, Refused):
                # What follows a refusal is not answered.
                await self._stream.write(_bytes(self._refuse(event), event.method, closes=True))
                await self._drop_the_rest()
                return False
            elif isinstance(event, ContinueExpected):
                await self._stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0)  # a sender that never pauses must not keep the others waiting
        return not ends  # the next read returns what is left, or raises if the stream is closed

    # --- answers ---------------------------------------------------------------------------

    def _mount(self, target: str) -> Mount | None:
        path = target.partition("?")[0]
        return self._mounts.get(path) or self._mounts.get(normal_path(path))

    def _body_limit(self, path: str) -> int:
        mount = self._mount(path)
        return self._max_body_bytes if mount is None else mount.max_body_bytes

    def _answer(self, request: Request) -> Response:
        """Call the handler; an exception that it raises also becomes an answer."""
        mount = self._mount(request.target)
        if mount is None:
            return refusal_response(unknown_endpoint())
        try:
            response = mount.handler(request)
            _check_headers(response)
            return response
        except Refusal as refusal:
            return refusal_response(refusal)
        except Exception as error:  # the outermost edge: logged, shown and answered
            # The log must not contain the path: whoever knows it may post to it.
            log.exception("The handler of a request raised")
            mount.report(error)
            return refusal_response(HandlerFailed("The receiver failed. Try again later."))

    def _refuse(self, refused: Refused) -> Response:
        """Answer a request that is not complete, and report it."""
        log.info("A request was refused before it was complete: %s", refused.refusal.slug)
        mounts = self._meant(refused)
        for mount in mounts:
            mount.report(refused.refusal)
        is_elsewhere = refused.path is not None and not mounts
        return refusal_response(unknown_endpoint() if is_elsewhere else refused.refusal)

    def _meant(self, refused: Refused) -> list[Mount]:
        """Find the mounts that the sender may have meant, by what was read of the path.

        A TLS hello, an unknown method or a broken connection leaves no path, or only its start.
        """
        mount = self._mount(refused.target)
        if mount is not None:
            return [mount]
        if refused.path is not None or "?" in refused.target:
            return []
        start = refused.target if refused.target.startswith("/") else ""  # "*" is no path
        return [each for path, each in list(self._mounts.items()) if path.startswith(start)]

    def _report_cut_off(self) -> None:
        """Report a request within which the sender closed the connection."""
        if self._is_stopping() or self._parser.phase is Phase.BETWEEN:
            return  # the listener closed it, or no request had begun
        for event in self._parser.refuse(cut_off()):
            if isinstance(event, Refused):
                self._refuse(event)

    async def _drop_the_rest(self) -> None:
        """Read what the sender still sends, so that it can read the answer."""
        with suppress(OSError):  # the sender has closed the connection
            self._stream.socket.shutdown(socket.SHUT_WR)
        dropped_bytes = 0
        while dropped_bytes < MAX_DROPPED_BYTES:
            dropped_bytes += len(await self._stream.read_bytes(_READ_BYTES, partial=True))
            await asyncio.sleep(0)

    # --- the clock -------------------------------------------------------------------------

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _start_timer(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._check_clock)

    def _check_clock(self) -> None:
        """End a connection whose request takes too long, or that has been idle for that time.

        Each connection has one timer, so that no request has to set one.
        """
        left_s = self._waiting_since_s + REQUEST_TIMEOUT_S - self._now_s()
        if left_s > 0:
            self._start_timer(left_s)
            return
        for event in self._parser.refuse(slow_sender(REQUEST_TIMEOUT_S)):
            if isinstance(event, Refused) and self._parser.begun > self._parser.ended:
                # Do not wait until it is sent: the sender may not read it.
                self._stream.write(_bytes(self._refuse(event), event.method, closes=True))
        self._stream.close()


def _check_headers(response: Response) -> None:
    """Raise ValueError for a header that cannot be written."""
    for pair in response.headers:
        for text in pair:
            if "\r" in text or "\n" in text:
                raise ValueError("A header of the answer contains a line break.")
            text.encode("latin-1")


def _bytes(response: Response, method: str, *, closes: bool) -> bytes:
    """Write an answer as bytes."""
    status, body = response.status, response.body
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines += [f"Date: {_date(int(time.time()))}", "Server: nbincoming"]
    if status in (204, 304):  # which have no body (RFC 9110, 8.6)
        body = b""
    else:
        lines.append(f"Content-Length: {len(body)}")
    if closes:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head if method == "HEAD" else head + body


@lru_cache(maxsize=1)  # the text is the same for a second
def _date(now_s: int) -> str:
    return formatdate(now_s, usegmt=True)
