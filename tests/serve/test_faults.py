"""Disks that are full, files that are locked, senders that break off or never stop."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbincoming.core.gateway import endpoint_path
from nbincoming.inbox.sqlite.open_files import files_replaced
from tests.serve.running import ENDPOINT, Served, complaint, headers, publish, serving
from tests.servers import wait_until

PATH = endpoint_path(ENDPOINT)

#: What a worker may grow by, whatever is thrown at it: a few buffers for each connection.
MOST_GROWTH_MIB = 48


def fill(served: Served) -> tuple[list[str], str]:
    """Post large complaints until one is refused; return those accepted, and that one."""
    accepted: list[str] = []
    while True:
        name = f"large-{len(accepted)}"
        status = served.post(complaint(name, text="x" * 20_000))
        if status == 503:
            return accepted, name
        assert status == 200
        accepted.append(name)


def kept(path: Path) -> list[str]:
    """Return the names of the complaints in a file, in order."""
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT body FROM events ORDER BY seq").fetchall()
    db.close()
    return [json.loads(body)["id"].removeprefix("cmp-") for (body,) in rows]


def small_disk(folder: Path) -> Sequence[str]:
    """Return a command that runs another with a disk of 3 MiB, half of it taken, on a folder."""
    script = (
        f'mount -t tmpfs -o size=3m none "{folder}" && head -c 1500000 /dev/zero '
        f'> "{folder}/ballast" && exec "$@"'
    )
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]


def test_a_full_disk_is_503_until_there_is_room(tmp_path: Path) -> None:
    """What was refused is not in the file and holds no key; what was accepted is there, once."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run([*small_disk(folder), "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"No disk of its own can be mounted here: {error}")
    options = ("--inbox", f"sqlite:///{folder}/inbox.db")
    with serving(publish(tmp_path), *options, cwd=tmp_path, within=small_disk(folder)) as served:
        accepted, refused = fill(served)
        served.wait_for("The inbox cannot be reached")
        assert served.request("GET", "/readyz").status == 503
        seen = Path(f"/proc/{served.process.pid}/root{folder}")
        (seen / "ballast").unlink()
        served.wait_for("The inbox is reached again")
        assert served.request("GET", "/readyz").status == 200
        assert served.post(complaint(refused)) == 200
        assert len(accepted) > 10
        for name in ("inbox.db", "inbox.db-wal"):  # SQLite would resolve the link to a root
            shutil.copy(seen / name, tmp_path / name)
    assert kept(tmp_path / "inbox.db") == [*accepted, refused]


def test_a_deleted_file_is_503_until_it_is_there_again(tmp_path: Path) -> None:
    """The log says so within a second, and after a restart nothing accepted is gone."""
    path, away = tmp_path / "inbox.db", tmp_path / "away.db"
    spec = publish(tmp_path)
    with serving(spec, "--workers", "2", cwd=tmp_path) as served:
        assert served.post(complaint("before")) == 200
        path.rename(away)
        assert served.post(complaint("meanwhile")) == 503
        for _ in range(2):  # each worker
            cause = served.wait_for("The inbox cannot be reached")["cause"]
            assert "deleted, moved or replaced" in cause
        assert served.request("GET", "/readyz").status == 503
        assert served.post(complaint("meanwhile")) == 503
        away.rename(path)
        for _ in range(2):
            served.wait_for("The inbox is reached again")
        assert served.request("GET", "/readyz").status == 200
        assert served.post(complaint("meanwhile")) == 200
    with serving(spec, cwd=tmp_path) as served:
        assert served.post(complaint("before")) == 204
        assert served.post(complaint("meanwhile")) == 204
    assert kept(path) == ["before", "meanwhile"]


