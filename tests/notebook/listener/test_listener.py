"""The listener, over real sockets."""

from __future__ import annotations

import contextlib
import gc
import http.client
import importlib
import json
import logging
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from nbincoming.core.request.message import Request, Response
from nbincoming.errors import BodyTooLarge, InboxUnavailable, ListenerError
from nbincoming.http.refusals import BadHttp, HeadTooLarge
from nbincoming.notebook.listener import http_connection as connection_module
from nbincoming.notebook.listener import listener as module
from nbincoming.notebook.listener import server_thread
from nbincoming.notebook.listener.http_connection import MAX_DROPPED_BYTES
from nbincoming.notebook.listener.listener import MAX_BODY_BYTES, Listener, shared
from nbincoming.notebook.listener.refusals import CutOff

ROOT = Path(__file__).parents[3]
WAIT_S = 60  # only a bound


class Receiver:
    """A handler that keeps what it gets."""

    def __init__(self, response: Response | None = None) -> None:
        self.response = response or Response(200, (("Content-Type", "text/plain"),), b"OK")
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        return self.response


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Start a listener on a free port."""
    with Listener() as running:
        yield running


@pytest.fixture
def receiver(listener: Listener) -> Receiver:
    """Mount a receiver at /hook."""
    receiver = Receiver()
    listener.mount("/hook", receiver)
    return receiver


@pytest.fixture
def kernel() -> Iterator[None]:
    """Close the process's listener after a test."""
    yield
    shared().close()


def post(url: str, body: bytes = b"{}", **headers: str) -> tuple[int, bytes]:
    """Post as a script does."""
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def connect(listener: Listener) -> socket.socket:
    """Open a connection, to write HTTP by hand."""
    return socket.create_connection(("127.0.0.1", listener.port), WAIT_S)


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the listener closes, which fails the test if it resets instead."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def exchange(listener: Listener, sent: bytes) -> bytes:
    """Send what makes the listener close the connection, and read all that it answers."""
    with connect(listener) as connection:
        connection.sendall(sent)
        return read_to_end(connection)


def answer_on(connection: socket.socket, method: str = "POST") -> http.client.HTTPResponse:
    """Read one answer and leave the connection open."""
    answer = http.client.HTTPResponse(connection, method=method)
    answer.begin()
    return answer


def becomes(condition: Callable[[], bool]) -> bool:
    """Wait for a condition that another thread brings about and cannot announce."""
    deadline = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < deadline:
        os.sched_yield() if hasattr(os, "sched_yield") else time.sleep(0)
    return condition()


