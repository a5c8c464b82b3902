"""The listener in a real kernel, driven as JupyterLab drives one."""

from __future__ import annotations

import os
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[3]
WAIT_S = 60  # only a bound

SET_UP = """
import json, urllib.request
from nbincoming.core.request.message import Response
from nbincoming.notebook.listener.listener import shared

listener = shared()
listener.mount("/hook", lambda request: Response(200, (), request.body))
print(listener.url)
"""


class Kernel:
    """A kernel and its client."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "IPYTHONDIR": str(directory / "ipython"),
            "JUPYTER_RUNTIME_DIR": str(directory / "runtime"),
        }
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env=env, cwd=str(directory))
        self.connect()

    def connect(self) -> None:
        self.client: Any = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=WAIT_S)

    def restart(self, *, kill: bool = False) -> None:
        self.client.stop_channels()
        self.manager.restart_kernel(now=kill)
        self.connect()

    def run(self, code: str) -> str:
        """Run a cell and return all that it writes, which must not be an error."""
        written: list[str] = []

        def keep(message: dict[str, Any]) -> None:
            written.append(message["content"].get("text", ""))

        reply = self.client.execute_interactive(code, output_hook=keep, timeout=WAIT_S)
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(written).strip()

    def begin(self, code: str) -> str:
        """Begin a cell; returns when it has written something."""
        # Otherwise an error, such as an interrupt, may also abort the cell that is sent next.
        cell: str = self.client.execute(code, stop_on_error=False)
        self.wait_for(cell, "stream")
        return cell

    def wait_for(self, cell: str, kind: str) -> dict[str, Any]:
        """Return the next message of a kind that a cell sends."""
        while True:
            message: dict[str, Any] = self.client.get_iopub_msg(timeout=WAIT_S)
            if message["parent_header"].get("msg_id") == cell and message["msg_type"] == kind:
                return message

    def reply(self, cell: str) -> dict[str, Any]:
        while True:
            message: dict[str, Any] = self.client.get_shell_msg(timeout=WAIT_S)
            if message["parent_header"].get("msg_id") == cell:
                return message["content"]  # type: ignore[no-any-return]

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Start one kernel for all tests that leave it as it was."""
    kernel = Kernel(tmp_path_factory.mktemp("kernel"))
    yield kernel
    kernel.stop()


@pytest.fixture
def own_kernel(tmp_path: Path) -> Iterator[Kernel]:
    """Start a kernel for a test that ends it."""
    kernel = Kernel(tmp_path)
    yield kernel
    kernel.stop()


def post(url: str, body: bytes = b"{}") -> tuple[int, bytes]:
    """Post from outside of the kernel."""
    with urllib.request.urlopen(f"{url}/hook", body, timeout=WAIT_S) as answer:
        return answer.status, answer.read()


def test_a_cell_may_post_to_its_own_listener(kernel: Kernel) -> None:
    """The listener answers while the cell that asks is running."""
    kernel.run(SET_UP)
    said = kernel.run(
        "with urllib.request.urlopen(listener.url + '/hook', b'[1]', timeout=60) as answer:\n"
        "    print(answer.status, answer.read())"
    )
    assert said == "200 b'[1]'"


def test_running_the_cell_again_returns_the_same_url(kernel: Kernel) -> None:
    """The cell that starts it can be run twice, as cells are."""
    assert kernel.run(SET_UP) == kernel.run(SET_UP)


def test_it_survives_autoreload(kernel: Kernel) -> None:
    """A module that is loaded again finds the live listener."""
    url = kernel.run(SET_UP)
    kernel.run(
        "import importlib, nbincoming.notebook.listener.listener as module\n"
        "%load_ext autoreload\n"
        "%autoreload 2\n"
        "importlib.reload(module);"
    )
    again = kernel.run("%autoreload 0\nprint(module.shared().url)")
    assert again == url


def test_it_answers_while_the_kernel_is_busy_and_after_an_interrupt(kernel: Kernel) -> None:
    """A cell that runs for ever delays no request, and an interrupt ends only the cell."""
    url = kernel.run(SET_UP)
    cell = kernel.begin("import threading; print('busy', flush=True); threading.Event().wait()")
    assert post(url) == (200, b"{}")
    kernel.manager.interrupt_kernel()
    assert kernel.reply(cell)["ename"] == "KeyboardInterrupt"
    assert post(url) == (200, b"{}")


def test_nothing_is_printed_whatever_is_sent(kernel: Kernel) -> None:
    """Neither malformed requests nor a handler that raises write below a cell."""
    url = kernel.run(SET_UP)
    said = kernel.run(
        "import socket, sys\n"
        "listener.mount('/raises', lambda request: 1 / 0)\n"
        "for sent in (b'POST /raises HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n',\n"
        "             b'no http\\r\\n\\r\\n', b'A / HTTP/1.1\\r\\nX: ' + b'x' * 70_000):\n"
        "    with socket.create_connection(('127.0.0.1', listener.port), 10) as sender:\n"
        "        try:\n"
        "            sender.sendall(sent)\n"
        "            while sender.recv(65536): pass\n"
        "        except ConnectionError: pass\n"
        "sys.stderr.flush(); sys.stdout.flush()"
    )
    assert said == ""
    assert post(url)[0] == 200


def test_a_restart_frees_the_port_and_lets_the_kernel_end_by_itself(own_kernel: Kernel) -> None:
    """The thread is a daemon: the kernel runs its last functions and is not killed."""
    mark = own_kernel.directory / "ended"
    # Registered before the listener is imported, so it runs after the listener is closed.
    own_kernel.run(f"import atexit; atexit.register(open, {str(mark)!r}, 'x')")
    url = own_kernel.run(SET_UP)
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as kept:
        own_kernel.restart()
        assert kept.recv(1) == b""
    assert mark.exists()
    own_kernel.run(SET_UP.replace("shared()", f"shared(port={port})"))
    assert post(url) == (200, b"{}")


def test_a_killed_kernel_frees_the_port(own_kernel: Kernel) -> None:
    """After the hard way, too, the next kernel can have the same port."""
    url = own_kernel.run(SET_UP)
    port = int(url.rpartition(":")[2])
    own_kernel.restart(kill=True)
    own_kernel.run(SET_UP.replace("shared()", f"shared(port={port})"))
    assert post(url) == (200, b"{}")
