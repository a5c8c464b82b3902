"""One HTTP connection: bytes to requests, answers to bytes, within limits.

uvicorn runs it as its HTTP protocol. It is ours because uvicorn's own has no limit for heads
and slow senders, and takes a task, several messages and two writes for each answer.

Requests are handled as they come, also those that were sent ahead (pipelining), and are
answered in their order.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from nbincoming.core.request.message import RawHeaders, Request, Response
from nbincoming.core.request.reading import body_too_large
from nbincoming.errors import Refusal
from nbincoming.http.refusals import bad_http, head_too_large, slow_sender
from nbincoming.serve.refusals import too_many_connections
from nbincoming.serve.service import Service
from nbincoming.serve.writer import written

#: Requests on one connection that may wait for their answers before no more is read.
_MOST_AHEAD: Final = 32

#: Bytes of framing for each byte of a body: a chunk of one byte has five.
_MOST_FRAMING: Final = 8

#: How long a connection may be kept without a request.
IDLE_S: Final = 75.0


class _Slot:
    """A request's place in the order of answers."""

    __slots__ = ("_flush", "keep", "method", "response")

    def __init__(self, method: str, keep: bool, flush: Callable[[], None]) -> None:
        self.method = method
        self.keep = keep
        self.response: Response | None = None
        self._flush = flush

    def answer(self, response: Response) -> None:
        """Take the answer, and have what can be written written."""
        self.response = response
        self._flush()