def is_free(port: int) -> bool:
    """Whether a listener could take the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name != "nt")
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


# --- what a handler gets -----------------------------------------------------------


def test_a_request_reaches_its_handler_unchanged(listener: Listener, receiver: Receiver) -> None:
    """Method, target, body and the time of receipt are those of the request."""
    body = bytes(range(256)) * 300
    before_ms = time.time_ns() // 1_000_000

    assert post(f"{listener.url}/hook?a=1&a=%20", body) == (200, b"OK")

    (request,) = receiver.requests
    assert (request.method, request.target, request.body) == ("POST", "/hook?a=1&a=%20", body)
    assert before_ms <= request.received_at_ms <= time.time_ns() // 1_000_000


def test_headers_are_kept_as_sent(listener: Listener, receiver: Receiver) -> None:
    """Case, order, repetition and bytes outside ASCII all survive."""
    sent = (
        (b"Host", b"x"),
        (b"CONNECTION", b"close"),
        (b"x-LOWER", b"1"),
        (b"X-Twice", b"a, b"),
        (b"X-Between", "Zażółć".encode()),
        (b"x-twice", b"\xff\xfe"),
        (b"X-Empty", b""),
        (b"Content-Length", b"0"),
    )
    lines = b"".join(b"%s: \t%s\r\n" % pair for pair in sent)

    exchange(listener, b"POST /hook HTTP/1.1\r\n" + lines + b"\r\n")

    assert receiver.requests[0].headers == sent


def test_headers_of_a_slow_head_are_kept_as_sent(listener: Listener, receiver: Receiver) -> None:
    """A head that arrives byte by byte is no different, nor is one after an empty line."""
    with connect(listener) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"\r\nPOST /hook HTTP/1.1\r\nx-a: 1\r\nHost: x\r\ncontent-length: 0\r\n\r\n":
            connection.sendall(bytes([byte]))
        assert answer_on(connection).status == 200
    assert receiver.requests[0].headers == (
        (b"x-a", b"1"),
        (b"Host", b"x"),
        (b"content-length", b"0"),
    )


def test_a_chunked_body_is_put_together(listener: Listener, receiver: Receiver) -> None:
    """A body without a length arrives whole."""
    answer = exchange(
        listener,
        b"POST /hook HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'2\r\n{"\r\n5\r\na": 1\r\n1\r\n}\r\n0\r\n\r\n',
    )
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert receiver.requests[0].body == b'{"a": 1}'


def test_a_sender_that_asks_first_is_told_to_go_on(listener: Listener, receiver: Receiver) -> None:
    """`Expect: 100-continue`, which curl sends before a large body, is answered."""
    with connect(listener) as connection:
        connection.sendall(
            b"POST /hook HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"{}")
        assert answer_on(connection).status == 200
    assert receiver.requests[0].body == b"{}"


# --- what a sender gets ------------------------------------------------------------


@pytest.mark.usefixtures("receiver")
def test_an_answer_carries_the_headers_of_a_server(listener: Listener) -> None:
    """Length, date and a server without a version are added to the handler's own headers."""
    with urllib.request.urlopen(f"{listener.url}/hook", timeout=WAIT_S) as answer:
        headers = dict(answer.headers)
    assert headers.pop("Date").endswith(" GMT")
    assert headers == {
        "Content-Type": "text/plain",
        "Server": "nbincoming",
        "Content-Length": "2",
        "Connection": "close",  # which urllib asks for
    }


