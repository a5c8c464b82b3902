"""The corpus of raw requests through the server and the application: judge's own answers."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbincoming import files
from nbincoming.core.request.message import Response
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


def ask(port: int, name: str) -> Response:
    """Send a file byte for byte, and read the answer."""
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection:
        connection.sendall((CORPUS / f"{name}.http").read_bytes())
        answer = http.client.HTTPResponse(connection, method=read(name).method)
        answer.begin()
        body = answer.read()
        types = answer.getheader("Content-Type")
        answer.close()
    return Response(answer.status, (("Content-Type", types or ""),), body)


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
        answers = {name: ask(port, name) for name in EXPECTED}
    assert {name: answer.status for name, answer in answers.items()} == EXPECTED
    assert answers == {name: judged(name) for name in EXPECTED}
