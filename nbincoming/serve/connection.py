"""One HTTP connection: it passes bytes to the parser, requests to the service, and writes answers.

uvicorn uses it in place of its own protocol class, which has no limits for heads and slow senders,
and needs a task, several messages and two writes for each answer.

Each request is handled when it arrives, even if it is pipelined. Answers keep the requests' order.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from nbincoming.core.request.message import Request, Response
from nbincoming.http.refusals import slow_sender
from nbincoming.http.request_parser import (
    BETWEEN,
    ENDED,
    ParserEvent,
    Refused,
    RequestParser,
)
from nbincoming.serve.refusals import too_many_connections
from nbincoming.serve.service import OTHER_BODY_BYTES, WATCHED_PATHS, Service
from nbincoming.serve.writer import Writer

#: Reading pauses if more requests than this, of one connection, wait for their answers.
_MAX_WAITING: Final = 32

#: Most bytes parsed at once, because thousands of small requests at once would fill the memory.
_MAX_FED_BYTES: Final = 32_768

#: How long a connection stays open without a request.
IDLE_S: Final = 75.0

#: How long the rest of a refused request is read, so that the sender can read the answer.
DROP_S: Final = 2.0

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Answer:
    """The answer to one request, in the queue of its connection."""

    __slots__ = ("_connection", "method", "response")

    def __init__(self, connection: Connection, method: str) -> None:
        self._connection = connection
        self.method = method
        self.response: Response | None = None  # None until it is known

    def set(self, response: Response) -> None:
        """Set the answer; it is written after the answers before it."""
        self.response = response
        if not self._connection.is_handling:
            self._connection.write_answers()


class Connection(asyncio.Protocol):
    """One connection; :func:`connections` makes a subclass with a service and limits."""

    service: Service
    writer: Writer
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
        self._transport: asyncio.Transport | None = None
        is_full = len(server_state.connections) >= self.max_connections
        self._parser = RequestParser(
            _refuse_connection if is_full else self.service.max_body_bytes, self.max_head_bytes
        )
        self._answers: deque[_Answer] = deque()  # in the order of the requests
        self.is_handling = False  # while True, answers are collected to be written together
        self._is_stopping = False  # the current request is the last one
        self._is_ending = False  # no further request is read
        self._is_paused = False  # reading is paused
        self._is_congested = False  # the sender does not read the answers
        self._owes_continue = False  # the sender waits for 100 Continue
        self._closes_at_s: float | None = None  # all is answered; what still comes is dropped
        # The count of begun and ended requests at the last check of the clock, and when it changed.
        self._progress = 0
        self._since_s = self._loop.time()

    # --- what asyncio and uvicorn call ---------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to use the connection."""
        self._transport = cast(asyncio.Transport, transport)
        self._state.connections.add(cast(Any, self))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Drop the connection; events that were stored stay."""
        self._state.connections.discard(cast(Any, self))
        self._transport = None
        self._is_ending = True
        self._answers.clear()

    def data_received(self, data: bytes) -> None:
        """Handle the requests that end in these bytes."""
        now_ms = time.time_ns() // 1_000_000
        for start in range(0, len(data), _MAX_FED_BYTES):
            if self._is_ending:
                return
            self._handle(self._parser.feed(data[start : start + _MAX_FED_BYTES], now_ms))

    def eof_received(self) -> bool:
        """Answer what is complete, then close: many senders end their side after a request."""
        self._is_ending = True
        if self._closes_at_s is not None and self._transport is not None:
            self._transport.close()
        else:
            self.write_answers()
        return True  # asyncio must not close the connection

    def pause_writing(self) -> None:
        """Stop reading from a sender that does not read the answers."""
        self._is_congested = True
        self._pause_or_resume()

    def resume_writing(self) -> None:
        """Read again."""
        self._is_congested = False
        self._pause_or_resume()

    def shutdown(self) -> None:
        """Answer the requests that have begun, then close; uvicorn calls this when it stops."""
        self._is_stopping = True
        if self._closes_at_s is not None and self._transport is not None:
            self._transport.close()
        self._handle([])

    # --- what the service and the worker call --------------------------------------------

    def check_clock(self, now_s: float) -> None:
        """End a connection that is idle or sends too slowly.

        The worker calls this once a second, because a timer for each request would take time.
        """
        parser = self._parser
        if self._closes_at_s is not None and now_s > self._closes_at_s and self._transport:
            self._transport.close()
        progress = parser.begun + parser.ended
        if self._is_ending or self._is_paused or progress != self._progress:
            self._progress, self._since_s = progress, now_s
            return
        waited_s = now_s - self._since_s
        if parser.phase is BETWEEN and progress:  # idle, after at least one request
            if waited_s > IDLE_S and not self._answers:
                self._is_ending = True
                self.write_answers()
        elif waited_s > self.request_timeout_s:
            self._handle(parser.refuse(slow_sender(self.request_timeout_s)))

    def write_answers(self) -> None:
        """Write answers in order, up to the first that is not known yet."""
        transport, answers = self._transport, self._answers
        if transport is None:
            return
        written = []
        while answers and (response := answers[0].response) is not None:
            method = answers.popleft().method
            keeps_open = bool(answers) or not self._is_ending
            written.append(
                self.writer.write(response, method, keeps_open, self._state.default_headers)
            )
        if written:
            transport.writelines(written)
        if self._is_ending and not answers:
            self._end(transport)
        elif self._owes_continue and not answers:  # senders take answers in order
            self._owes_continue = False
            transport.write(_CONTINUE)
        if self._is_paused or len(answers) > _MAX_WAITING:
            self._pause_or_resume()

    # --- the rest ------------------------------------------------------------------------

    def _handle(self, events: list[ParserEvent]) -> None:
        self.is_handling = True
        for event in events:
            self._owes_continue = False
            if isinstance(event, Request):
                self.service.handle(event, self._expect(event.method).set)
            elif isinstance(event, Refused):
                response = self.service.refuse(event.refusal, event.path)
                self._expect(event.method).set(response)
            else:  # the sender waits before it sends the body
                self._owes_continue = True
        self.is_handling = False
        phase = self._parser.phase
        if phase is ENDED or (self._is_stopping and phase is BETWEEN):
            self._is_ending = True
        self.write_answers()

    def _expect(self, method: str) -> _Answer:
        """Add an answer that is not known yet to the queue."""
        answer = _Answer(self, method)
        self._answers.append(answer)
        return answer

    def _end(self, transport: asyncio.Transport) -> None:
        """Close the connection after its last answer.

        If the sender may still be sending, only this side is closed at first. A socket that is
        closed with unread bytes makes TCP send a reset, which can destroy the answer before the
        sender has read it (RFC 9112, 9.6).
        """
        if self._parser.was_cut_off and self._closes_at_s is None:
            self._closes_at_s = self._loop.time() + DROP_S
            transport.write_eof()
        elif self._closes_at_s is None:
            transport.close()

    def _pause_or_resume(self) -> None:
        must_pause = self._is_congested or len(self._answers) > _MAX_WAITING
        if self._transport is None or must_pause is self._is_paused or self._is_ending:
            return
        self._is_paused = must_pause
        if must_pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()


def connections(
    service: Service, *, max_head_bytes: int, request_timeout_s: float, max_connections: int
) -> type[Connection]:
    """Make the class of a service's connections."""
    limits = {
        "service": service,
        "writer": Writer(),
        "max_head_bytes": max_head_bytes,
        "request_timeout_s": request_timeout_s,
        "max_connections": max_connections,
    }
    return type("Connection", (Connection,), limits)


def _refuse_connection(path: str) -> int:
    if path in WATCHED_PATHS:  # monitors must not take a busy process for a dead one
        return OTHER_BODY_BYTES
    raise too_many_connections()
