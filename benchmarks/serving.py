"""`nbincoming serve` against a bare uvicorn application and Debian's ``webhook``.

Each server is a process of its own, and wrk posts complaints to them in turns. No two requests
are alike: each has an id, an ``X-Request-Id`` and a length of its own, and a signature of its
own where it is signed. So each is claimed, matched and (on disk) kept.

The bare application reads the body, parses it and answers two bytes. ``webhook`` gets the same
bodies and has a like rule. It checks a signature, since it knows no tokens, and compares four
values. The last one differs, so that it starts no program. It deduplicates and keeps nothing.

Each server has one core and wrk has another. Otherwise the scheduler would decide how a server
of two threads and wrk share two cores, and ``webhook`` would take both. In the rows that compare
several workers, all programs share all cores.

Run it with ``python -m benchmarks.serving``; ``python -m benchmarks.serving memory`` sends a
million requests and says what became of the memory.
"""

from __future__ import annotations

import hmac
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.row import Row

#: What ours must reach, as a share of the bare application's requests per second.
DURABLE, MEMORY = 0.5, 0.7

#: What ours must reach on one core, as a share of webhook's requests per second on one core.
ONE_CORE = 0.75

#: More requests than any server answers in a second, on all cores.
MOST_PER_S = 60_000 * (os.cpu_count() or 1)

CONNECTIONS = 32
ROUNDS = 10
ROUND_S = 1

#: Requests after which the memory is looked at again, and what it may have become. Keys stay
#: for their window, in a file; what grows are caches of fixed size.
MANY = 100_000
MOST_GROWTH = 1.3

ENDPOINT = "6f1f3f0e-8f0d-4f52-9d3c-2b8b0a7c9e11"
SECRET = "a-shared-secret-of-forty-characters-xxxx"
#: What people write: of 64 lengths.
DESCRIPTION = (
    "The wireless headphones stopped working after two days of use. They ring twice, "
    "then nothing is to be heard on either side, whatever is played."
)
LENGTHS = range(31, 95)
TRIGGER = {
    "all": [
        {"parameter": "body.complaint.priority", "operator": "equals", "value": "high"},
        {"parameter": "body.complaint.status", "operator": "in", "value": ["open", "new"]},
        {"parameter": "body.source", "operator": "starts_with", "value": "customer"},
        {"parameter": "body.complaint.description", "operator": "contains", "value": "headphones"},
    ]
}


@dataclass(frozen=True)
class Requests:
    """What is posted to a server.

    Attributes
    ----------
    folder : Path
        Where they are written for wrk.
    authorization : str
        The header's value; where it is empty, the bodies are signed instead.
    files : int
        How many are attached to each complaint.
    """

    folder: Path
    authorization: str = ""
    files: int = 1

    def write(self, number: int) -> list[str]:
        """Write so many requests; return the arguments of the script that sends them."""
        rests = [_rest(length, self.files) for length in LENGTHS]
        first = random.randrange(10**11)
        headers = [random.randbytes(16).hex() for _ in range(number)]
        if not self.authorization:
            for index in range(number):
                body = f'{{"complaint":{{"id":"cmp-{first + index:012}",{rests[index % len(rests)]}'
                signature = hmac.digest(SECRET.encode(), body.encode(), "sha256").hex()
                headers[index] += f" sha256={signature}"
        paths = [self.folder / "headers.txt", self.folder / "rests.txt"]
        for path, lines in zip(paths, (headers, rests), strict=True):
            path.write_text("".join(f"{line}\n" for line in lines))
        return [*map(str, paths), self.authorization, str(first)]


@dataclass(frozen=True)
class Running:
    """A server, and where to post."""

    url: str
    pid: int
    requests: Requests


@dataclass(frozen=True)
class Load:
    """What wrk measured."""

    per_s: float
    refused: int
    p50_ms: float
    p99_ms: float
    #: Time on a processor that the server took for each request: what is left of the
    #: comparison where other programs share the machine.
    cpu_us: float


