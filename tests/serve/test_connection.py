"""`nbincoming serve` reads HTTP: bodies, order, limits, what is none."""

from __future__ import annotations

import hmac
import select
import socket
from pathlib import Path

import pytest

from tests.serve.running import (
    SECRET,
    SECRET_NAME,
    Served,
    complaint,
    headers,
    publish,
    serving,
)
from tests.serve.wire import raw, request_bytes

# --- bodies, order, what is none ---------------------------------------------------


def test_a_large_body_is_413_before_it_is_sent(served: Served) -> None:
    """Its announced length is enough."""
    with served.connect() as connection:
        connection.sendall(request_bytes(b"").replace(b"Length: 0", b"Length: 2000000"))
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_large_chunked_body_is_413(served: Served) -> None:
    """One that announces nothing is counted as it comes, and the rest is thrown away."""
    head = request_bytes(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    answer = raw(served, head, chunk * 20, b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_chunked_body_is_joined(served: Served) -> None:
    """It is the same request as one with a length."""
    head = request_bytes(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    body = complaint("chunked")
    parts = [b"%x\r\n%b\r\n" % (1, body[n : n + 1]) for n in range(len(body))]
    assert raw(served, head, *parts, b"0\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert served.post(body) == 204


def test_a_trailer_is_no_header(served: Served) -> None:
    """A token that comes after the body authorizes nothing."""
    head = request_bytes(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    lines = head.split(b"\r\n")
    (token,) = (line for line in lines if line.startswith(b"Authorization"))
    chunks = b"2\r\n{}\r\n0\r\n" + token + b"\r\n\r\n"
    without = b"\r\n".join(line for line in lines if line != token)
    assert raw(served, without + chunks).startswith(b"HTTP/1.1 401 ")
    assert raw(served, head + chunks).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "again",
    [b"a: b\r\n" * 500, b"a: " + b"b" * 4_000, b"0;" + b"x" * 4_000],
    ids=["trailers", "trailer", "extension"],
)
def test_a_body_that_is_all_frame_is_431(served: Served, again: bytes) -> None:
    """Trailers and chunk extensions without an end are refused before they fill the memory."""
    head = request_bytes(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    first = b"2\r\n{}\r\n" + (b"" if again.startswith(b"0;") else b"0\r\n")
    with served.connect() as connection:
        connection.sendall(head + first)
        answer = b""
        while not answer:
            connection.sendall(again)
            if select.select([connection], [], [], 0.01)[0]:
                answer = connection.recv(1_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_requests_sent_ahead_are_answered_in_order(served: Served) -> None:
    """Pipelined requests get their answers in the order they came."""
    good, bad = request_bytes(complaint("p"), close=False), request_bytes(b"{", close=False)
    answer = raw(served, good + bad + good * 40 + request_bytes(b"["))
    statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 400, *[204] * 40, 400]


def test_expect_is_answered_before_the_body(served: Served) -> None:
    """A sender that waits for 100 Continue gets it."""
    body = complaint("expect")
    whole = request_bytes(body, "Expect: 100-continue")
    with served.connect() as connection:
        connection.sendall(whole[: -len(body)])
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_sender_that_ends_its_side_is_answered(served: Served) -> None:
    """As ``nc -N`` and some scripts do after the request."""
    with served.connect() as connection:
        connection.sendall(request_bytes(complaint("half-closed"), close=False))
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            assert answer.read().startswith(b"HTTP/1.1 200 ")


def test_a_refusal_reaches_a_sender_that_still_sends(served: Served) -> None:
    """It reads only after its last byte, like most scripts."""
    with served.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\n" + b"X-A: " + b"a" * 4_000_000)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 431 ")


def test_a_request_to_upgrade_is_answered_as_it_is(served: Served) -> None:
    """Java's client asks for HTTP/2 with each first request, and posts all the same."""
    whole = request_bytes(complaint("up"), "Upgrade: h2c", "HTTP2-Settings: x", close=False)
    answer = raw(served, whole.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\n\r\n", 1))
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ],
)
def test_what_is_not_http_is_400(served: Served, sent: bytes) -> None:
    """It never reaches the gateway, and the connection ends."""
    assert raw(served, sent).startswith(b"HTTP/1.1 400 ")


def test_repeated_authorization_is_refused(served: Served) -> None:
    """Whoever reads the first and whoever reads the last would see different requests."""
    answer = raw(served, request_bytes(b"{}", "Authorization: Bearer x"))
    assert answer.split(b" ")[1] in (b"400", b"401")


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"scheme": "meta", "secrets": [SECRET_NAME]}, "X-Hub-Signature-256"),
        ({"scheme": "hmac", "secrets": [SECRET_NAME], "header": "X-Signature"}, "X-Signature"),
    ],
    ids=["meta", "hmac"],
)
def test_a_repeated_signature_is_refused(tmp_path: Path, auth: object, header: str) -> None:
    """One that is right does not help a second one, wherever it stands."""
    body = complaint("signed")
    digest = hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    right = f"{header}: {'sha256=' if auth['scheme'] == 'meta' else ''}{digest}"  # type: ignore[index]
    wrong = right[:-4] + "0000"
    with serving(publish(tmp_path, authorization=auth), cwd=tmp_path) as served:
        for pair in ((right, wrong), (wrong, right), (right, right)):
            assert raw(served, request_bytes(body, *pair)).split(b" ")[1] == b"401"
        assert raw(served, request_bytes(body, right)).split(b" ")[1] == b"200"


# --- limits ------------------------------------------------------------------------


def test_a_large_head_is_431(served: Served) -> None:
    """One complete head beyond the limit is refused."""
    answer = raw(served, request_bytes(b"{}", "X: " + "x" * 5_000))
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_a_head_without_an_end_is_431(served: Served) -> None:
    """It is refused before it fills the memory."""
    assert raw(served, b"POST / HTTP/1.1\r\nX: " + b"x" * 5_000).startswith(b"HTTP/1.1 431 ")


def test_ten_thousand_headers_are_431(served: Served) -> None:
    """Many small ones are as bad as a large one."""
    assert raw(served, request_bytes(b"{}", *["a: b"] * 10_000)).startswith(b"HTTP/1.1 431 ")


def test_a_slow_sender_is_408(tmp_path: Path) -> None:
    """Whoever does not finish his request in time loses the connection."""
    with serving(publish(tmp_path), "--request-timeout", "1", cwd=tmp_path) as served:
        for sent in (b"", b"POST / HTTP/1.1\r\n", request_bytes(b"{}")[:-1]):
            assert raw(served, sent).startswith(b"HTTP/1.1 408 ")


def test_more_connections_than_allowed_are_503(tmp_path: Path) -> None:
    """Whoever comes beyond the limit is told to come again."""
    limit = ("--max-connections", "1")
    with serving(publish(tmp_path), *limit, cwd=tmp_path) as served, served.connect() as kept:
        kept.sendall(request_bytes(complaint("m1"), close=False))
        assert kept.recv(100).startswith(b"HTTP/1.1 200 ")
        answer = served.request(body=complaint("m2"), sent=headers())
        assert (answer.status, answer.getheader("Retry-After")) == (503, "1")
