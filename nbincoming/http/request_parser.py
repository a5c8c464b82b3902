"""Parse the bytes of one connection into requests, within limits.

The parser reads no socket and no clock: its caller passes bytes and gets events. llhttp (through
httptools) parses the syntax. This module adds limits that llhttp lacks: for the head, the body,
and the framing of a chunked body.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple, NoReturn, TypeAlias

import httptools

from nbincoming.core.request.message import WHITE_SPACE, Request
from nbincoming.core.request.reading import body_too_large
from nbincoming.errors import Refusal
from nbincoming.http.refusals import bad_http, head_too_large

#: The limit of framing bytes for each byte of a body. A chunk of one byte has five: size and line
#: ends.
_MAX_FRAMING: Final = 8


#: Headers that say where a body ends.
_FRAMING: Final = (b"content-length", b"transfer-encoding")


class Phase(Enum):
    """The state of a connection.

    ::

        BETWEEN -> HEAD -> BODY -> BETWEEN

    Each phase can also change to ``ENDED``: after the last request of a connection, and after
    a refusal from which the parser cannot continue.
    """

    #: Before the first byte of a request.
    BETWEEN = "between"
    #: Within the request line and headers.
    HEAD = "head"
    #: Within the body.
    BODY = "body"
    #: No further request is read.
    ENDED = "ended"


#: Names for the members, because to look up ``Phase.BETWEEN`` takes longer.
BETWEEN, HEAD, BODY, ENDED = Phase


class Refused(NamedTuple):
    """A request that is refused before it is complete.

    Attributes
    ----------
    refusal : Refusal
        Why.
    path : str or None
        Its path, if its head was read.
    method : str
        Its method; ``"GET"`` if its head was not read.
    target : str
        The part of its target that was read.
    """

    refusal: Refusal
    path: str | None
    method: str
    target: str = ""


class ContinueExpected(NamedTuple):
    """The sender waits for ``100 Continue`` before it sends the body."""


#: What the parser returns, in the order of the bytes. A :class:`Request` is complete.
ParserEvent: TypeAlias = Request | Refused | ContinueExpected


class RequestParser:
    """Reads the requests of one connection.

    Parameters
    ----------
    max_body_bytes
        Returns the largest body at a path. If it raises a refusal, the request is refused and
        no further request is read.
    max_head_bytes
        Largest request line and headers together.

    Attributes
    ----------
    phase : Phase
        State of the connection.
    begun, ended : int
        How many requests began, and how many of them ended.
    was_cut_off : bool
        Whether it ended within a request, so that the sender may still be sending.
    """

    def __init__(self, max_body_bytes: Callable[[str], int], max_head_bytes: int) -> None:
        self.phase = BETWEEN
        self.begun = self.ended = 0
        self.was_cut_off = False
        self._parser = httptools.HttpRequestParser(self)
        self._max_body_bytes_at = max_body_bytes
        self._max_head_bytes = max_head_bytes
        # For the current call of feed() or refuse().
        self._events: list[ParserEvent] = []
        self._now_ms = 0
        # For the current request.
        self._refusal: Refusal | None = None  # why llhttp was stopped
        self._is_refused = False  # a Refused was returned before its body was complete
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._method = ""
        self._target = ""
        self._path = ""
        self._max_body_bytes = 0
        self._body: list[bytes] = []
        self._fed_bytes = 0  # at least the size of its head
        self._head_bytes = 0  # received of a head that is not complete
        self._body_bytes = 0
        self._framing_bytes = 0

    def feed(self, data: bytes, now_ms: int) -> list[ParserEvent]:
        """Read bytes.

        Parameters
        ----------
        data
            What was received.
        now_ms
            When `data` was received, in milliseconds since the epoch.
        """
        events: list[ParserEvent] = []
        self._events = events
        self._now_ms = now_ms
        phase, begun, ended = self.phase, self.begun, self.ended
        if phase is ENDED:
            return events
        body_bytes = self._body_bytes
        self._fed_bytes = len(data) + (self._fed_bytes if phase is HEAD else 0)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.phase is BODY:  # not ENDED: the connection may have ended before this request
                self._continue_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(self._refusal or bad_http(str(error)))
        else:
            if self.phase is BODY:
                if phase is BODY and self.begun == begun:
                    self._check_framing(len(data) - (self._body_bytes - body_bytes))
                else:
                    self._look_ahead()
            elif self.ended == ended:
                self._check_unfinished_head(len(data))
        return events

    def refuse(self, refusal: Refusal) -> list[ParserEvent]:
        """Refuse the current request, unless it was refused before, and read no more."""
        self._events = []
        self._refuse(refusal)
        return self._events

    # --- what httptools calls ------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Start a request."""
        self.phase = HEAD
        self.begun += 1
        self._is_refused = False
        self._url = b""
        self._headers = []
        self._body = []
        self._body_bytes = self._framing_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. Trailers are dropped, which RFC 9110, 6.5.1 allows."""
        if self.phase is HEAD:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Check the size of the head, and look up how large the body may be."""
        self.phase = BODY
        if self._fed_bytes > self._max_head_bytes:  # otherwise it cannot be too large
            size = len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)
            if size > self._max_head_bytes:
                self._stop(head_too_large(self._max_head_bytes))
        self._target = _origin_form(self._url)
        self._path = self._target.partition("?")[0]
        self._method = self._parser.get_method().decode("ascii")
        try:
            self._max_body_bytes = self._max_body_bytes_at(self._path)
        except Refusal as refusal:
            self._stop(refusal)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, as long as it stays within the limit."""
        self._body_bytes += len(body)
        if self._is_refused:
            return
        if self._body_bytes > self._max_body_bytes:
            self._refuse_body()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """End a request."""
        # For a request that asks to switch protocols, llhttp calls this before the body.
        if not self._parser.should_upgrade():
            self.end_request(self._parser.should_keep_alive())

    def end_request(self, keeps_open: bool) -> None:
        """Add the request to the events, unless it was refused."""
        self.phase = BETWEEN if keeps_open else ENDED
        self.ended += 1
        self._head_bytes = 0
        if not self._is_refused:
            chunks = self._body
            body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            headers = tuple(self._headers)
            self._events.append(Request(self._method, self._target, headers, body, self._now_ms))

    # --- the rest ------------------------------------------------------------------------

    def _refuse(self, refusal: Refusal) -> None:
        if self.phase is not ENDED:
            self.phase, self.was_cut_off = ENDED, True
            if not self._is_refused:
                self._events.append(Refused(refusal, None, "GET", self._read_target()))

    def _read_target(self) -> str:
        try:
            return _origin_form(self._url)
        except httptools.HttpParserInvalidURLError:
            return ""

    def _continue_without_upgrade(self, data: bytes) -> None:
        """Read the body of a request that asks to switch protocols, where llhttp stops.

        The connection does not switch: it answers the request, and then ends. Java's HttpClient
        asks for HTTP/2 in its first request, whatever its method.
        """
        head = [b"POST / HTTP/1.1"]
        head += [b"%b: %b" % pair for pair in self._headers if pair[0].lower() in _FRAMING]
        self._parser = httptools.HttpRequestParser(_BodyOnly(self))
        try:
            self._parser.feed_data(b"\r\n".join([*head, b"", data]))
        except httptools.HttpParserUpgrade:
            pass  # from a later request, which is not read
        except httptools.HttpParserError as error:
            self._refuse(bad_http(str(error)))
        if self.phase is BODY:
            self._look_ahead()

    def _look_ahead(self) -> None:
        """Act on the headers about the body (Content-Length, Expect) before the body arrives."""
        if self._is_refused:
            return
        if self._announced_bytes() > self._max_body_bytes:
            self._refuse_body()
        elif any(
            len(name) == 6
            and name.lower() == b"expect"
            and value.strip(WHITE_SPACE).lower() == b"100-continue"
            for name, value in self._headers
        ):
            self._events.append(ContinueExpected())

    def _announced_bytes(self) -> int:
        for name, value in self._headers:
            if len(name) == 14 and name.lower() == b"content-length":
                return int(value[:20])  # llhttp has checked that these are digits
        return 0

    def _refuse_body(self) -> None:
        """Refuse a body that is too large; the rest of it is dropped as it comes."""
        self._is_refused = True
        self._body.clear()
        refusal = body_too_large(self._max_body_bytes)
        self._events.append(Refused(refusal, self._path, self._method, self._target))

    def _check_unfinished_head(self, more_bytes: int) -> None:
        self._head_bytes += more_bytes
        if self._head_bytes > self._max_head_bytes:
            self._refuse(head_too_large(self._max_head_bytes))

    def _check_framing(self, more_bytes: int) -> None:
        """Refuse a chunked body that is nearly all framing, or has trailers without an end."""
        self._framing_bytes += more_bytes
        if self._framing_bytes > self._max_head_bytes + _MAX_FRAMING * self._body_bytes:
            self._refuse(head_too_large(self._max_head_bytes))

    def _stop(self, refusal: Refusal) -> NoReturn:
        """Stop llhttp. It raises its own error, so keep the refusal for :meth:`feed`."""
        self._refusal = refusal
        raise refusal


class _BodyOnly:
    """Passes on what httptools reads of one body, and no head."""

    def __init__(self, parser: RequestParser) -> None:
        self._parser = parser

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of the body."""
        if self._parser.phase is BODY:
            self._parser.on_body(body)

    def on_message_complete(self) -> None:
        """End the request and the connection."""
        if self._parser.phase is BODY:
            self._parser.end_request(keeps_open=False)


def _origin_form(url: bytes) -> str:
    """Return a target in origin form. Senders may use the absolute form (RFC 9112, 3.2.2)."""
    if not url.startswith(b"/"):
        parsed = httptools.parse_url(url)
        url = (parsed.path or b"/") + (b"?" + parsed.query if parsed.query else b"")
    return url.decode("latin-1")