def rows() -> Iterator[Row]:
    """Measure; takes about 90 seconds."""
    if shutil.which("wrk") is None:
        yield _absent("serve", "wrk")
        return
    has_webhook = shutil.which("webhook") is not None
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder)
        with _core(0):
            servers = {
                "bare": stack.enter_context(_bare(path)),
                "durable": stack.enter_context(_ours(path, f"sqlite:///{path}/inbox.db")),
                "memory": stack.enter_context(_ours(path, "memory:")),
            }
            if has_webhook:
                servers["webhook"] = stack.enter_context(_webhook(path))
        with _core(1):
            measured = _in_turns(servers)
    yield _row("serve, durable SQLite inbox", measured, "durable", "bare", DURABLE)
    yield _row("serve, memory inbox", measured, "memory", "bare", MEMORY)
    if has_webhook:
        yield _row("serve, memory inbox", measured, "memory", "webhook", ONE_CORE)
        yield _all_cores_row()
    else:
        yield _absent("serve against webhook", "webhook")
    yield _memory_row(MANY)
    yield from _workers_rows()


def _absent(name: str, program: str) -> Row:
    return Row(
        name, "its reference", 0.0, 1.0, False,
        f"NOT MEASURED: there is no {program} here. Debian: apt-get install {program}",
    )  # fmt: skip


def _row(
    name: str, measured: dict[str, list[Load]], ours: str, reference: str, target: float
) -> Row:
    pairs = list(zip(measured[ours], measured[reference], strict=True))
    ratio = statistics.median(a.per_s / b.per_s for a, b in pairs)
    # What is left of the comparison where wrk, or another program, has no processor to itself.
    by_cpu = statistics.median(b.cpu_us / a.cpu_us for a, b in pairs)
    what = {
        "bare": "the requests/s of a bare uvicorn app that parses",
        "webhook": "webhook's",
    }
    # A durable one is compared with what keeps nothing for the reader's information.
    shown = [ours, reference, *(["webhook"] if ours == "durable" and "webhook" in measured else [])]
    detail = "; ".join(f"{each}: {_summary(measured[each])}" for each in shown)
    return Row(name, what[reference], ratio, target, False, f"by CPU time {by_cpu:.2f}; {detail}")


def _summary(loads: list[Load]) -> str:
    middle = {
        field: statistics.median(getattr(load, field) for load in loads)
        for field in ("per_s", "p50_ms", "p99_ms", "cpu_us")
    }
    refused = sum(load.refused for load in loads)
    return (
        f"{middle['per_s']:,.0f} requests/s, p50 {middle['p50_ms']:.1f} ms, "
        f"p99 {middle['p99_ms']:.1f} ms, CPU {middle['cpu_us']:.0f} µs each"
        + (f", {refused} REFUSED" if refused else "")
    )


def _in_turns(servers: dict[str, Running]) -> dict[str, list[Load]]:
    measured: dict[str, list[Load]] = {name: [] for name in servers}
    for server in servers.values():  # all warm
        _load(server, 1)
    for number in range(ROUNDS):
        # A slow moment of the machine hits all; each is first as often as last.
        order = list(servers) if number % 2 else list(servers)[::-1]
        for name in order:
            measured[name].append(_load(servers[name], ROUND_S))
    return measured


def _load(server: Running, duration_s: int) -> Load:
    number = MOST_PER_S * duration_s
    command = [
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{duration_s}s", "-s",
        str(Path(__file__).with_name("post.lua")), server.url, "--", *server.requests.write(number),
    ]  # fmt: skip
    before_s = _cpu_s(server.pid)
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:  # as where the requests do not suffice
        raise RuntimeError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    output = done.stdout
    requests, taken_us, refused, p50_us, p99_us = map(
        int, output.partition("measured ")[2].split()[:5]
    )
    cpu_us = (_cpu_s(server.pid) - before_s) / requests * 1e6
    return Load(requests / taken_us * 1e6, refused, p50_us / 1_000, p99_us / 1_000, cpu_us)


