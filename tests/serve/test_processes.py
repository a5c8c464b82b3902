"""The child processes of the server."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from nbincoming.serve.processes import Processes
from nbincoming.serve.reload import Reloader
from nbincoming.serve.settings import Settings
from nbincoming.serve.supervisor import bind, load_specs
from tests.serve.running import SECRET, publish


def test_a_stop_while_they_start_ends_them_without_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A signal that comes before a worker or the relay has its handlers waits for them."""
    monkeypatch.setenv("COMPLAINTS_JWT_KEY", SECRET)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    settings = Settings(
        (str(publish(tmp_path)),),
        inbox=f"sqlite:///{tmp_path}/inbox.db",
        sinks=(f"jsonl:{tmp_path}/out.jsonl",),
        port=0,
    )
    reloader = Reloader(settings.specs, lambda: load_specs(settings), load_specs(settings))
    with bind(settings.host, settings.port) as sock:
        processes = Processes(settings, sock, reloader)
        with caplog.at_level(logging.ERROR, "nbincoming"):
            processes.restart_ended()  # starts all, and does not wait for them
            processes.stop()
    assert [(record.getMessage(), vars(record).get("fields")) for record in caplog.records] == []