def test_a_204_has_neither_body_nor_length(listener: Listener) -> None:
    """A duplicate is answered without content, even if the handler gives some."""
    listener.mount("/hook", Receiver(Response(204, (), b"ignored")))
    answer = exchange(
        listener, b"POST /hook HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"Content-Length" not in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.usefixtures("receiver")
def test_a_head_request_gets_the_length_without_the_body(listener: Listener) -> None:
    """HEAD is answered as GET is, except for the body."""
    answer = exchange(listener, b"HEAD /hook HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert b"\r\nContent-Length: 2\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_an_unknown_path_is_a_404_problem(listener: Listener) -> None:
    """The problem does not disclose the paths that are mounted."""
    listener.mount("/hook", Receiver())
    status, body = post(f"{listener.url}/hoo")
    assert status == 404
    assert json.loads(body)["status"] == 404
    assert b"/hook" not in body


def test_a_slash_at_the_end_changes_nothing(listener: Listener, receiver: Receiver) -> None:
    """Some senders add one to every URL; the target is kept as it was sent."""
    assert post(f"{listener.url}/hook/?a=1")[0] == 200
    assert post(f"{listener.url}/hook//")[0] == 404
    assert [request.target for request in receiver.requests] == ["/hook/?a=1"]


@pytest.mark.usefixtures("receiver")
def test_an_unknown_path_does_not_cost_the_connection(listener: Listener) -> None:
    """After a 404 the next request on the same connection is served."""
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=WAIT_S)
    with contextlib.closing(connection):
        statuses = []
        for path in ("/other", "/hook"):
            connection.request("POST", path, b"x" * 1000)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
    assert statuses == [404, 200]


@pytest.mark.usefixtures("receiver")
def test_a_mount_can_be_replaced_and_removed(listener: Listener) -> None:
    """The last mount at a path counts until it is removed."""
    listener.mount("/hook", Receiver(Response(202)))
    assert post(f"{listener.url}/hook")[0] == 202
    listener.unmount("/hook")
    listener.unmount("/hook")
    assert post(f"{listener.url}/hook")[0] == 404


def test_a_connection_is_kept(listener: Listener, receiver: Receiver) -> None:
    """Two requests may follow each other on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=WAIT_S)
    with contextlib.closing(connection):
        connection.connect()
        first = connection.sock
        for body in (b"1", b"2"):
            connection.request("POST", "/hook", body)
            assert connection.getresponse().read() == b"OK"
            assert connection.sock is first
    assert [request.body for request in receiver.requests] == [b"1", b"2"]


def test_pipelined_requests_are_answered_in_order(listener: Listener) -> None:
    """Requests sent without waiting for answers are all answered, in their order."""
    listener.mount("/hook", lambda request: Response(200, (), request.body))
    sent = [b"POST /hook HTTP/1.1\r\nContent-Length: 1\r\n\r\n%d" % i for i in range(5)]
    sent[-1] = sent[-1].replace(b"Content", b"Connection: close\r\nContent")
    answer = exchange(listener, b"".join(sent))
    bodies = [part[:1] for part in answer.split(b"\r\n\r\n")[1:]]
    assert bodies == [b"0", b"1", b"2", b"3", b"4"]


# --- too much, too wrong -----------------------------------------------------------


def test_an_announced_body_over_the_limit_is_refused_before_it_is_sent(
    listener: Listener, receiver: Receiver
) -> None:
    """The 413 comes at once, without an invitation to send the body."""
    with connect(listener) as connection:
        connection.sendall(
            b"POST /hook HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1)
        )
        answer = connection.recv(65536)
        connection.shutdown(socket.SHUT_WR)  # as a sender does that has its answer
        answer += read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"\r\nConnection: close\r\n" in answer
    assert b"\r\nContent-Type: application/problem+json\r\n" in answer
    problem = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert f"{MAX_BODY_BYTES:,}" in problem["detail"]
    assert receiver.requests == []


def test_a_sender_that_writes_before_it_reads_gets_the_413(
    listener: Listener, receiver: Receiver
) -> None:
    """A large body is read to its end, so its sender finds the answer and no reset."""
    assert post(f"{listener.url}/hook", b"x" * (8 * MAX_BODY_BYTES))[0] == 413
    assert receiver.requests == []


def test_a_chunked_body_over_the_limit_is_refused(listener: Listener, receiver: Receiver) -> None:
    """A body of unknown length is refused when it passes the limit."""
    chunk = b"%x\r\n%s\r\n" % (2**16, b"x" * 2**16)
    answer = exchange(
        listener,
        b"POST /hook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunk * (MAX_BODY_BYTES // 2**16 + 1)
        + b"0\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert receiver.requests == []


def test_a_body_of_exactly_the_limit_is_accepted(listener: Listener, receiver: Receiver) -> None:
    """The limit itself is within the limit."""
    assert post(f"{listener.url}/hook", b"x" * MAX_BODY_BYTES)[0] == 200
    assert len(receiver.requests[0].body) == MAX_BODY_BYTES


@pytest.mark.usefixtures("receiver")
def test_a_refused_body_is_not_read_for_ever(listener: Listener) -> None:
    """A sender that goes on regardless is cut off."""
    body = bytes(4 * MAX_DROPPED_BYTES)
    with connect(listener) as connection:
        connection.sendall(
            b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        with pytest.raises(ConnectionError):
            connection.sendall(body)


def test_a_mount_may_have_a_limit_of_its_own(listener: Listener, receiver: Receiver) -> None:
    """A limit given with the mount replaces the listener's, up and down."""
    listener.mount("/large", receiver, max_body_bytes=2 * MAX_BODY_BYTES)
    listener.mount("/small", receiver, max_body_bytes=1)
    assert post(f"{listener.url}/large", b"x" * (MAX_BODY_BYTES + 1))[0] == 200
    assert post(f"{listener.url}/small", b"xy")[0] == 413


def test_an_oversized_body_for_nobody_is_a_404(listener: Listener) -> None:
    """Where nothing is mounted, no limit is disclosed, and no body is kept."""
    assert post(f"{listener.url}/nobody", b"x" * (2 * MAX_BODY_BYTES))[0] == 404


def test_a_refused_body_is_reported_to_the_mount(listener: Listener, receiver: Receiver) -> None:
    """The error hook receives the refusal, so that it can be shown."""
    errors: SimpleQueue[Exception] = SimpleQueue()
    listener.mount("/hook", receiver, max_body_bytes=1, on_error=errors.put)
    post(f"{listener.url}/hook", b"xy")
    assert isinstance(errors.get(timeout=WAIT_S), BodyTooLarge)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 not http at all\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nNo colon\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n12",
        b"POST /hook HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1",
        b"POST /hook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_malformed_http_is_a_400_and_the_listener_goes_on(
    listener: Listener, receiver: Receiver, sent: bytes
) -> None:
    """Bytes that are not HTTP, or are ambiguous, never reach the handler."""
    assert exchange(listener, sent).startswith(b"HTTP/1.1 400 ")
    assert receiver.requests == []
    assert post(f"{listener.url}/hook")[0] == 200


