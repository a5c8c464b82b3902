"""One request and its answer on a Tornado connection.

This module turns what Tornado reads into a :class:`Request`, calls the handler mounted at
its path and writes the :class:`Response`. By itself it refuses only what needs no judgement:
a path where nothing is mounted, a body over the limit, a handler that failed. It knows
nothing of ports and threads (:mod:`nbincoming.notebook.listener` does) and of what a body says.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http.client import responses
from typing import ClassVar, cast

from tornado.concurrent import Future
from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream

from nbincoming.core.gateway import (
    refusal_response,
    unknown_endpoint,
)
from nbincoming.core.request.message import RawHeaders, Request, Response
from nbincoming.core.request.reading import body_too_large
from nbincoming.errors import Refusal

#: Answers a request. Called on the listener's thread, so it must not block for long.
Handler = Callable[[Request], Response]

#: Told of what went wrong at a mount and could not reach its handler, or left it.
OnError = Callable[[Exception], None]

#: How much of a refused body is still read (and thrown away). Closing a socket with unread
#: bytes makes TCP send a reset, which can destroy the answer before the sender has read it
#: (RFC 9112, 9.6); and most scripts read the answer only after the last byte is sent.
DRAIN_BYTES = 64 * 2**20

log = logging.getLogger("nbincoming.listener")


@dataclass(frozen=True, slots=True)
class Mount:
    """What is served at one path."""

    handler: Handler
    max_body_bytes: int
    on_error: OnError | None = None


class HandlerFailed(Refusal):
    """The handler raised: the sender may try again, the cause is not his business."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "handler-failed"
    title: ClassVar[str] = "The request could not be handled"


