"""The service as an ASGI application: under uvicorn, mounted, and told what no server tells."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbincoming.core.gateway import endpoint_path
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.inbox.sqlite.inbox import SqliteInbox
from nbincoming.serve.app import App, Message, Receive, Send, make_app
from nbincoming.serve.claims import claims_for
from nbincoming.serve.routes import CatalogueError, load_catalogue
from nbincoming.serve.service import Service
from tests.inbox.contract import all_events
from tests.serve.running import (
    ENDPOINT,
    SECRET,
    SECRET_NAME,
    WAIT_S,
    complaint,
    headers,
    hosting,
    publish,
)

PATH = endpoint_path(ENDPOINT)


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Publish a spec whose secret is there."""
    monkeypatch.setenv(SECRET_NAME.partition(":")[2], SECRET)
    return publish(tmp_path)


@pytest.fixture
def port(spec: Path, tmp_path: Path) -> Iterator[int]:
    """Run the application on a file."""
    with hosting(make_app(spec, inbox=f"sqlite:///{tmp_path}/inbox.db")) as port:
        yield port


def post(port: int, body: bytes, path: str = PATH) -> int:
    """Post a good request and return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        connection.request("POST", path, body, headers())
        return connection.getresponse().status
    finally:
        connection.close()


def call(spec: Path, *messages: Message, **scope: Any) -> list[Message]:
    """Call the application with a scope and what is received; return what it sends.

    When the messages are at an end nothing comes any more.
    """
    service = Service(load_catalogue([str(spec)], {SECRET_NAME: SECRET.encode()}),
                      claims_for(MemoryInbox()))  # fmt: skip
    app = App(service, max_head_bytes=4_096, request_timeout_s=0.05)
    sent: list[Message] = []
    left = list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers().items()]
    whole = {
        "type": "http", "method": "POST", "raw_path": PATH.encode(), "path": PATH,
        "query_string": b"", "headers": raw, **scope,
    }  # fmt: skip
    asyncio.run(app(whole, receive, send))
    return sent


def part(body: bytes, more_body: bool = False) -> Message:
    """Make a part of a body."""
    return {"type": "http.request", "body": body, "more_body": more_body}


def test_it_answers_under_uvicorn(port: int, tmp_path: Path) -> None:
    """Accepted and duplicate are as elsewhere, and the event is in the file."""
    assert [post(port, complaint("a")), post(port, complaint("a"))] == [200, 204]
    inbox = SqliteInbox(tmp_path / "inbox.db")
    assert len(all_events(inbox)) == 1
    inbox.close()


def test_it_can_be_mounted(spec: Path) -> None:
    """Below a prefix it sees its own paths, as ASGI has them in ``root_path``."""
    app = make_app(spec, inbox="memory:")

    async def site(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "root_path": "/hooks"}
        await app(scope, receive, send)

    with hosting(site) as port:
        assert post(port, complaint("a"), "/hooks" + PATH) == 200
        assert post(port, complaint("a"), "/elsewhere" + PATH) == 404


def test_specs_that_cannot_be_served_are_refused(tmp_path: Path) -> None:
    """Everything that stands in the way is said when it is made."""
    with pytest.raises(CatalogueError, match="Publish one first"):
        make_app(tmp_path)


def test_a_body_in_parts_is_joined(spec: Path) -> None:
    """However a server cuts it, the request is the same."""
    body = complaint("a")
    sent = call(spec, part(body[:5], True), part(body[5:9], True), part(body[9:]))
    assert sent[0]["status"] == 200


def test_a_large_body_is_413_before_its_end(spec: Path) -> None:
    """No more of it is read than the limit."""
    assert call(spec, *[part(b" " * 600_000, True)] * 2)[0]["status"] == 413


def test_a_slow_body_is_408(spec: Path) -> None:
    """A body that does not come to its end is not waited for."""
    assert call(spec, part(b"{", True))[0]["status"] == 408


def test_a_sender_who_leaves_is_not_answered(spec: Path) -> None:
    """Half a body claims nothing."""
    assert call(spec, part(complaint("a"), True), {"type": "http.disconnect"}) == []


def test_large_headers_are_431(spec: Path) -> None:
    """Whatever the server let through."""
    assert call(spec, part(b"{}"), headers=[(b"x", b"y" * 5_000)])[0]["status"] == 431


def test_a_server_without_raw_paths_will_do(spec: Path) -> None:
    """The path is enough; what was quoted in it stays quoted."""
    scope = {"raw_path": None, "path": PATH}
    assert call(spec, part(complaint("a")), **scope)[0]["status"] == 200


def test_a_web_socket_is_closed(spec: Path) -> None:
    """No other protocol is spoken."""
    assert call(spec, type="websocket") == [{"type": "websocket.close"}]


def test_the_inbox_is_closed_with_the_server(spec: Path, tmp_path: Path) -> None:
    """At the end of its lifespan everything is let go."""
    app = make_app(spec, inbox=f"sqlite:///{tmp_path}/inbox.db")
    with hosting(app) as port:
        assert post(port, complaint("a")) == 200
    sent = call_again(app)
    assert sent[0]["status"] == 503


def call_again(app: App) -> list[Message]:
    """Post to an application without a server."""
    sent: list[Message] = []

    async def receive() -> Message:
        return part(complaint("b"))

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers().items()]
    scope = {"type": "http", "method": "POST", "raw_path": PATH.encode(), "query_string": b"",
             "headers": raw}  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent
