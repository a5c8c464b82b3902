"""The service as a plain ASGI callable, for any ASGI server, or mounted in an application.

`nbincoming serve` itself speaks HTTP through :mod:`nbincoming.serve.connection`; limits for
heads and slow senders are those of the server that runs this.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from nbincoming.core.gateway import body_too_large
from nbincoming.core.message import Request, Response
from nbincoming.serve.service import Service

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class App:
    """An ASGI application.

    Parameters
    ----------
    service
        What answers.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            response = await self._respond(scope, receive)
            if response is not None:
                await _send(response, send)
        else:
            await send({"type": "websocket.close"})

    async def _respond(self, scope: Message, receive: Receive) -> Response | None:
        # Not scope["path"], which is decoded: %2F would be a slash.
        path = scope["raw_path"].decode("latin-1").removeprefix(scope.get("root_path", ""))
        query = scope["query_string"].decode("latin-1")
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
                return self._service.refuse(path, body_too_large(limit))
            more = message.get("more_body", False)
        request = Request(
            method=scope["method"],
            target=f"{path}?{query}" if query else path,
            headers=tuple((bytes(name), bytes(value)) for name, value in scope["headers"]),
            body=b"".join(chunks),
            received_at_ms=time.time_ns() // 1_000_000,
        )
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._service.handle(
            request, lambda response: None if answered.done() else answered.set_result(response)
        )
        return await answered


async def _send(response: Response, send: Send) -> None:
    headers = [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in response.headers]
    if response.status != 204:  # which has no body (RFC 9110, 8.6)
        headers.append((b"content-length", b"%d" % len(response.body)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    """Tell a server that there is nothing to wait for."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