class Connection(asyncio.Protocol):
    """One connection; :func:`connections` makes its class for a service and its limits."""

    service: Service
    max_head_bytes = 32_768
    request_timeout_s = 30.0
    max_connections = 1_000

    def __init__(
        self,
        config: Config,  # noqa: ARG002 - uvicorn's signature
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._loop = _loop or asyncio.get_event_loop()
        self._state = server_state
        self._parser = httptools.HttpRequestParser(self)
        self._slots: deque[_Slot] = deque()
        self._transport: asyncio.Transport | None = None
        self._paused_by_writes = self._paused = False
        self._closing = False  # no request is taken any more
        self._head_bytes = 0
        self._in_head = True
        self._head_refusal: Refusal | None = None
        # The connection itself is a promise to send something.
        self._reading_since_s: float | None = self._loop.time()
        self._idle_since_s = 0.0
        self._begin()

    # --- the server's side ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast(asyncio.Transport, transport)
        self._state.connections.add(cast(Any, self))
        self._busy = len(self._state.connections) > self.max_connections

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Forget the connection; what was claimed stays claimed."""
        self._state.connections.discard(cast(Any, self))
        self._transport = None
        self._closing = True
        self._slots.clear()

    def shutdown(self) -> None:
        """Finish what was begun, then close; uvicorn says so when it stops."""
        self._last = True
        if not self._reading:
            self._finish()

    def pause_writing(self) -> None:
        """Read no more from a sender who does not take his answers."""
        self._paused_by_writes = True
        self._settle_reading()

    def resume_writing(self) -> None:
        """Read again."""
        self._paused_by_writes = False
        self._settle_reading()

    def check_clock(self, now_s: float) -> None:
        """End a connection whose request takes too long to come, or that is idle."""
        if self._reading_since_s is not None:
            if now_s - self._reading_since_s > self.request_timeout_s and not self._paused:
                self._refuse(slow_sender(self.request_timeout_s))
        elif not self._slots and now_s - self._idle_since_s > IDLE_S:
            self._close()

    # --- bytes in ------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if self._closing:
            return
        if self._raw_left:
            self._take_raw(data)
            return
        self._ended = False
        self._fed_bytes = self._head_bytes + len(data)
        is_body, seen = self._reading and not self._in_head, self._body_seen
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._raw_left = self._announced_bytes
            self._take_raw(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(self._head_refusal or bad_http(str(error)))
        else:
            if self._in_head and not self._ended:  # else some of it was another request's
                self._head_bytes += len(data)
                if self._head_bytes > self.max_head_bytes:
                    self._refuse(head_too_large(self.max_head_bytes))
            elif is_body and not self._ended:
                self._check_framing(len(data) - (self._body_seen - seen))

    def on_message_begin(self) -> None:
        """Start a request; the parser calls this and what follows."""
        self._begin()
        self._reading = True
        self._in_head = True
        self._head_bytes = 0
        self._reading_since_s = self._loop.time()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is none, and nothing here has a use for it (RFC 9110, 6.5.1)."""
        if self._in_head:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Look at the head as a whole."""
        self._in_head = False
        announced_bytes, expects = 0, False
        for name, value in self._headers:
            size = len(name)
            if size == 14 and name.lower() == b"content-length":
                announced_bytes = int(value[:20])  # the parser has seen that it is digits
            elif size == 6 and name.lower() == b"expect":
                expects = value.lower() == b"100-continue"
        self._announced_bytes, self._expects = announced_bytes, expects
        if self._fed_bytes + len(self._headers) > self.max_head_bytes:
            self._check_head()  # else it cannot be too large
        url = self._url
        if not url.startswith(b"/"):
            parsed = httptools.parse_url(url)  # http://host/path is as good
            url = (parsed.path or b"/") + (b"?" + parsed.query if parsed.query else b"")
        self._target = url.decode("latin-1")
        self._path = self._target.partition("?")[0]
        self._method = self._parser.get_method().decode("ascii")
        self._limit = self.service.max_body_bytes(self._path)
        if self._busy:
            self._refuse(too_many_connections())
        elif announced_bytes > self._limit:
            self._refuse_body()
        elif expects and not self._slots and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _check_head(self) -> None:
        size = len(self._url)
        for name, value in self._headers:
            size += len(name) + len(value) + 4  # ": " and the end of the line
        if size > self.max_head_bytes:
            self._head_refusal = head_too_large(self.max_head_bytes)
            raise ValueError("The head is too large.")  # which stops the parser

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, as long as it stays within the limit."""
        self._body_seen += len(body)
        if self._answered or self._closing:
            return  # thrown away
        self._body_bytes += len(body)
        if self._body_bytes > self._limit:
            self._refuse_body()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Have the request handled."""
        self._ended = True
        if self._parser.should_upgrade():
            return  # the parser passes over its body, so that is not the end of it
        keep = self._parser.should_keep_alive()
        self._complete(keep)

    def _check_framing(self, size: int) -> None:
        """Refuse chunks that are all frame, and trailers without an end, which a parser keeps."""
        self._framing_bytes += size
        if self._framing_bytes > self.max_head_bytes + _MOST_FRAMING * self._body_seen:
            self._refuse(head_too_large(self.max_head_bytes))

    def _take_raw(self, data: bytes) -> None:
        """Take the body of a request that asks for another protocol.

        None is spoken here, so it is answered as it is, and is the last one. Java's
        HttpClient asks for HTTP/2 with its first request, a POST or not.
        """
        data = data[: self._raw_left]
        self._raw_left -= len(data)
        self.on_body(data)
        if not self._raw_left:
            self._complete(keep=False)
            self._finish()

    def _complete(self, keep: bool) -> None:
        self._reading = False
        self._reading_since_s = None
        self._in_head = True
        self._head_bytes = 0
        self._idle_since_s = self._loop.time()
        if self._answered or self._closing:
            if not keep:
                self._finish()
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._handle(self._target, tuple(self._headers), body, keep)

    def _handle(self, target: str, headers: RawHeaders, body: bytes, keep: bool) -> None:
        now_ms = time.time_ns() // 1_000_000
        request = Request(self._method, target, headers, body, now_ms)
        self._closing = not keep  # what is sent after the last request is none
        response = self.service.handle(request, self._take_place)
        if response is None:
            return
        if self._slots:  # others are to be answered first
            self._take_place()(response)
        else:
            self._write(response, self._method, keep and not self._last)

    def _begin(self) -> None:
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._body_seen = self._framing_bytes = 0
        self._reading = False
        self._answered = False  # before its body was whole
        self._head_refusal = None

    # --- bytes out -----------------------------------------------------------------------

    _raw_left = 0
    _last = False  # the server is stopping: the next answer is the last
    _busy = False

    def _take_place(self) -> Callable[[Response], None]:
        """Take the next place in the order of answers, for one that comes later."""
        slot = _Slot(self._method, not self._closing and not self._last, self._flush)
        self._slots.append(slot)
        if len(self._slots) > _MOST_AHEAD:
            self._settle_reading()
        return slot.answer

    def _flush(self) -> None:
        """Write the answers that are there, up to the first that is not."""
        slots = self._slots
        while slots and slots[0].response is not None:
            slot = slots.popleft()
            assert slot.response is not None
            keep = slot.keep and not (self._last and not slots)
            self._write(slot.response, slot.method, keep)
            if not keep:
                return
        if self._paused:
            self._settle_reading()

    def _write(self, response: Response, method: str, keep: bool) -> None:
        if self._transport is None:
            return
        state = self._state
        self._transport.write(written(response, method, keep, state.default_headers))
        state.total_requests += 1
        if not keep:
            self._close()

    def _refuse_body(self) -> None:
        """Answer now; the rest of the body is thrown away as it comes."""
        self._answered = True
        self._body.clear()
        refusal = body_too_large(self._limit)
        # The rest comes before the next request, and a sender who sends it without end is
        # stopped by the clock.
        self._take_place()(self.service.refuse(self._path, refusal))

    def _refuse(self, refusal: Refusal) -> None:
        """Refuse what never becomes a request, after the answers before it."""
        if self._closing:
            return
        response = self.service.refuse_unread(refusal)
        self._closing = True
        self._reading_since_s = None
        if self._answered or self._transport is None:
            self._close()
            return
        self._method = "GET"
        self._take_place()(response)

    def _settle_reading(self) -> None:
        """Read, unless answers wait to be taken or too many requests wait for theirs."""
        pause = self._paused_by_writes or len(self._slots) > _MOST_AHEAD
        if self._transport is None or pause is self._paused or self._transport.is_closing():
            return
        self._paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            if self._reading:
                self._reading_since_s = self._loop.time()  # the pause was ours
            self._transport.resume_reading()

    def _finish(self) -> None:
        """Take no more requests; close when those before are answered."""
        self._closing = True
        if self._slots:
            self._slots[-1].keep = False
        else:
            self._close()

    def _close(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()


def connections(
    service: Service, *, max_head_bytes: int, request_timeout_s: float, max_connections: int
) -> type[Connection]:
    """Make the class of a service's connections."""
    limits = {
        "service": service,
        "max_head_bytes": max_head_bytes,
        "request_timeout_s": request_timeout_s,
        "max_connections": max_connections,
    }
    return type("Connection", (Connection,), limits)
