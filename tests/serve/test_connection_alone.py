"""A connection without a network: the order of answers, the clock, the end."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from uvicorn.config import Config
from uvicorn.server import ServerState

from nbincoming.core.request.message import Request, Response
from nbincoming.serve.connection import DROP_S, Connection, connections
from nbincoming.serve.service import Reply, Service
from tests.http.test_request_parser import EXPECTS, HEAD, LARGE, LAST

NOW = HEAD + b"{}"
LATER = HEAD.replace(b"/x", b"/later") + b"{}"
LAST_LATER = LAST.replace(b"/x", b"/later")


class Recorder:
    """In place of the service: keeps requests, and answers some of them later."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._waiting: list[tuple[Reply, bytes]] = []

    def max_body_bytes(self, _path: str) -> int:
        """Allow little, so that some bodies are too large."""
        return 40

    def handle(self, request: Request, reply: Reply) -> None:
        """Keep it; the answer is its number."""
        self.requests.append(request._replace(received_at_ms=0))
        number = b"%d" % len(self.requests)
        if request.path == "/later":
            self._waiting.append((reply, number))
        else:
            reply(Response(200, (), number))

    def answer_late(self) -> None:
        """Answer what waits, the last first."""
        while self._waiting:
            reply, number = self._waiting.pop()
            reply(Response(200, (), number))

    def refuse(self, refusal: Exception, path: str | None = None) -> Response:
        """Answer as for a refusal."""
        return Response(400 if path is None else 413, (), type(refusal).__name__.encode())


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.writes = 0
        self.has_ended = False
        self.is_closed = False
        self.is_paused = False

    def write(self, data: bytes) -> None:
        """Keep it."""
        assert not self.has_ended
        self.written += data
        self.writes += 1

    def writelines(self, parts: list[bytes]) -> None:
        """Keep them."""
        self.write(b"".join(parts))

    def pause_reading(self) -> None:
        """Note it."""
        assert not self.is_paused
        self.is_paused = True

    def resume_reading(self) -> None:
        """Note it."""
        assert self.is_paused
        self.is_paused = False

    def write_eof(self) -> None:
        """Close one direction."""
        self.has_ended = True

    def close(self) -> None:
        """Close."""
        self.has_ended = self.is_closed = True


class Line:
    """A connection of a class, without a network."""

    def __init__(self, recorder: Recorder, *, others: int = 0) -> None:
        kind = connections(
            cast(Service, recorder), max_head_bytes=400, request_timeout_s=30, max_connections=10
        )
        self.transport = Transport()
        state = ServerState()
        state.connections.update(cast("set[Connection]", range(others)))  # type: ignore[arg-type]
        loop = asyncio.new_event_loop()
        self.connection = kind(cast(Config, None), state, {}, loop)
        loop.close()  # its clock is all that is used
        self.connection.connection_made(cast(asyncio.Transport, self.transport))

    def wait(self, seconds: float) -> None:
        """Have it look at the clock, and again after some time without another request."""
        self.connection.check_clock(self.connection._loop.time())
        self.connection.check_clock(self.connection._loop.time() + seconds)

    def send(self, data: bytes) -> None:
        """Have it take bytes, as long as it is open."""
        if not self.transport.is_closed:
            self.connection.data_received(data)

    @property
    def answers(self) -> list[bytes]:
        """The bodies of the answers."""
        parts = self.transport.written.split(b"HTTP/1.1 ")[1:]
        return [part.partition(b"\r\n\r\n")[2] for part in parts]


@pytest.fixture
def recorder() -> Recorder:
    """Return what requests come to."""
    return Recorder()


@settings(max_examples=500, deadline=None)
@given(
    parts=st.lists(
        st.lists(st.sampled_from([NOW, LATER, LARGE, LAST, LAST_LATER]), min_size=1, max_size=4),
        max_size=8,
    ),
    is_late=st.booleans(),
)
@example(parts=[[NOW], [LATER], [LAST], [NOW]], is_late=True)
@example(parts=[[LATER, LATER, LAST]], is_late=False)
def test_answers_come_in_the_order_of_requests(parts: list[list[bytes]], is_late: bool) -> None:
    """Whichever is known first, each request has one answer, and none comes after the last."""
    line = Line(recorder := Recorder())
    sent = [piece for part in parts for piece in part]
    for part in parts:
        line.send(b"".join(part))
        if not is_late:
            recorder.answer_late()
    recorder.answer_late()
    closes = [piece in (LAST, LAST_LATER) for piece in sent]
    taken = sent[: closes.index(True) + 1] if any(closes) else sent
    number, wanted = 0, []
    for piece in taken:
        number += piece is not LARGE
        wanted.append(b"BodyTooLarge" if piece is LARGE else b"%d" % number)
    assert line.answers == wanted
    assert line.transport.is_closed == any(closes)
    assert line.transport.written.count(b"connection: close") == any(closes)


def test_the_answers_of_one_read_are_one_write(recorder: Recorder) -> None:
    """Pipelined requests cost one call."""
    line = Line(recorder)
    line.send(NOW * 5)
    assert line.answers == [b"1", b"2", b"3", b"4", b"5"]
    assert line.transport.writes == 1


def test_what_is_not_taken_stops_the_reading(recorder: Recorder) -> None:
    """With many answers outstanding, or a sender who does not take them, nothing is read."""
    line = Line(recorder)
    line.send(LATER * 33)
    assert line.transport.is_paused
    line.wait(1_000)  # the pause is not the sender's
    assert not line.transport.is_closed
    recorder.answer_late()
    assert not line.transport.is_paused
    line.connection.pause_writing()
    assert line.transport.is_paused
    line.connection.resume_writing()
    assert not line.transport.is_paused


