"""Raw requests as files, through the gateway and through the listener: the same answers."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.payloads import bodies
from nbincoming.core.gateway import (
    Gateway,
    answer,
    endpoint_path,
)
from nbincoming.core.outcomes import Candidate
from nbincoming.core.request.flattening import flatten, unflatten
from nbincoming.core.request.labels import format_path, parse
from nbincoming.core.request.message import Request, Response
from nbincoming.core.request.reading import decode
from nbincoming.core.spec.model import Spec
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.notebook.listener.listener import Listener

CORPUS = Path(__file__).parent / "corpus"
EXPECTED: dict[str, int] = json.loads((CORPUS / "expected.json").read_text())
SPEC = Spec(name="corpus", endpoint="0b6f4c2e-57a0-4d3c-9c53-0c4d36c5a1b2")
GATEWAY, INBOX = Gateway(SPEC, {}), MemoryInbox()


def handle(request: Request) -> Response:
    """Judge, claim and answer."""
    judged = GATEWAY.judge(request)
    return answer(INBOX.claim([judged])[0] if isinstance(judged, Candidate) else judged)


def read(name: str) -> Request:
    """Read a request's file."""
    head, _, body = (CORPUS / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    method, target, _ = line.decode().split(" ")
    # White space after a value is left, as some servers leave it.
    headers = tuple(
        (name, value.lstrip()) for name, _, value in (f.partition(b":") for f in fields)
    )
    return Request(method, target, headers, body, 1_795_000_000_000)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A listener that runs the same spec."""
    with Listener() as listener:
        listener.mount(endpoint_path(SPEC.endpoint), handle)
        yield listener.port


def test_every_file_has_an_expected_answer() -> None:
    """And the other way round."""
    assert {path.stem for path in CORPUS.glob("*.http")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_gateway_answers_as_expected(name: str) -> None:
    """What is refused says where and why."""
    response = handle(read(name))
    assert response.status == EXPECTED[name]
    if response.status != 200:
        assert json.loads(response.body)["detail"].endswith((".", "spec."))


@pytest.mark.parametrize("name", EXPECTED)
def test_the_listener_answers_the_same(name: str, port: int) -> None:
    """Byte for byte over a socket, with the server's own reading of HTTP in between."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall((CORPUS / f"{name}.http").read_bytes())
        assert connection.recv(12).split(b" ")[1] == str(EXPECTED[name]).encode()


def test_every_payload_of_githubs_comes_back_whole() -> None:
    """Flattened and put together again, each of the 329 is what it was; each label is one path."""
    for body in bodies():
        value = decode(body)
        flat = flatten(value)
        assert unflatten(flat) == {"body": value}
        assert all(format_path(parse(label)) == label for label in flat)
