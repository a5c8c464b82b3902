"""The service as a plain ASGI callable, for any ASGI server, or mounted in an application.

`nbincoming serve` itself speaks HTTP through :mod:`nbincoming.serve.connection`, with the
same answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nbincoming.core.request.message import Request, Response
from nbincoming.core.request.reading import body_too_large
from nbincoming.errors import Refusal
from nbincoming.http.limits import MAX_HEAD_BYTES, REQUEST_TIMEOUT_S
from nbincoming.http.refusals import head_too_large, slow_sender
from nbincoming.inbox.opening import open_inbox
from nbincoming.secrets import SecretStore
from nbincoming.serve.claims import claims_for
from nbincoming.serve.maintenance import Maintenance
from nbincoming.serve.routes import load_catalogue
from nbincoming.serve.service import Service
from nbincoming.serve.settings import DEFAULT_INBOX

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def make_app(*specs: str | Path, inbox: str = DEFAULT_INBOX) -> App:
    """Make an ASGI application of published specs.

    ::

        app = make_app("published/", inbox="redis://inbox.internal")  # uvicorn module:app

    Parameters
    ----------
    specs
        Spec files, or folders of them.
    inbox
        URL of the inbox. It is opened here, so call this in the process that serves.

    Raises
    ------
    NbIncomingError
        If the specs or the inbox cannot be used, with all reasons.
    """
    catalogue = load_catalogue([str(place) for place in specs], SecretStore())
    opened = open_inbox(inbox)
    service = Service(catalogue, claims_for(opened))
    maintenance = Maintenance(opened, service)
    maintenance.start()
    return App(service, maintenance)


class App:
    """An ASGI application; :func:`make_app` makes one of spec files.

    Parameters
    ----------
    service
        Answers requests.
    maintenance
        Stopped together with the application.
    max_head_bytes
        Limit of the target and headers. The server has read them before they are refused.
    request_timeout_s
        How long a body may take to arrive.
    """

    def __init__(
        self,
        service: Service,
        maintenance: Maintenance | None = None,
        *,
        max_head_bytes: int = MAX_HEAD_BYTES,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        self._service = service
        self._maintenance = maintenance
        self._max_head_bytes = max_head_bytes
        self._request_timeout_s = request_timeout_s

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            response = await self._respond(scope, receive)
            if response is not None:
                await _send(response, send)
        else:
            await send({"type": "websocket.close"})

    def close(self) -> None:
        """Finish the pending claims, then close the inbox; called when the lifespan ends."""
        if self._maintenance is not None:
            self._maintenance.stop()
        self._service.close()

    async def _respond(self, scope: Message, receive: Receive) -> Response | None:
        # Copied now, because uvicorn later adds trailers to its list.
        service, headers = self._service, tuple(scope["headers"])
        # Not scope["path"], in which %2F has become a slash, unless the server sets no raw_path.
        raw = scope.get("raw_path") or quote(scope["path"]).encode()
        path = raw.decode("latin-1").removeprefix(scope.get("root_path", ""))
        query = scope["query_string"].decode("latin-1")
        target = f"{path}?{query}" if query else path
        size = len(target) + sum(len(name) + len(value) + 4 for name, value in headers)
        try:
            if size > self._max_head_bytes:
                raise head_too_large(self._max_head_bytes)
            async with asyncio.timeout(self._request_timeout_s):
                body = await self._body(path, receive)
        except TimeoutError:
            return service.refuse(slow_sender(self._request_timeout_s))
        except Refusal as refusal:
            return service.refuse(refusal, path)
        if body is None:
            return None
        request = Request(
            method=scope["method"],
            target=target,
            headers=tuple((bytes(name), bytes(value)) for name, value in headers),
            body=body,
            received_at_ms=time.time_ns() // 1_000_000,
        )
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def reply(response: Response) -> None:
            if not answered.done():  # otherwise the server has cancelled the request
                answered.set_result(response)

        service.handle(request, reply)
        return await answered

    async def _body(self, path: str, receive: Receive) -> bytes | None:
        """Read a body within its limit; None if the sender disconnects."""
        limit = self._service.max_body_bytes(path)
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise body_too_large(limit)
            more = message.get("more_body", False)
        return b"".join(chunks)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self.close)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


async def _send(response: Response, send: Send) -> None:
    headers = [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in response.headers]
    if response.status != 204:  # which has no body (RFC 9110, 8.6)
        headers.append((b"content-length", b"%d" % len(response.body)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