class HeadStream(IOStream):
    """A stream that keeps the last head as it was sent.

    Tornado renames headers to ``Http-Header-Case`` and groups them by name, where a
    :class:`Request` holds them exactly as received.

    Attributes
    ----------
    head : bytes
        Request line and headers of the request that is being read.
    """

    head: bytes = b""

    def read_until_regex(self, regex: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        """Read one head: Tornado uses this method for nothing else."""
        future = cast("Future[bytes]", super().read_until_regex(regex, max_bytes))
        if future.done():  # a callback would run only after Tornado has gone on
            self._keep(future)
        else:
            future.add_done_callback(self._keep)
        return future

    def _keep(self, future: Future[bytes]) -> None:
        if not future.cancelled() and future.exception() is None:
            self.head = future.result()


def raw_headers(head: bytes, parsed: HTTPHeaders) -> RawHeaders:
    """Return the headers as they were sent.

    `head` was accepted by Tornado, so splitting it needs no second grammar. Where it might
    (lines that are folded, which Tornado took until 6.6), or where there is none (a Tornado
    that reads it in another way), the headers are as Tornado `parsed` them, from latin-1.
    """
    if not head or b"\n " in head or b"\n\t" in head:
        return tuple((n.encode("latin-1"), v.encode("latin-1")) for n, v in parsed.get_all())
    pairs = []
    for line in head.lstrip(b"\r\n").split(b"\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            pairs.append((name, value.strip(b" \t\r")))
    return tuple(pairs)


class Exchange(HTTPMessageDelegate):
    """Read one request, answer it once.

    Parameters
    ----------
    mounts : mapping of str to Mount
        What is served where; looked at when the head has arrived.
    max_body_bytes : int
        The limit where nothing is mounted.
    in_flight : set of Exchange
        Holds this exchange from its head to its answer.
    """

    def __init__(
        self,
        connection: HTTP1Connection,
        mounts: Mapping[str, Mount],
        *,
        max_body_bytes: int,
        in_flight: set[Exchange],
    ) -> None:
        self._connection = connection
        self._mounts = mounts
        self._max_body_bytes = max_body_bytes
        self._in_flight = in_flight
        self._chunks: list[bytes] = []
        self._received_bytes = 0
        self._refused = False  # answered before the body was read

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> None:
        """Find the mount; refuse a body that is announced as too large at once."""
        self._in_flight.add(self)
        self._line = line = cast(RequestStartLine, start_line)
        self._headers = raw_headers(cast(HeadStream, self._connection.stream).head, headers)
        self._mount = self._mounts.get(line.path.partition("?")[0])
        if self._mount is not None:
            self._max_body_bytes = self._mount.max_body_bytes
        try:
            announced_bytes = int(headers.get("Content-Length", "0"))
        except ValueError:
            return  # Tornado refuses it next, or it is "5, 5", which is counted as it comes
        if announced_bytes > self._max_body_bytes:
            # Tornado would still ask for the body, after the answer.
            headers.pop("Expect", None)
            self._refuse_body()

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body, unless it is refused."""
        self._received_bytes += len(chunk)
        if not self._refused and self._received_bytes > self._max_body_bytes:
            self._refuse_body()
        if not self._refused:
            self._chunks.append(chunk)
        elif self._received_bytes > self._max_body_bytes + DRAIN_BYTES:
            self._connection.finish()  # with the body unread, this closes the connection

    def finish(self) -> None:
        """Answer the complete request."""
        if self._refused:
            self._connection.finish()
            self._connection.close()  # as announced with the refusal
            return
        response, headers = self._answer()
        self._write(response, headers)
        self._connection.finish()
        self._in_flight.discard(self)

    def on_connection_close(self) -> None:
        """Forget a request whose sender went away."""
        self._chunks.clear()
        self._in_flight.discard(self)

    def _answer(self) -> tuple[Response, HTTPHeaders]:
        """Call the handler, once; whatever it does becomes an answer."""
        mount = self._mount
        if mount is None:
            return _with_headers(refusal_response(unknown_endpoint()))
        request = Request(
            method=self._line.method,
            target=self._line.path,
            headers=self._headers,
            body=b"".join(self._chunks),
            received_at_ms=time.time_ns() // 1_000_000,
        )
        try:
            return _with_headers(mount.handler(request))
        except Refusal as refusal:
            return _with_headers(refusal_response(refusal))
        except Exception as error:  # the outermost edge: logged, shown and answered
            # Without the path: who knows it may post to it.
            log.exception("The handler of a request raised")
            self._report(error)
            return _with_headers(
                refusal_response(HandlerFailed("The receiver failed. Try again later."))
            )

    def _refuse_body(self) -> None:
        """Answer before the body is read; the rest of it runs dry."""
        too_large = body_too_large(self._max_body_bytes)
        refusal = unknown_endpoint() if self._mount is None else too_large
        self._refused = True
        self._chunks.clear()
        response, headers = _with_headers(refusal_response(refusal))
        headers["Connection"] = "close"
        self._write(response, headers)
        self._report(refusal)
        self._in_flight.discard(self)

    def _report(self, error: Exception) -> None:
        if self._mount is not None and self._mount.on_error is not None:
            try:
                self._mount.on_error(error)
            except Exception:  # a view that fails must not cost the sender his answer
                log.exception("The error hook of a mount raised")

    def _write(self, response: Response, headers: HTTPHeaders) -> None:
        status = response.status
        line = ResponseStartLine("HTTP/1.1", status, responses.get(status, "Unknown"))
        has_body = "Content-Length" in headers and self._line.method != "HEAD"
        self._connection.write_headers(line, headers, response.body if has_body else None)


def _with_headers(response: Response) -> tuple[Response, HTTPHeaders]:
    """Add the headers that are the driver's; raises for a header that cannot be written."""
    headers = HTTPHeaders()
    for name, value in response.headers:
        headers.add(name, value)
    headers["Date"] = _date(int(time.time()))
    headers["Server"] = "nbincoming"
    if response.status not in (204, 304):  # which have no body (RFC 9110, 8.6)
        headers["Content-Length"] = str(len(response.body))
    return response, headers


@lru_cache(maxsize=1)  # one text a second
def _date(now_s: int) -> str:
    return formatdate(now_s, usegmt=True)
