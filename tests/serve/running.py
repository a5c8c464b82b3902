"""A published spec, and `nbincoming serve` running on it as a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from nbincoming import files
from nbincoming.core.auth.tokens import PERMISSION, issue_token
from nbincoming.core.examples import example_request, expectation
from nbincoming.core.gateway import Rules, endpoint_path
from nbincoming.core.spec.model import Spec, spec_from_data

ENDPOINT = "6f1f3f0e-8f0d-4f52-9d3c-2b8b0a7c9e11"
SECRET = "a-shared-secret-of-forty-characters-xxxx"
SECRET_NAME = "env:COMPLAINTS_JWT_KEY"
WAIT_S = 60  # only a bound


def complaint(number: int | str = 1, **changes: Any) -> bytes:
    """Return a complaint's body."""
    return json.dumps({"id": f"cmp-{number}", "priority": "high", **changes}).encode()


def make_spec(**changes: Any) -> Spec:
    """Make a spec that takes complaints of high priority, once each."""
    data: dict[str, Any] = {
        "name": "complaints",
        "endpoint": ENDPOINT,
        "authorization": {"scheme": "jwt", "secrets": [SECRET_NAME]},
        "deduplication": {"parameters": ["body.id"]},
        "triggers": [
            {
                "name": "urgent",
                "when": {"parameter": "body.priority", "operator": "equals", "value": "high"},
            }
        ],
    }
    spec = spec_from_data({**data, **changes})
    example = {
        "name": "first",
        "headers": [["content-type", "application/json"]],
        "body": complaint().decode(),
        "received_at_ms": 1_718_010_930_000,
        "outcome": "accepted",
    }
    draft = spec_from_data({**spec.data(), "examples": [example]})
    found = expectation(example_request(draft.examples[0], draft), Rules(draft))
    return spec_from_data({**spec.data(), "examples": [{**example, **found}]})


def publish(folder: Path, **changes: Any) -> Path:
    """Publish a spec and return its file."""
    return Path(files.publish(make_spec(**changes), folder)[1])


def token(**claims: Any) -> str:
    """Return a token that the endpoint accepts."""
    now_ms = time.time_ns() // 1_000_000
    return issue_token(SECRET.encode(), now_ms=now_ms, permissions=[PERMISSION], claims=claims)


def headers(**more: str) -> dict[str, str]:
    """Return the headers of a good request."""
    return {"Content-Type": "application/json", "Authorization": f"Bearer {token()}", **more}


class Served:
    """A server in a process of its own.

    Parameters
    ----------
    arguments
        What follows ``nbincoming serve``; the port is chosen.
    within
        A command that runs the one after it.
    """

    def __init__(
        self,
        *arguments: str | Path,
        cwd: Path,
        within: Sequence[str] = (),
        **environment: str,
    ) -> None:
        self.process = subprocess.Popen(
            [
                *within, sys.executable, "-m", "nbincoming.cli", "serve", *map(str, arguments),
                "--port", "0",
            ],
            cwd=cwd,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "COMPLAINTS_JWT_KEY": SECRET, **environment},
            start_new_session=True,
        )  # fmt: skip
        self.lines: list[dict[str, Any]] = []
        self._rest = b""
        # Read all the time: a server whose log nobody takes would come to a halt.
        self._data: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._take_log, daemon=True)
        self._reader.start()
        try:
            self.port = int(self.wait_for("listening")["url"].rpartition(":")[2])
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def wait_for(self, message: str, **fields: object) -> dict[str, Any]:
        """Wait until a line is logged."""
        seen = 0
        deadline_s = time.monotonic() + WAIT_S
        while True:
            for line in self.lines[seen:]:
                if line["message"] == message and fields.items() <= line.items():
                    self.lines.remove(line)
                    return line
            seen = len(self.lines)
            if not self._read(deadline_s - time.monotonic()):
                raise AssertionError(f"no line {message!r} {fields}, but {self.lines}")

    def _take_log(self) -> None:
        assert self.process.stderr is not None
        while data := os.read(self.process.stderr.fileno(), 65_536):
            self._data.put(data)
        self._data.put(b"")

    def _read(self, timeout_s: float) -> bool:
        """Take some of the log; tell whether there was some."""
        try:
            data = self._data.get(timeout=max(timeout_s, 0))
        except queue.Empty:
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.lines += [
            json.loads(line) if line.startswith(b"{") else {"message": line.decode()}
            for line in lines
        ]
        return bool(data)

    def children(self) -> dict[str, int]:
        """Return the numbers of the processes below it, by module and count."""
        found: dict[str, int] = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                stat = (entry / "stat").read_text()
                if int(stat.rpartition(")")[2].split()[1]) == self.process.pid:
                    words = (entry / "cmdline").read_text().split("\0")
                    name = words[words.index("-m") + 1].rpartition(".")[2]
                    found[f"{name} {len(found)}"] = int(entry.name)
        return found

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), WAIT_S)

    def request(
        self,
        method: str = "POST",
        path: str = endpoint_path(ENDPOINT),
        body: bytes | None = None,
        sent: Mapping[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        """Send one request and return its answer, read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.request(method, path, body, dict(sent or {}))
            answer = connection.getresponse()
            answer.body = answer.read()  # type: ignore[attr-defined]
            return answer
        finally:
            connection.close()

    def post(self, body: bytes | None = None, sent: Mapping[str, str] | None = None) -> int:
        """Post to the endpoint and return the status."""
        body = complaint() if body is None else body
        return self.request(body=body, sent=headers() if sent is None else sent).status

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it and return its exit code."""
        assert self.process.stderr is not None
        if self.process.stderr.closed:
            return self.process.wait(WAIT_S)
        self.process.send_signal(number)
        while self._read(WAIT_S):
            pass
        self._reader.join(WAIT_S)
        self.process.stderr.close()
        return self.process.wait(WAIT_S)


@contextlib.contextmanager
def serving(
    *arguments: str | Path, cwd: Path, within: Sequence[str] = (), **environment: str
) -> Iterator[Served]:
    """Run a server."""
    served = Served(*arguments, cwd=cwd, within=within, **environment)
    try:
        yield served
    finally:
        served.stop()


@contextlib.contextmanager
def hosting(app: Any, *, http: str = "httptools") -> Iterator[int]:
    """Run an ASGI application under uvicorn in a thread; the value is its port."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        config = uvicorn.Config(app, http=http, ws="none", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(WAIT_S)


def refused(*arguments: str | Path, cwd: Path, **environment: str) -> tuple[int, str]:
    """Run a server that does not start; return its exit code and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "nbincoming.cli", "serve", *map(str, arguments), "--port", "0"],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stderr