@pytest.mark.usefixtures("receiver")
def test_a_head_without_an_end_is_431(listener: Listener) -> None:
    """Headers do not fill the memory, and the sender can read why it was refused."""
    answer = exchange(listener, b"POST /hook HTTP/1.1\r\nX: " + b"x" * 2**20)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert post(f"{listener.url}/hook")[0] == 200


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"POST /hook HTTP/1.1\r\nX-A : secret\r\n\r\n", BadHttp),
        (b"POST /hook?secret HTTP/1.1\nHost: x\n\n", BadHttp),
        (b"POST http://x/hook HTTP/1.1\r\nContent-Length: secret\r\n\r\n", BadHttp),
        (b"POST /hook HTTP/1.1\r\nX: " + b"secret" * 9_000, HeadTooLarge),
        (b"POST /hook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n", BadHttp),
    ],
)
def test_a_request_that_is_not_http_is_reported_to_its_mount(
    listener: Listener, receiver: Receiver, sent: bytes, kind: type[Exception]
) -> None:
    """The reason can be shown to the analyst, without what was sent."""
    errors: SimpleQueue[Exception] = SimpleQueue()
    listener.mount("/hook", receiver, on_error=errors.put)
    answer = exchange(listener, sent)
    error = errors.get(timeout=WAIT_S)
    assert isinstance(error, kind)
    assert "secret" not in str(error)
    assert str(error).encode() in answer


#: What is refused before its path is read.
PATHLESS = {
    "a TLS hello": bytes.fromhex("16030100c8010000c40303") + bytes(194),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown method": b"FOO /hook HTTP/1.1\r\nHost: x\r\n\r\n",
    "another protocol": b"SSH-2.0-secret\r\n",
    "bytes after a request": b"POST /hook HTTP/1.1\r\nContent-Length: 0\r\n\r\nsecret\r\n\r\n",
}


def end(connection: socket.socket, how: str) -> None:
    """End the sending half of a connection, all of it, or reset it."""
    if how == "half":
        connection.shutdown(socket.SHUT_WR)
        read_to_end(connection)
    elif how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("sent", PATHLESS.values(), ids=list(PATHLESS))
def test_what_has_no_path_is_reported_to_every_mount(
    listener: Listener, receiver: Receiver, sent: bytes
) -> None:
    """Any of them may have been meant, and each analyst waits for a request."""
    errors: SimpleQueue[Exception] = SimpleQueue()
    for path in ("/hook", "/other"):
        listener.mount(path, receiver, on_error=errors.put)
    answer = exchange(listener, sent)
    told = [errors.get(timeout=WAIT_S) for _ in range(2)]
    assert all(isinstance(error, BadHttp) for error in told)
    assert all(str(error).encode() in answer for error in told)
    assert all("secret" not in str(error) for error in told)
    assert errors.empty()