def test_a_connection_without_a_request_is_slow(recorder: Recorder) -> None:
    """It is told 408 and closed."""
    line = Line(recorder)
    line.wait(29)
    assert not line.transport.is_closed
    line.wait(31)
    assert line.answers == [b"SlowSender"]
    assert line.transport.has_ended


def test_an_idle_connection_is_closed_without_a_word(recorder: Recorder) -> None:
    """It owes nothing after its first request."""
    line = Line(recorder)
    line.send(NOW)
    line.wait(74)
    assert not line.transport.is_closed
    line.wait(76)
    assert line.transport.is_closed
    assert line.answers == [b"1"]


def test_whoever_waits_for_an_answer_is_not_idle(recorder: Recorder) -> None:
    """However long the inbox takes."""
    line = Line(recorder)
    line.send(LATER)
    line.wait(1_000)
    recorder.answer_late()
    assert line.answers == [b"1"]


def test_the_clock_runs_from_the_start_of_a_request(recorder: Recorder) -> None:
    """More bytes of the same request do not set it back; another request does."""
    line = Line(recorder)
    now_s = line.connection._loop.time()
    for seconds, data in enumerate([NOW + HEAD[:10], HEAD[10:20], HEAD[20:] + b"{", b"}" + HEAD]):
        line.send(data)
        line.connection.check_clock(now_s + 15 * seconds)
    line.connection.check_clock(now_s + 74)
    assert line.answers == [b"1", b"2"]
    line.send(b"{")
    line.connection.check_clock(now_s + 76)
    assert line.answers == [b"1", b"2", b"SlowSender"]


def test_a_refused_body_that_never_ends_is_cut_off(recorder: Recorder) -> None:
    """Its sender has had an answer and gets no second one."""
    line = Line(recorder)
    line.send(LARGE[:-1])
    line.wait(31)
    assert line.answers == [b"BodyTooLarge"]
    assert line.transport.has_ended


def test_100_continue_stands_in_no_answers_place(recorder: Recorder) -> None:
    """Who has answers outstanding would take it for one of those."""
    line = Line(recorder)
    line.send(LATER + EXPECTS)
    assert line.transport.written == b""
    recorder.answer_late()
    assert line.answers == [b"1", b""]
    assert line.transport.written.endswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    line.send(b"{}" + EXPECTS)
    assert line.answers == [b"1", b"", b"2", b""]


def test_a_body_that_comes_by_itself_needs_no_100_continue(recorder: Recorder) -> None:
    """Its sender waited a moment, then sent it."""
    line = Line(recorder)
    line.send(LATER + EXPECTS)
    line.send(b"{}")
    recorder.answer_late()
    assert line.answers == [b"1", b"2"]


def test_a_stopping_server_finishes_what_it_has_begun(recorder: Recorder) -> None:
    """A request that was begun is taken and answered; then the connection closes."""
    idle, waiting, within = (Line(recorder) for _ in range(3))
    waiting.send(LATER)
    within.send(HEAD)
    for line in (idle, waiting, within):
        line.connection.shutdown()
    assert idle.transport.is_closed
    assert not waiting.transport.is_closed
    recorder.answer_late()
    within.send(b"{}")
    for line in (waiting, within):
        assert line.transport.is_closed
        assert b"connection: close" in line.transport.written


def test_a_connection_beyond_the_limit_is_refused(recorder: Recorder) -> None:
    """At the end of its head, so that the sender can read the answer."""
    line = Line(recorder, others=10)
    line.send(HEAD)
    assert line.answers == [b"TooManyConnections"]
    assert line.transport.has_ended


def test_monitors_are_answered_beyond_the_limit(recorder: Recorder) -> None:
    """A busy process is not restarted, and its metrics say that it is busy."""
    line = Line(recorder, others=10)
    line.send(b"GET /healthz HTTP/1.1\r\n\r\n")
    assert line.answers == [b"1"]


def test_a_sender_that_ends_its_side_is_answered(recorder: Recorder) -> None:
    """Also later; then the connection closes, and half a request is dropped."""
    line = Line(recorder)
    line.send(NOW + LATER + HEAD)
    assert line.connection.eof_received()
    assert not line.transport.has_ended
    recorder.answer_late()
    assert line.answers == [b"1", b"2"]
    assert line.transport.is_closed


def test_the_rest_of_a_refused_request_is_read(recorder: Recorder) -> None:
    """A socket that is closed with unread bytes would destroy the answer on its way."""
    line = Line(recorder)
    line.send(b"no HTTP\r\n")
    assert line.answers == [b"BadHttp"]
    assert line.transport.has_ended
    assert not line.transport.is_closed
    line.send(b"more")
    line.connection.eof_received()
    assert line.transport.is_closed


@pytest.mark.parametrize("end", ["time", "stop"])
def test_the_rest_of_a_refused_request_is_not_read_for_ever(recorder: Recorder, end: str) -> None:
    """Neither for long, nor while the server stops."""
    line = Line(recorder)
    line.send(b"no HTTP\r\n")
    if end == "time":
        line.wait(DROP_S + 1)
    else:
        line.connection.shutdown()
    assert line.transport.is_closed


def test_an_answer_to_nobody_is_dropped(recorder: Recorder) -> None:
    """The sender went away before it was known."""
    line = Line(recorder)
    line.send(LATER)
    line.connection.connection_lost(None)
    recorder.answer_late()
    assert line.transport.written == b""
