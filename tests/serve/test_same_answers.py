"""Raw requests through the server, the application and the kernel's listener: the same answers."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbincoming import files
from nbincoming.core.gateway import endpoint_path
from nbincoming.core.request.message import Response
from nbincoming.http.limits import MAX_HEAD_BYTES
from nbincoming.notebook.listener.listener import Listener
from nbincoming.serve.app import make_app
from tests.inbox.server import Server
from tests.serve.running import WAIT_S, hosting, serving
from tests.test_corpus import CORPUS, EXPECTED, SPEC, handle, read


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Valkey server and return its URL."""
    server = Server(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server.url
    server.kill()


@contextmanager
def served(spec: Path, inbox: str) -> Iterator[int]:
    """Run ``nbincoming serve``."""
    with serving(spec, "--inbox", inbox, "--log-requests", "none", cwd=spec.parent) as running:
        yield running.port


@contextmanager
def hosted(spec: Path, inbox: str) -> Iterator[int]:
    """Run the ASGI application under uvicorn's own reading of HTTP."""
    with hosting(make_app(spec, inbox=inbox)) as port:
        yield port


@contextmanager
def hosted_by_h11(spec: Path, inbox: str) -> Iterator[int]:
    """Run it under another reading of HTTP."""
    with hosting(make_app(spec, inbox=inbox), http="h11") as port:
        yield port


def ask(port: int, sent: bytes, method: str = "POST") -> Response:
    """Send bytes, and read one answer."""
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection:
        connection.sendall(sent)
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        body = answer.read()
        types = answer.getheader("Content-Type")
        answer.close()
    return Response(answer.status, (("Content-Type", types or ""),), body)


def ask_file(port: int, name: str) -> Response:
    """Send a file byte for byte."""
    return ask(port, (CORPUS / f"{name}.http").read_bytes(), read(name).method)


def judged(name: str) -> Response:
    """Answer a file's request without any server."""
    response = handle(read(name))
    types = dict(response.headers).get("Content-Type", "")
    return Response(response.status, (("Content-Type", types),), response.body)


@pytest.mark.parametrize("front", [served, hosted, hosted_by_h11], ids=["serve", "asgi", "h11"])
@pytest.mark.parametrize("inbox", ["memory", "sqlite", "redis"])
def test_the_corpus_is_answered_as_judge_answers_it(
    front: object, inbox: str, tmp_path: Path, valkey: str
) -> None:
    """Status, type and body are the same, whatever reads HTTP and whatever keeps the events."""
    urls = {"memory": "memory:", "sqlite": f"sqlite:///{tmp_path}/inbox.db", "redis": valkey}
    spec = files.publish(SPEC, tmp_path)[1]
    with front(spec, urls[inbox]) as port:  # type: ignore[operator]
        answers = {name: ask_file(port, name) for name in EXPECTED}
    assert {name: answer.status for name, answer in answers.items()} == EXPECTED
    assert answers == {name: judged(name) for name in EXPECTED}


# --- what HTTP itself allows and forbids -----------------------------------------------------

PATH = endpoint_path(SPEC.endpoint)
JSON = "Content-Type: application/json"


def request(*lines: str, path: str = PATH, end: str = "\r\n", body: str = "") -> bytes:
    """Write a request."""
    return end.join([f"POST {path} HTTP/1.1", "Host: x", *lines, "", body]).encode()


LENGTH, CHUNKED = "Content-Length: 2", "Transfer-Encoding: chunked"

#: What is sent, and the status of its answer.
HTTP: dict[str, tuple[bytes, int]] = {
    "absolute-form": (request(JSON, LENGTH, path=f"http://a.example{PATH}", body="{}"), 200),
    "absolute-form-query": (request(JSON, LENGTH, path=f"http://a:1{PATH}?a=1", body="{}"), 200),
    "slash-at-the-end": (request(JSON, LENGTH, path=f"{PATH}/", body="{}"), 200),
    "two-slashes": (request(JSON, LENGTH, path=f"{PATH}//", body="{}"), 404),
    "chunked": (request(JSON, CHUNKED, body="2\r\n{}\r\n0\r\n\r\n"), 200),
    "chunk-extension": (request(JSON, CHUNKED, body="2;a=b\r\n{}\r\n0\r\n\r\n"), 200),
    "trailer": (request(JSON, CHUNKED, body="2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n"), 200),
    "bad-chunk": (request(JSON, CHUNKED, body="zz\r\n{}\r\n0\r\n\r\n"), 400),
    "folded-header": (request(JSON, LENGTH, "X-Long: a\r\n b", body="{}"), 400),
    "space-before-colon": (request(JSON, LENGTH, "X-A : b", body="{}"), 400),
    "no-colon": (request(JSON, LENGTH, "X-A", body="{}"), 400),
    "head-within-the-limit": (request(JSON, LENGTH, f"X-A: {'a' * 30_000}", body="{}"), 200),
    "head-of-70-kb": (request(JSON, LENGTH, f"X-A: {'a' * 70_000}", body="{}"), 431),
    "head-in-many-lines": (request(JSON, LENGTH, *[f"X-A: {'a' * 90}"] * 700, body="{}"), 431),
    "lf-alone": (request(JSON, LENGTH, end="\n", body="{}"), 400),
    "length-twice-the-same": (request(JSON, LENGTH, LENGTH, body="{}"), 400),
    "length-twice-different": (request(JSON, LENGTH, "Content-Length: 3", body="{}"), 400),
    "length-and-chunks": (request(JSON, LENGTH, CHUNKED, body="0\r\n\r\n"), 400),
    "negative-length": (request(JSON, "Content-Length: -1"), 400),
    "large-body": (request(JSON, "Content-Length: 1048577"), 413),
    "large-body-elsewhere": (request(JSON, "Content-Length: 1048577", path="/x"), 404),
    "no-version": (request(JSON, LENGTH, body="{}").replace(b" HTTP/1.1", b""), 200),
    "not-http": (b"\x16\x03\x01 hello\r\n\r\n", 400),
    "upgrade": (request(JSON, LENGTH, "Connection: Upgrade", "Upgrade: h2c", body="{}"), 200),
    "upgrade-chunked": (
        request(JSON, CHUNKED, "Connection: Upgrade", "Upgrade: h2c", body="2\r\n{}\r\n0\r\n\r\n"),
        200,
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run ``nbincoming serve`` and return its port."""
    spec = files.publish(SPEC, tmp_path_factory.mktemp("served"))[1]
    with served(spec, "memory:") as port:
        yield port


@pytest.fixture(scope="module")
def listener() -> Iterator[int]:
    """Run the kernel's listener and return its port."""
    with Listener() as running:
        running.mount(PATH, handle)
        yield running.port


@pytest.mark.parametrize("case", HTTP)
def test_the_listener_reads_http_as_the_server_does(case: str, listener: int, server: int) -> None:
    """A request is taken by both, or refused by both with the same problem."""
    sent, status = HTTP[case]
    answers = [ask(port, sent) for port in (server, listener)]
    assert [answer.status for answer in answers] == [status, status]
    assert answers[0] == answers[1]
    if status != 200:
        assert answers[1].headers == (("Content-Type", "application/problem+json"),)


def test_a_head_of_exactly_the_limit_is_taken(listener: int, server: int) -> None:
    """The limit of both is the same, to the byte."""
    lines = [JSON, LENGTH, "X-A: "]
    size = len(request(*lines)) - len("POST  HTTP/1.1\r\n\r\n")  # target and header lines
    for more, status in ((MAX_HEAD_BYTES - size, 200), (MAX_HEAD_BYTES - size + 1, 431)):
        sent = request(*lines[:-1], lines[-1] + "a" * more, body="{}")
        assert [ask(port, sent).status for port in (server, listener)] == [status, status]
