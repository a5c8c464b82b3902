"""Heads that came before: what is remembered, and that it changes no request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from uvicorn.config import Config
from uvicorn.server import ServerState

from nbincoming.core.message import KnownHeaders, Request, Response
from nbincoming.serve.connection import Connection, connections
from nbincoming.serve.heads import Head, Heads
from nbincoming.serve.service import Reply, Service

HEAD = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"
KNOWN = Head("POST", "/x", KnownHeaders([(b"Host", b"h"), (b"Content-Length", b"2")]), 2)


class Recorder:
    """In place of the service: keeps requests, and answers each with 200, some of them later."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._waiting: list[Reply] = []

    def max_body_bytes(self, _path: str) -> int:
        """Allow little, so that some bodies are too large."""
        return 40

    def handle(self, request: Request, place: Callable[[], Reply]) -> Response | None:
        """Keep it."""
        self.requests.append(request._replace(received_at_ms=0))
        if request.path == "/later":
            self._waiting.append(place())
            return None
        return Response(200, (), b"OK")

    def answer_late(self) -> None:
        """Answer what waits, the last first."""
        while self._waiting:
            self._waiting.pop()(Response(200, (), b"late"))

    def refuse(self, _path: str, _refusal: Exception) -> Response:
        """Answer as for a refusal."""
        return Response(413)

    def refuse_unread(self, _refusal: Exception) -> Response:
        """Answer as for a refusal."""
        return Response(400)


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes) -> None:
        """Keep it."""
        assert not self.is_closed
        self.written += data

    def is_closing(self) -> bool:
        """Say whether it was closed."""
        return self.is_closed

    def close(self) -> None:
        """Close."""
        self.is_closed = True


class Line:
    """A connection of a class, without a network."""

    def __init__(self, kind: type[Connection]) -> None:
        self.transport = Transport()
        loop = asyncio.new_event_loop()
        self._connection = kind(cast(Config, None), ServerState(), {}, loop)
        loop.close()  # its clock is all that is used
        self._connection.connection_made(cast(asyncio.Transport, self.transport))

    def wait(self, seconds: float) -> None:
        """Have it look at the clock after some time."""
        self._connection.check_clock(self._connection._loop.time() + seconds)

    def send(self, data: bytes) -> None:
        """Have it take bytes, as long as it is open."""
        if not self.transport.is_closed:
            self._connection.data_received(data)


class Forgetful(Heads):
    """Remembers nothing."""

    def remember(self, data: bytes, head: Head) -> None:
        """Forget it."""


@pytest.fixture
def recorder() -> Recorder:
    """Return what requests come to."""
    return Recorder()


@pytest.fixture
def heads() -> Heads:
    """Return a memory that knows one head."""
    heads = Heads()
    heads.remember(HEAD + b"{}", KNOWN)
    return heads


def kind_of_connection(recorder: Recorder, heads: Heads) -> type[Connection]:
    """Make the class of connections with a memory."""
    kind = connections(
        cast(Service, recorder), max_head_bytes=400, request_timeout_s=30, max_connections=10
    )
    kind.heads = heads
    return kind


def test_the_same_bytes_are_known(heads: Heads) -> None:
    """With whatever body of that length."""
    assert heads.find(HEAD + b"[]") == (KNOWN, b"[]")


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"{",
        HEAD + b"{} ",
        HEAD + b"{}" + HEAD + b"{}",
        HEAD[:-2],
        b"\r\n" + HEAD + b"{}",
        HEAD.replace(b"Host", b"host") + b"{}",
        b"",
    ],
    ids=["part", "more", "two", "half a head", "line feed before", "another head", "nothing"],
)
def test_other_bytes_are_left_to_the_parser(heads: Heads, data: bytes) -> None:
    """Anything but a known head with its whole body."""
    assert heads.find(data) is None


def test_long_heads_are_not_remembered(heads: Heads) -> None:
    """They would take the memory of many."""
    data = HEAD.replace(b"h\r\n", b"h" * 2_048 + b"\r\n") + b"{}"
    heads.remember(data, KNOWN)
    assert heads.find(data) is None


def test_the_memory_has_an_end(heads: Heads) -> None:
    """Whoever sends a new head each time makes no process grow."""
    for number in range(2_000):
        heads.remember(b"POST /%d HTTP/1.1\r\n\r\n{}" % number, KNOWN)
    assert len(heads._known) <= 1_024


