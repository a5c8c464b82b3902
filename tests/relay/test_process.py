"""The relay as a process: what it says at the start, how it ends, what it removes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbincoming.inbox.sqlite.inbox import SqliteInbox
from nbincoming.inbox.sqlite.outbox import SqliteOutbox
from nbincoming.relay import process as relay_process
from nbincoming.relay.settings import RelaySettings
from tests.inbox.contract import NOW_MS, Sender
from tests.inbox.outbox_contract import OTHER_SINK, SINK, advance, fill
from tests.inbox.sqlite.store import inbox, url
from tests.servers import WAIT_S, wait_until

__all__ = ["inbox", "url"]


def start(folder: Path, *sinks: str, inbox: str = "sqlite:///inbox.db") -> subprocess.Popen[str]:
    """Start a relay as `serve` does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nbincoming.relay.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ,
    )
    assert process.stdin is not None
    process.stdin.write(RelaySettings(inbox=inbox, sinks=sinks).to_json() + "\n")
    process.stdin.flush()
    return process


def lines(process: subprocess.Popen[str], count: int) -> list[Any]:
    """Read lines of its standard output."""
    assert process.stdout is not None
    return [json.loads(process.stdout.readline()) for _ in range(count)]


def test_stdout_is_for_events_alone(inbox: SqliteInbox, tmp_path: Path) -> None:
    """Each is a line; it ends in good order on SIGTERM."""
    ids = fill(inbox, Sender(), 3)
    with start(tmp_path, "stdout") as process:
        assert [line["id"] for line in lines(process, 3)] == ids
        process.terminate()
        rest, said = process.communicate(timeout=WAIT_S)
    assert (process.returncode, rest, said) == (0, "", "")


def test_each_sink_gets_everything(inbox: SqliteInbox, tmp_path: Path) -> None:
    """Whatever another one has taken, and without waiting for it."""
    ids = fill(inbox, Sender(), 20)
    with start(tmp_path, "stdout", "jsonl:out.jsonl", "http://127.0.0.1:1/nobody") as process:
        assert [line["id"] for line in lines(process, 20)] == ids
        outbox = SqliteOutbox(inbox.path)
        wait_until(lambda: outbox.count_pending("jsonl:out.jsonl") == 0)
        outbox.close()
        assert process.stderr is not None
        assert "A delivery failed" in process.stderr.readline()
        process.terminate()
        process.communicate(timeout=WAIT_S)
    written = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in written] == ids
    assert process.returncode == 0


def test_it_ends_with_its_parent(inbox: SqliteInbox, tmp_path: Path) -> None:
    """When the other end of its stdin is gone it stops by itself."""
    fill(inbox, Sender(), 1)
    with start(tmp_path, "stdout") as process:
        lines(process, 1)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(WAIT_S) == 0


def test_what_stands_in_the_way_is_said_at_once(tmp_path: Path) -> None:
    """All sinks that cannot be opened, in one line of the log; exit code 2."""
    with start(tmp_path, "ftp://host", "https://host#env:ABSENT") as process:
        assert process.stderr is not None
        said = process.stderr.read()  # to its end, which is the process's
    assert process.returncode == 2
    (line,) = said.splitlines()
    assert "'ftp' is not a kind of sink" in json.loads(line)["message"]
    assert "env:ABSENT" in json.loads(line)["message"]


def test_no_body_is_in_the_log(inbox: SqliteInbox, tmp_path: Path) -> None:
    """A failed delivery is told by sink, event and cause."""
    send = Sender()
    inbox.claim([send("k", body=b'{"name": "sesame"}')])
    with start(tmp_path, "http://127.0.0.1:1/hook?token=sesame") as process:
        assert process.stderr is not None
        line = json.loads(process.stderr.readline())
        process.terminate()
        _, said = process.communicate(timeout=WAIT_S)
    assert (line["message"], line["sink"]) == ("A delivery failed", "http://127.0.0.1:1/hook")
    assert {"event", "cause", "pause_s"} <= line.keys()
    assert "sesame" not in json.dumps(line) + said


def test_what_was_delivered_is_removed_in_time(
    inbox: SqliteInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many days, once all sinks have taken it; without a number nothing is."""
    outbox, send, day_ms = SqliteOutbox(inbox.path), Sender(), 86_400_000
    fill(inbox, send, 3)
    advance(outbox, send, 3)
    advance(outbox, send, 2, OTHER_SINK)
    monkeypatch.setattr(relay_process, "now_ms", lambda: NOW_MS + 2 * day_ms)
    names = [SINK, OTHER_SINK]
    left = []
    for keep_days in (None, 3.0, 1.0):
        relay_process._purge(outbox, keep_days, names)
        left.append(len(inbox.events()))
    outbox.close()
    assert left == [3, 3, 1]