def test_processes_that_restart_while_the_file_is_away_wait_for_it(tmp_path: Path) -> None:
    """They make no other file: its events would be gone when the first is put back."""
    path, out = tmp_path / "inbox.db", tmp_path / "out.jsonl"
    options = ("--workers", "2", "--sink", f"jsonl:{out}")
    with serving(publish(tmp_path), *options, cwd=tmp_path) as served:
        assert served.post(complaint("before")) == 200
        (away := tmp_path / "away").mkdir()
        for file in tmp_path.glob("inbox.db*"):
            file.rename(away / file.name)
        killed = [pid for name, pid in served.children().items() if name != "worker 0"]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
            served.wait_for("A process ended and is started again")
        served.wait_for("The inbox cannot be reached")
        cause = str(files_replaced(Path("inbox.db")))
        served.wait_for(f"The inbox cannot be used: {cause}")
        assert {served.post(complaint("meanwhile")) for _ in range(10)} == {503}
        assert not path.exists()
        for file in away.iterdir():
            file.rename(tmp_path / file.name)
        wait_until(lambda: served.request("GET", "/readyz").status == 200)
        assert {served.post(complaint(n)) for n in range(10)} <= {200, 503}
        expected = kept(path)
        assert expected[0] == "before"
        wait_until(lambda: len(delivered(out)) >= len(expected))
        assert delivered(out) == expected


def delivered(path: Path) -> list[str]:
    """Return the names of the complaints that a relay has delivered, in order."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["data"]["body"]["id"].removeprefix("cmp-") for line in lines]


def test_a_file_that_cannot_grow_is_503(tmp_path: Path) -> None:
    """A quota, or a limit on the size of files, is met like a full disk."""
    path = tmp_path / "inbox.db"
    with serving(publish(tmp_path), cwd=tmp_path) as served:
        (worker,) = served.children().values()
        soft, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (1_000_000, hard))
        accepted, refused = fill(served)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (soft, hard))
        assert served.post(complaint(refused)) == 200
        assert kept(path) == [*accepted, refused]


def test_a_locked_file_is_503_and_then_forgotten(tmp_path: Path) -> None:
    """All who wait are refused together, and may come again when the lock is gone."""
    with serving(publish(tmp_path), cwd=tmp_path) as served:
        assert served.post(complaint("before")) == 200
        other = sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with ThreadPoolExecutor(10) as pool:
            statuses = list(pool.map(lambda n: served.post(complaint(n)), range(10)))
        other.execute("ROLLBACK")
        other.close()
        assert set(statuses) == {503}
        assert {served.post(complaint(n)) for n in range(10)} == {200}
    assert kept(tmp_path / "inbox.db") == ["before", *map(str, range(10))]


def test_half_a_request_claims_nothing(tmp_path: Path) -> None:
    """A sender who breaks off in the head or the body may send all of it again."""
    body = complaint("half")
    lines = [f"POST {PATH} HTTP/1.1", f"Content-Length: {len(body)}"]
    whole = "\r\n".join([*lines, *(f"{n}: {v}" for n, v in headers().items()), "", ""]).encode()
    whole += body
    with serving(publish(tmp_path), cwd=tmp_path) as served:
        for cut in (20, len(whole) - len(body), len(whole) - 1):
            with served.connect() as connection:
                connection.sendall(whole[:cut])
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(100) == b""
        assert served.post(body) == 200
    assert kept(tmp_path / "inbox.db") == ["half"]


def test_memory_stays_bounded_whatever_is_sent(tmp_path: Path) -> None:
    """Heads and bodies without an end, and answers that nobody takes, fill no memory."""
    head = f"POST {PATH} HTTP/1.1\r\n".encode()
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    # (what is sent first, what is sent over and over, how often at the most)
    floods = [
        (head, b"X: " + b"x" * 65_536, 800),
        (head, b"a: b\r\n" * 10_000, 800),
        (chunked, b"10000\r\n" + b" " * 65_536 + b"\r\n", 800),
        (b"", b"GET /metrics HTTP/1.1\r\n\r\n" * 1_000, 20),
        (b"", (head + b"Content-Length: 2\r\n\r\n{}") * 1_000, 100),
    ]

    def flood(served: Served, first: bytes, again: bytes, times: int) -> None:
        with served.connect() as connection:
            connection.settimeout(2)
            try:
                connection.sendall(first)
                for _ in range(times):
                    connection.sendall(again)
            except OSError:
                return  # it was cut off, or no more was taken from it

    options = ("--log-requests", "none", "--inbox", "memory:")
    with serving(publish(tmp_path), *options, cwd=tmp_path) as served:
        (worker,) = served.children().values()
        before = peak_mib(worker)
        threads = [threading.Thread(target=flood, args=(served, *one)) for one in floods * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert served.post(complaint("after")) == 200
        assert peak_mib(worker) - before < MOST_GROWTH_MIB


def peak_mib(pid: int) -> float:
    """Return the most memory that a process ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1_024