def _memory_row(requests: int) -> Row:
    """Send many requests to a durable server; see what its worker's memory grew by."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with _ours(path, f"sqlite:///{path}/inbox.db") as server:
            _load(server, 3)  # caches, pools and the page cache are full
            before, sent = _resident_mib(server.pid), 0
            while sent < requests:
                load = _load(server, 5)
                sent += int(load.per_s * 5)
            after = _resident_mib(server.pid)
    return Row(
        f"serve, memory after {sent:,} requests", "the memory after the first seconds",
        after / before, MOST_GROWTH, True, f"{before:.0f} MiB before, {after:.0f} MiB after",
    )  # fmt: skip


def _all_cores_row() -> Row:
    """Compare as many workers as there are cores with ``webhook``, which takes all by itself."""
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder)
        name = f"memory, {cores} workers"
        servers = {
            name: stack.enter_context(_ours(path, "memory:", cores)),
            "webhook": stack.enter_context(_webhook(path)),
        }
        measured = _in_turns(servers)
    return _row(f"serve, {name} on {cores} cores, wrk among them", measured, name, "webhook", 1.0)


def _workers_rows() -> Iterator[Row]:
    """Compare two workers with one, which share one file, and the machine with wrk.

    The file has one writer at a time: a second worker adds where judging is most of the work,
    and must take little away where it is not.
    """
    cores = len(os.sched_getaffinity(0))
    for what, files, target in (("small", 1, 0.8), ("large", 150, 1.1)):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            path = Path(folder)
            servers = {}
            for workers in (1, 2):
                url = f"sqlite:///{path}/{workers}.db"
                server = stack.enter_context(_ours(path, url, workers))
                servers[str(workers)] = replace(server, requests=_with_token(path, files))
            measured = _in_turns(servers)
        pairs = zip(measured["2"], measured["1"], strict=True)
        yield Row(
            f"serve, durable, {what} bodies, 2 workers on {cores} cores, wrk among them",
            "the requests/s of 1", statistics.median(two.per_s / one.per_s for two, one in pairs),
            target, False,
            "; ".join(f"{name}: {_summary(loads)}" for name, loads in measured.items()),
        )  # fmt: skip


@contextmanager
def _core(number: int) -> Iterator[None]:
    """Have what is started here, and its children, use one core; all, where there is but one."""
    before = os.sched_getaffinity(0)
    try:
        if len(before) > 1:
            os.sched_setaffinity(0, {sorted(before)[number]})
        yield
    finally:
        os.sched_setaffinity(0, before)


def _resident_mib(pid: int) -> float:
    """Return the memory of a process and those it started."""
    pages = sum(int((each / "statm").read_text().split()[1]) for each in _family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576


def _cpu_s(pid: int) -> float:
    """Return the processor time that a process and those it started have taken."""
    fields = [(each / "stat").read_text().rpartition(")")[2].split() for each in _family(pid)]
    return sum(int(f[11]) + int(f[12]) for f in fields) / os.sysconf("SC_CLK_TCK")


def _family(pid: int) -> list[Path]:
    found = [Path(f"/proc/{pid}")]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has just ended
        if parent == pid:
            found.append(entry)
    return found


@contextmanager
def _process(*command: str, url: str, requests: Requests) -> Iterator[Running]:
    process = subprocess.Popen(
        command,
        env={**os.environ, "COMPLAINTS_JWT_KEY": SECRET},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port = int(url.split("/")[2].partition(":")[2])
        deadline_s = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline_s:
                    raise RuntimeError(f"{command[0]} does not answer.") from None
        yield Running(url, process.pid, requests)
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def _ours(folder: Path, inbox: str, workers: int = 1) -> Iterator[Running]:
    from nbincoming import files
    from nbincoming.core.gateway import endpoint_path
    from nbincoming.core.spec.model import spec_from_data

    data: dict[str, Any] = {
        "name": "complaints",
        "endpoint": ENDPOINT,
        "authorization": {"scheme": "jwt", "secrets": ["env:COMPLAINTS_JWT_KEY"]},
        "deduplication": {"parameters": ["body.complaint.id"]},
        "triggers": [{"name": "urgent", "when": TRIGGER}],
    }
    path = files.publish(spec_from_data(data), folder)[1]
    port = _free_port()
    command = [
        sys.executable, "-m", "nbincoming.cli", "serve", str(path), "--inbox", inbox,
        "--port", str(port), "--workers", str(workers),
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}{endpoint_path(ENDPOINT)}"
    with _process(*command, url=url, requests=_with_token(folder)) as server:
        yield server


@contextmanager
def _bare(folder: Path) -> Iterator[Running]:
    port = _free_port()
    command = [
        sys.executable, "-m", "uvicorn", "benchmarks.serving:bare_app", "--port", str(port),
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}/hook"
    with _process(*command, url=url, requests=_with_token(folder)) as server:
        yield server


@contextmanager
def _webhook(folder: Path) -> Iterator[Running]:
    """Run a hook whose last condition does not hold."""
    names = {
        "complaint.priority": "high",
        "complaint.status": "open",
        "source": "customer_support_portal",
        "complaint.description": "something else",
    }
    signature = {
        "type": "payload-hmac-sha256",
        "secret": SECRET,
        "parameter": {"source": "header", "name": "X-Hub-Signature-256"},
    }
    rules: list[Any] = [{"match": signature}]
    rules += [
        {"match": {"type": "value", "value": v, "parameter": {"source": "payload", "name": n}}}
        for n, v in names.items()
    ]
    hook = {"id": "hook", "execute-command": "/bin/true", "trigger-rule": {"and": rules}}
    hooks = folder / "hooks.json"
    hooks.write_text(json.dumps([hook]))
    port = _free_port()
    command = ["webhook", "-hooks", str(hooks), "-ip", "127.0.0.1", "-port", str(port)]
    url = f"http://127.0.0.1:{port}/hooks/hook"
    with _process(*command, url=url, requests=Requests(folder)) as server:
        yield server


def _with_token(folder: Path, files: int = 1) -> Requests:
    from nbincoming.core.auth.tokens import issue_token

    token = issue_token(SECRET.encode(), now_ms=time.time_ns() // 1_000_000)
    return Requests(folder, f"Bearer {token}", files)


def _rest(length: int, files: int = 1) -> str:
    """Return a complaint from after its id to its end.

    Parameters
    ----------
    length
        Characters of its description.
    files
        How many are attached, in 130 bytes each beyond the first.
    """
    attached = ['{"fileName":"photo_of_defect.jpg"}'] + [
        f'{{"fileName":"photo_of_defect_{number}.jpg","size":{number * 1_000 + length},'
        '"type":"image/jpeg","tags":["front","scratch"],"note":"taken by the customer"}'
        for number in range(1, files)
    ]
    return (
        '"customer":{"id":"c123456789","firstName":"Jane","phone":"+1234567890"},'
        f'"dateReceived":"2024-06-10T09:15:30Z","description":"{DESCRIPTION[:length]}",'
        f'"priority":"high","status":"open","attachments":[{",".join(attached)}]}},'
        '"source":"customer_support_portal"}'
    )


async def bare_app(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, parse it, answer."""
    import jiter

    if scope["type"] != "http":
        return
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    jiter.from_json(b"".join(chunks), allow_inf_nan=False, catch_duplicate_keys=True)
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"OK"})


if __name__ == "__main__":
    for row in [_memory_row(1_000_000)] if sys.argv[1:] == ["memory"] else rows():
        print(row, flush=True)
