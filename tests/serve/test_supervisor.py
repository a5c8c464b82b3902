"""`nbincoming serve` as a process: what it does not start with, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nbincoming.serve import supervisor
from nbincoming.serve.settings import Settings
from tests.interrupting import raising_at
from tests.serve.running import (
    ENDPOINT,
    SECRET,
    WAIT_S,
    Served,
    complaint,
    make_spec,
    publish,
    refused,
    serving,
)
from tests.serve.wire import request_bytes

# --- the start ---------------------------------------------------------------------


def test_missing_secrets_are_named_at_once(tmp_path: Path) -> None:
    """All specs' missing secrets are in one message, and nothing is served."""
    for number in (1, 2):
        auth = {"scheme": "jwt", "secrets": [f"env:ABSENT_{number}"]}
        publish(tmp_path, name=f"s{number}", endpoint=f"{number}" + ENDPOINT[1:],
                authorization=auth)  # fmt: skip
    code, said = refused(tmp_path, cwd=tmp_path)
    assert code == 2
    assert "env:ABSENT_1" in said
    assert "env:ABSENT_2" in said


def test_a_sink_and_a_spec_that_lack_secrets_are_named_at_once(tmp_path: Path) -> None:
    """Whoever starts it sets all of them, and starts it once more."""
    auth = {"scheme": "jwt", "secrets": ["env:ABSENT_1"]}
    spec = publish(tmp_path, authorization=auth)
    code, said = refused(spec, "--sink", "https://127.0.0.1/x#env:ABSENT_2", cwd=tmp_path)
    assert (code, "env:ABSENT_1" in said, "env:ABSENT_2" in said) == (2, True, True)


def test_an_edited_file_is_refused(tmp_path: Path) -> None:
    """Its digest does not belong to its content."""
    path = publish(tmp_path)
    path.write_text(path.read_text().replace('"high"', '"low"'))
    code, said = refused(path, cwd=tmp_path, COMPLAINTS_JWT_KEY=SECRET)
    assert (code, "digest" in said) == (2, True)


def test_examples_that_disagree_are_refused(tmp_path: Path) -> None:
    """A spec that does not do here what it did there is not served."""
    spec = make_spec()
    wrong = spec.examples[0].model_copy(update={"outcome": "filtered", "triggers": ()})
    path = tmp_path / "x.incoming.json"
    path.write_text(spec.model_copy(update={"examples": (wrong,)}).sealed(version=1).text())
    code, said = refused(path, cwd=tmp_path, COMPLAINTS_JWT_KEY=SECRET)
    assert (code, "examples[0].outcome" in said) == (2, True)


def test_a_draft_is_refused(tmp_path: Path) -> None:
    """Only what was published is served."""
    path = tmp_path / "x.incoming.json"
    path.write_text(make_spec().text())
    code, said = refused(path, cwd=tmp_path, COMPLAINTS_JWT_KEY=SECRET)
    assert (code, "is a draft" in said) == (2, True)


def test_two_specs_of_one_endpoint_are_refused(tmp_path: Path) -> None:
    """It would be a matter of luck which one answers."""
    publish(tmp_path, name="one")
    publish(tmp_path, name="two")
    code, said = refused(tmp_path, cwd=tmp_path, COMPLAINTS_JWT_KEY=SECRET)
    assert (code, "same endpoint" in said) == (2, True)


def test_a_port_in_use_is_explained(served: Served, tmp_path: Path) -> None:
    """The message says which address, and what to do."""
    done = subprocess.run(
        [sys.executable, "-m", "nbincoming.cli", "serve", publish(tmp_path), "--port",
         str(served.port), "--inbox", "memory:"],
        env={"COMPLAINTS_JWT_KEY": SECRET}, capture_output=True, text=True, check=False,
        timeout=WAIT_S, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, "another --host or --port" in done.stderr) == (2, True)


def test_serving_imports_no_front_end(served: Served) -> None:
    """The process that serves production has neither a notebook nor a DataFrame in it."""
    loaded = subprocess.check_output(
        [sys.executable, "-c", "import sys, nbincoming.serve.worker, nbincoming.serve.supervisor, "
         "nbincoming.commands.serve, nbincoming.relay.process; print(*sys.modules)"],
        text=True,
    ).split()  # fmt: skip
    assert "nbincoming.core.examples" in loaded
    assert not {"pandas", "tornado", "ipywidgets", "IPython"} & set(loaded)
    (pid,) = served.children().values()
    maps = Path(f"/proc/{pid}/maps").read_text()
    assert "uvloop" in maps
    assert "pandas" not in maps


# --- the end -----------------------------------------------------------------------


class NoProcesses:
    """Stands for the child processes; `on_start` is called when they would start."""

    on_start: Callable[[], None]

    def __init__(self, *_: object) -> None:
        self.calls: list[str] = []

    def start(self) -> None:
        """Start nothing."""
        self.on_start()

    def restart_ended(self) -> None:
        """Restart nothing."""

    def reload(self) -> None:
        """Reload nothing."""

    def stop(self) -> None:
        """Stop nothing."""


def test_sigterm_ends_it_wherever_it_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handler takes no lock that the interrupted code may hold."""
    monkeypatch.setenv("COMPLAINTS_JWT_KEY", SECRET)
    monkeypatch.setattr(supervisor, "Processes", NoProcesses)
    settings = Settings((str(publish(tmp_path)),), inbox="memory:", port=0)
    for line in range(60):
        with raising_at(line, signal.SIGTERM) as start:
            monkeypatch.setattr(NoProcesses, "on_start", staticmethod(start), raising=False)
            supervisor.serve(settings, lambda _: None)


def test_a_stop_finishes_what_is_in_flight(tmp_path: Path) -> None:
    """A request whose body is still coming is answered; then all processes end with 0."""
    with serving(publish(tmp_path), cwd=tmp_path) as served:
        whole = request_bytes(complaint("last"))
        with served.connect() as connection, served.connect() as idle:
            idle.sendall(request_bytes(complaint("idle"), close=False))
            assert idle.recv(1_000).endswith(b"OK")
            connection.sendall(whole[:-5])
            served.post(complaint("before"))  # so that the half was read, too
            served.process.send_signal(signal.SIGTERM)
            served.wait_for("Shutting down")
            assert idle.recv(1) == b""
            connection.sendall(whole[-5:])
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert served.stop() == 0
        assert served.children() == {}
    # Workers close the inbox and end with 0, too.
    assert not [line for line in served.lines if line.get("level") == "error"]


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    """The others serve on meanwhile, and a new one takes its place."""
    with serving(publish(tmp_path), cwd=tmp_path) as served:
        (pid,) = served.children().values()
        os.kill(pid, signal.SIGKILL)
        served.wait_for("A process ended and is started again")
        assert served.post() == 200


def test_the_workers_end_with_their_parent(tmp_path: Path) -> None:
    """Also when it is killed, nobody holds the port."""
    served = Served(publish(tmp_path), "--workers", "2", cwd=tmp_path)
    served.stop(signal.SIGKILL)  # reads their log to its end, which is theirs
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", served.port), 1)