@pytest.mark.parametrize("how", ["half", "whole", "reset"])
@pytest.mark.parametrize(
    "sent",
    [
        b"P",
        b"POST /ho",
        b"POST /hook HTTP/1.1\r\nX-Key: secret",
        b"POST /hook HTTP/1.1\r\nContent-Length: 9\r\n\r\nsecret",
        b"POST /hook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nsecret",
        b"POST /hook HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 9\r\n\r\n{",
        b"POST /hook HTTP/1.1\r\nContent-Length: 0\r\n\r\nPOST /hook HT",
    ],
)  # fmt: skip
def test_a_request_that_breaks_off_is_reported(
    listener: Listener, receiver: Receiver, sent: bytes, how: str
) -> None:
    """To the mounts whose path it has, or begins with what was read of its path."""
    errors: SimpleQueue[Exception] = SimpleQueue()
    others: SimpleQueue[Exception] = SimpleQueue()
    listener.mount("/hook", receiver, on_error=errors.put)
    listener.mount("/other", receiver, on_error=others.put)
    with connect(listener) as connection:
        connection.sendall(sent)
        assert post(f"{listener.url}/hook")[0] == 200  # so what came before it was read, too
        end(connection, how)
    error = errors.get(timeout=WAIT_S)
    assert isinstance(error, CutOff)
    assert "secret" not in str(error)
    assert errors.empty()
    if b"/ho" in sent:
        assert others.empty()
    else:
        assert isinstance(others.get(timeout=WAIT_S), CutOff)


