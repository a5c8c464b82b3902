"""An HTTP receiver of webhooks, which answers as it is told."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers import HOST


class Answer:
    """What is answered.

    Parameters
    ----------
    status
        The status; 0 hangs until the receiver is closed, and -1 ends the connection.
    headers, body
        The rest.
    pause_s
        How long to wait after each byte of the body.
    """

    def __init__(
        self, status: int = 204, body: bytes = b"", *, pause_s: float = 0, **headers: str
    ) -> None:
        self.status = status
        self.body = body
        self.pause_s = pause_s
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class HttpReceiver:
    """A server that notes what it is sent.

    Attributes
    ----------
    answers : list of Answer
        What is answered next, in order; then `answer`.
    requests : list of (dict, bytes)
        Headers, by name in lower case, and body of what was answered by 2xx.
    refused : list of (dict, bytes)
        Of all others.
    paths : list of str
        Where to, of all.
    sent_bytes : int
        Of the last answer that takes its time.
    """

    def __init__(self) -> None:
        self.answer = Answer()
        self.answers: list[Answer] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.refused: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self.connections = self.sent_bytes = 0
        self.changed = threading.Condition()
        self._released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                receiver.connections += 1
                super().setup()

            def do_POST(self) -> None:
                receiver._answer(self)

            do_GET = do_POST  # noqa: N815 - the library's name

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def wait_for(self, count: int, timeout_s: float = 30) -> None:
        """Wait until so many requests were taken."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, timeout_s), (
                f"{len(self.requests)} of {count} came"
            )

    def close(self) -> None:
        """End it."""
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length", 0))
        body = handler.rfile.read(length)
        if len(body) < length:  # the sender was killed in the middle
            handler.close_connection = True
            return
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self.changed:
            answer = self.answers.pop(0) if self.answers else self.answer
            taken = self.requests if 200 <= answer.status < 300 else self.refused
            taken.append((headers, body))
            self.paths.append(handler.path)
            self.changed.notify_all()
        if answer.status <= 0:
            if answer.status == 0:
                self._released.wait()
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.status != 204:
            handler.send_header("Content-Length", str(len(answer.body)))
        with contextlib.suppress(OSError):  # whoever asked may be gone
            handler.end_headers()
            if not answer.pause_s:
                handler.wfile.write(answer.body)
                return
            for place in range(len(answer.body)):
                handler.wfile.write(answer.body[place : place + 1])
                self.sent_bytes += 1
                self._released.wait(answer.pause_s)