def test_a_head_that_comes_again_is_not_parsed_again(recorder: Recorder) -> None:
    """The second request is the same, and the parser has not seen it."""
    line = Line(kind_of_connection(recorder, heads := Heads()))
    line.send(HEAD + b"{}")
    assert heads.find(HEAD + b"[]") is not None
    line._connection._parser = cast(object, None)
    line.send(HEAD + b"[]")
    first, second = recorder.requests
    assert first._replace(body=b"[]") == second
    assert line.transport.written.count(b"200 OK") == 2


def test_a_new_connection_with_a_known_head_is_no_slow_sender(
    recorder: Recorder, heads: Heads
) -> None:
    """It owes nothing after its first request; it is idle, and closed as such."""
    line = Line(kind_of_connection(recorder, heads))
    line.send(HEAD + b"{}")
    line.wait(31)
    line.send(HEAD + b"{}")
    assert line.transport.written.count(b"200 OK") == 2
    assert not line.transport.is_closed
    line.wait(76)
    assert line.transport.is_closed
    assert b" 408 " not in line.transport.written


def test_whoever_asks_first_is_answered_first(recorder: Recorder) -> None:
    """What is known at once waits for what is not."""
    line = Line(kind_of_connection(recorder, Heads()))
    for _ in range(2):  # the second time, all heads are known
        for data in (LATER, HEAD + b"{}", LATER):
            line.send(data)
        assert line.transport.written == b""
        recorder.answer_late()
        bodies = [part[-4:] for part in line.transport.written.split(b"HTTP/1.1")[1:]]
        assert [body.strip() for body in bodies] == [b"late", b"OK", b"late"]
        line.transport.written = b""


@pytest.mark.parametrize(
    "data",
    [
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"POST /x HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /x HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /x HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /x HTTP/1.1\r\nContent-Length: 50\r\n\r\n" + b"x" * 50,
        b"POST /x HTTP/1.1\r\nContent-Length: x\r\n\r\n{}",
        HEAD + b"{}" + HEAD + b"{}",
        b"\r\n\r\n" + HEAD + b"{}",
    ],
    ids=["chunked", "1.0", "close", "expect", "upgrade", "large", "bad", "pipelined", "line feeds"],
)
def test_nothing_is_remembered_of(recorder: Recorder, data: bytes) -> None:
    """What ends the connection, is answered before its end, or is not a head and a body."""
    line = Line(kind_of_connection(recorder, heads := Heads()))
    line.send(data)
    assert not heads._known


LARGE = b"POST /x HTTP/1.1\r\nContent-Length: 50\r\n\r\n" + b"x" * 50
LATER = HEAD.replace(b"/x", b"/later") + b"{}"
LAST = b"POST /x HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
PIECES = st.sampled_from(
    [
        HEAD + b"{}",
        HEAD + b"[]",
        HEAD + b"{",
        b"POST /y?a=b HTTP/1.1\r\nX: 1\r\nContent-Length: 3\r\n\r\n[1]",
        LATER,
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"POST http://h/x HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        LARGE,
        b"{}",
        b"\r\n",
        b"\r",
        LAST,
        b"POST /x HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /x HTTP/1.1\r\nBad\r\n\r\n",
    ]
)


@settings(max_examples=1_500, deadline=None)
@given(
    lines=st.lists(st.lists(st.lists(PIECES, min_size=1, max_size=3), max_size=8), max_size=4),
    is_late=st.booleans(),
)
@example(lines=[[[HEAD + b"{}"], [LARGE], [HEAD + b"{}"], [b"{}"]]], is_late=False)
@example(lines=[[[HEAD + b"{}"], [LATER], [LAST], [HEAD + b"{}"]]], is_late=True)
def test_whoever_remembers_answers_as_whoever_does_not(
    lines: list[list[list[bytes]]], is_late: bool
) -> None:
    """Through any sequence of good, bad, cut and joined requests, on one connection or several."""
    both = []
    for heads in (Heads(), Forgetful()):
        kind = kind_of_connection(recorder := Recorder(), heads)
        written = []
        for chunks in lines:
            line = Line(kind)
            for chunk in chunks:
                line.send(b"".join(chunk))
                if not is_late:
                    recorder.answer_late()
            recorder.answer_late()
            written.append((line.transport.written, line.transport.is_closed))
        both.append((written, recorder.requests))
    assert both[0] == both[1]