def test_what_names_no_mount_is_reported_to_none(listener: Listener, receiver: Receiver) -> None:
    """Nor is a connection that ends between requests, or after a refusal that was reported."""
    errors: SimpleQueue[Exception] = SimpleQueue()
    listener.mount("/hook", receiver, on_error=errors.put, max_body_bytes=1)
    for sent in (
        b"POST /other HTTP/1.1\r\nX-A : b\r\n\r\n",
        b"POST /ho?a HTTP/1.1\r\nX-A : b\r\n\r\n",
        b"POST /other HTTP/1.1\r\nX-A",
        b"",
        b"POST /hook HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    ):
        with connect(listener) as connection:
            connection.sendall(sent)
            end(connection, "half")
    assert errors.empty()
    with connect(listener) as connection:
        connection.sendall(b"POST /hook HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
        end(connection, "half")
    assert isinstance(errors.get(timeout=WAIT_S), BodyTooLarge)
    assert errors.empty()


def test_a_request_that_the_listener_breaks_off_is_not_reported(
    listener: Listener, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sender did nothing wrong."""
    monkeypatch.setattr(server_thread, "GRACE_S", 0.01)
    errors: SimpleQueue[Exception] = SimpleQueue()
    listener.mount("/hook", receiver, on_error=errors.put)
    with connect(listener) as connection:
        connection.sendall(b"POST /hook HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
        assert post(f"{listener.url}/hook")[0] == 200  # so what came before it was read, too
        listener.close()
        assert read_to_end(connection) == b""
    assert errors.empty()


def test_a_request_that_does_not_end_is_408(
    listener: Listener, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender learns why; one that sent nothing is closed without an answer."""
    monkeypatch.setattr(connection_module, "REQUEST_TIMEOUT_S", 0.05)
    assert exchange(listener, b"POST /hook HTTP/1.1\r\nX: ").startswith(b"HTTP/1.1 408 ")
    assert exchange(listener, b"") == b""
    good = b"POST /hook HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    assert exchange(listener, good).count(b"HTTP/1.1") == 1
    assert len(receiver.requests) == 1


def test_a_sender_that_goes_away_is_forgotten(listener: Listener, receiver: Receiver) -> None:
    """An unfinished request does not delay the listener's end."""
    with connect(listener) as connection:
        connection.sendall(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234")
    assert post(f"{listener.url}/hook")[0] == 200
    assert len(receiver.requests) == 1


# --- a handler that fails ----------------------------------------------------------


def fail(_: Request) -> Response:
    """Raise what must not be shown to a sender."""
    raise RuntimeError("the password is hunter2")


def test_a_handler_that_raises_is_a_500_without_the_cause(listener: Listener) -> None:
    """The sender learns that it failed; the hook learns why."""
    errors: SimpleQueue[Exception] = SimpleQueue()
    listener.mount("/hook", fail, on_error=errors.put)
    status, body = post(f"{listener.url}/hook")
    assert (status, json.loads(body)["status"]) == (500, 500)
    assert b"hunter2" not in body
    assert isinstance(errors.get(timeout=WAIT_S), RuntimeError)


def test_a_handler_that_raises_is_logged(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    """The log of the listener has the traceback, and not the unguessable path."""
    listener.mount("/unguessable", fail)
    with caplog.at_level(logging.DEBUG):
        post(f"{listener.url}/unguessable")
    (record,) = (record for record in caplog.records if record.name == "nbincoming.listener")
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert "unguessable" not in caplog.text


def test_a_hook_that_raises_does_not_cost_the_answer(listener: Listener) -> None:
    """The sender gets the 500 even if the error hook raises."""

    def hook(error: Exception) -> None:
        raise error

    listener.mount("/hook", fail, on_error=hook)
    assert post(f"{listener.url}/hook")[0] == 500


def test_a_handler_may_raise_a_refusal(listener: Listener) -> None:
    """A refusal is an answer, with its own status and headers."""

    def refuse(_: Request) -> Response:
        raise InboxUnavailable("Try again.", headers=(("Retry-After", "5"),))

    listener.mount("/hook", refuse)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{listener.url}/hook", timeout=WAIT_S)
    with caught.value as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "za\u017c"])
def test_an_answer_that_cannot_be_written_is_a_500(listener: Listener, value: str) -> None:
    """A header that would break the answer breaks the handler instead."""
    listener.mount("/hook", Receiver(Response(200, (("X-Broken", value),))))
    answer = exchange(listener, b"GET /hook HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"Injected" not in answer


def test_the_log_does_not_hold_what_was_sent(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    """Malformed requests leave a trace in the listener's log, without their content."""
    with caplog.at_level(logging.DEBUG):
        exchange(listener, b"POST /hook HTTP/1.1\r\nAuthorization: hunter2\x00\r\n\r\n")
        assert becomes(lambda: bool(caplog.records))
    assert {record.name for record in caplog.records} <= {"nbincoming.listener", "asyncio"}
    assert "hunter2" not in caplog.text


# --- start, end and port -----------------------------------------------------------


def test_it_starts_once(listener: Listener) -> None:
    """Starting again changes nothing."""
    url = listener.url
    listener.start()
    assert listener.url == url


def test_it_binds_loopback(listener: Listener) -> None:
    """By default other machines cannot reach it."""
    assert listener.url.startswith("http://127.0.0.1:")


def test_it_serves_ipv6() -> None:
    """An IPv6 address is written in brackets, and works."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    with Listener(host="::1") as listener:
        assert listener.url.startswith("http://[::1]:")
        assert post(listener.url)[0] == 404


def test_a_server_on_all_addresses_is_reached_on_loopback() -> None:
    """The URL names an address that a sender can use."""
    with Listener(host="0.0.0.0") as listener:
        assert listener.url.startswith("http://127.0.0.1:")
        assert post(listener.url)[0] == 404


def test_a_port_in_use_is_named_with_the_way_out(listener: Listener) -> None:
    """The message says which port, and what to do."""
    with pytest.raises(ListenerError, match=rf"{listener.port} .* in use.* 0 takes a free one"):
        Listener(port=listener.port).start()


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 65536, "1 to 65535"),
        ("192.0.2.1", 0, "no address of this machine"),  # RFC 5737: nobody's
        ("no-such-host.invalid", 0, "no address of this machine"),
    ],
)
def test_an_address_that_cannot_be_had_is_explained(host: str, port: int, message: str) -> None:
    """Each wrong address has a sentence of its own."""
    with pytest.raises(ListenerError, match=message):
        Listener(host=host, port=port).start()


def test_closing_frees_the_port(listener: Listener) -> None:
    """When close has returned, another listener can have the port."""
    port = listener.port
    listener.close()
    listener.close()
    assert not listener.running
    with Listener(port=port) as other:
        assert other.port == port


@pytest.mark.usefixtures("receiver")
def test_a_closed_listener_starts_again_with_its_mounts(listener: Listener) -> None:
    """Mounts survive closing and starting again."""
    listener.close()
    listener.start()
    assert post(f"{listener.url}/hook")[0] == 200


def test_a_listener_that_is_not_running_has_no_url() -> None:
    """Asking for the URL before the start is an error."""
    with pytest.raises(ListenerError, match="not running"):
        _ = Listener().url


@pytest.mark.usefixtures("receiver")
def test_closing_ends_idle_connections(listener: Listener) -> None:
    """An idle connection is closed at once."""
    with connect(listener) as connection:
        connection.sendall(b"GET /hook HTTP/1.1\r\nHost: x\r\n\r\n")
        answer_on(connection).read()
        listener.close()
        assert connection.recv(1) == b""


def test_closing_lets_a_request_finish(listener: Listener) -> None:
    """A request whose body is still coming is answered."""
    listener.mount("/other", Receiver())
    listener.mount("/hook", Receiver())
    with connect(listener) as connection:
        connection.sendall(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        assert post(f"{listener.url}/other")[0] == 200  # so what came before it was read, too
        closer = threading.Thread(target=listener.close)
        closer.start()
        assert becomes(lambda: not listener.running)
        connection.sendall(b"}")
        assert answer_on(connection).status == 200
        closer.join(WAIT_S)
    assert not closer.is_alive()


def test_a_handler_may_close_its_listener(listener: Listener) -> None:
    """Closing on the listener's own thread does not wait for itself, and the answer is sent."""
    port = listener.port

    def handler(_: Request) -> Response:
        listener.close()
        return Response(200, (), b"closed")

    listener.mount("/hook", handler)
    assert post(f"{listener.url}/hook") == (200, b"closed")
    assert becomes(lambda: is_free(port))


def test_a_forgotten_listener_warns_and_frees_its_port() -> None:
    """The thread does not keep the listener alive, so that forgetting it can be noticed."""
    forgotten = [Listener()]
    forgotten[0].start()
    port = forgotten[0].port
    with pytest.warns(ResourceWarning, match=f"forgotten while it serves port {port}"):
        forgotten.clear()  # nothing refers back to it, so no collector is needed
    assert becomes(lambda: is_free(port))


def test_a_closed_listener_is_forgotten_in_silence(recwarn: pytest.WarningsRecorder) -> None:
    """A listener that was closed does not warn when it is collected."""
    with Listener():
        pass
    gc.collect()
    assert list(recwarn) == []


# --- callbacks ---------------------------------------------------------------------


def test_a_callback_runs_on_the_listeners_thread(listener: Listener) -> None:
    """Callbacks and handlers share one thread, so they need no lock between them."""
    ran: SimpleQueue[int] = SimpleQueue()

    def handler(_: Request) -> Response:
        ran.put(threading.get_ident())
        return Response(200)

    listener.mount("/hook", handler)
    post(f"{listener.url}/hook")
    listener.call_soon(lambda: ran.put(threading.get_ident()))
    listener.call_later(0.001, lambda: ran.put(threading.get_ident()))
    threads = {ran.get(timeout=WAIT_S) for _ in range(3)}
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_a_delayed_callback_can_be_cancelled(listener: Listener) -> None:
    """After cancelling it never runs."""
    ran: SimpleQueue[str] = SimpleQueue()
    timer = listener.call_later(0.01, lambda: ran.put("cancelled"))
    timer.cancel()
    timer.cancel()
    listener.call_later(0.02, lambda: ran.put("later"))
    assert ran.get(timeout=WAIT_S) == "later"
    assert ran.empty()


@pytest.mark.usefixtures("receiver")
def test_a_callback_that_raises_is_logged_and_nothing_else(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    """The listener goes on, and nothing is printed."""
    listener.call_soon(lambda: 1 / 0)
    assert becomes(lambda: "ZeroDivisionError" in caplog.text)
    assert post(f"{listener.url}/hook")[0] == 200


def test_a_callback_after_the_end_is_dropped(listener: Listener) -> None:
    """A callback for a closed listener is dropped without an error."""
    listener.close()
    listener.call_soon(pytest.fail)
    listener.call_later(0, pytest.fail).cancel()


def test_a_callback_before_the_start_is_an_error() -> None:
    """A callback that could never run is refused."""
    with pytest.raises(ListenerError, match=r"start\(\)"):
        Listener().call_soon(print)


# --- the one of this kernel --------------------------------------------------------


@pytest.mark.usefixtures("kernel")
def test_the_shared_listener_is_one_and_runs() -> None:
    """Running a cell again returns the same listener."""
    assert shared() is shared()
    assert shared(port=shared().port).running


@pytest.mark.usefixtures("kernel")
def test_the_shared_listener_survives_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload of the module, as %autoreload does it, finds the live listener."""
    for name in ("Listener", "shared"):  # put back what other tests hold
        monkeypatch.setattr(module, name, getattr(module, name))
    before = shared()
    assert importlib.reload(module).shared() is before


@pytest.mark.usefixtures("kernel")
def test_the_shared_listener_does_not_move_in_silence() -> None:
    """Asking for another port or host while it runs is an error that says what to do."""
    url = shared().url
    with pytest.raises(ListenerError, match=rf"{url}, but port 1 .* close it first"):
        shared(port=1)
    with pytest.raises(ListenerError, match=r"host '0\.0\.0\.0'"):
        shared(host="0.0.0.0")


@pytest.mark.usefixtures("kernel")
def test_the_shared_listener_is_made_anew_after_it_was_closed() -> None:
    """Closing it ends its mounts, too."""
    before = shared()
    before.close()
    assert shared() is not before


def run(script: str) -> str:
    """Run a script in a process of its own and return what it says."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_end_of_the_process_closes_the_shared_listener() -> None:
    """A process ends at once and without a warning while the shared listener runs."""
    assert run(
        "from nbincoming.notebook.listener.listener import shared; print(shared().port)"
    ).strip()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_lets_go_of_the_port() -> None:
    """The parent serves on, and can free its port while the child lives."""
    assert run(FORK).split() == ["200", "closed", "rebound", "child", "serves", "200"]


FORK = """
import os, socket, urllib.request, warnings
from nbincoming.core.request.message import Response
from nbincoming.notebook.listener.listener import Listener, shared

warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of fork with threads

def get(url):
    with urllib.request.urlopen(url + "/hook", timeout=60) as answer:
        return answer.status

parent = shared()
parent.mount("/hook", lambda _: Response(200))
kept = socket.create_connection(("127.0.0.1", parent.port), 10)
kept.sendall(b"GET /hook HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
kept.recv(65536)
from_child, to_parent = os.pipe()
from_parent, to_child = os.pipe()
child = os.fork()
if child == 0:
    os.close(to_child)  # so that it does not outlive a parent that failed
    kept.close()
    os.read(from_parent, 1)
    assert not parent.running
    parent.close()
    with shared() as own:
        assert own is not parent
        own.mount("/hook", lambda _: Response(200))
        os.write(to_parent, f"child serves {get(own.url)}".encode())
    os._exit(0)
print(get(parent.url))
port = parent.port
parent.close()
print("closed" if kept.recv(1) == b"" else "open")  # nobody else holds the other end
with Listener(port=port):
    print("rebound")
os.write(to_child, b"x")
print(os.read(from_child, 100).decode())
assert os.waitpid(child, 0)[1] == 0
kept.close()
"""
