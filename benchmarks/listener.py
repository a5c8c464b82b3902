"""The kernel listener against a bare Tornado handler that parses.

Both parse the body with the same parser and answer the same two bytes. Each has a process of
its own, and a third process sends to them in turns. No two requests are alike: each has an id,
an ``X-Request-Id`` and a length of its own.

Run it with ``python -m benchmarks.listener``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.row import Row

#: What one of them must reach, as a share of the other's requests per second.
TARGET = 1.2

CONNECTIONS = 16
ROUNDS = 7
ROUND_S = 1.0

#: The platform's own example, a little shortened; ids and lengths of the text differ.
BODY = json.dumps(
    {
        "complaint": {
            "id": "cmp-@",
            "customer": {"id": "c123456789", "firstName": "Jane", "phone": "+1234567890"},
            "dateReceived": "2024-06-10T09:15:30Z",
            "description": "The wireless headphones stopped working after two days of use.#",
            "priority": "high",
            "attachments": [{"fileName": "photo_of_defect.jpg"}],
        },
        "source": "customer_support_portal",
    }
)
BODIES = [BODY.replace("#", "x" * length).encode().partition(b"@") for length in range(64)]
HEAD = (
    b"POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark\r\nAccept: */*\r\n"
    b"Content-Type: application/json\r\nX-Request-Id: %032x\r\nContent-Length: %d\r\n\r\n"
)


def requests() -> Iterator[bytes]:
    """Make requests, each of them another one."""
    for number in itertools.count(random.randrange(10**11)):
        start, _, end = BODIES[number % len(BODIES)]
        body = b"%b%012d%b" % (start, number, end)
        yield HEAD % (number * 0x9E3779B97F4A7C15, len(body)) + body


def rows() -> Iterator[Row]:
    """Measure the requests that each answers in a second; takes about 16 seconds."""
    with ExitStack() as stack:
        ports = [stack.enter_context(_serving(name)) for name in ("listener", "reference")]
        for port in ports:  # both warm
            _load(port, ROUND_S / 2)
        rounds = []
        for number in range(ROUNDS):
            # In turns, and each first as often as the other: a slow moment of the machine
            # hits both.
            order = ports if number % 2 else ports[::-1]
            rates = {port: _load(port, ROUND_S) for port in order}
            rounds.append([rates[port] for port in ports])
    measured, reference = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    ratio = statistics.median(ours / theirs for ours, theirs in rounds)
    yield Row(
        "kernel listener", "the requests/s of a bare Tornado handler", ratio, TARGET, False,
        f"{measured:,.0f} against {reference:,.0f} requests/s",
    )  # fmt: skip


@contextmanager
def _serving(name: str) -> Iterator[int]:
    process = _start(f"serve-{name}")
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()  # which ends it
        process.stdout.close()
        process.wait(10)


def _load(port: int, duration_s: float) -> float:
    process = _start("load", str(port), str(duration_s))
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError("The load generator failed; see above.")
    return float(output)


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.listener", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _parser() -> Callable[[bytes], object]:
    import jiter

    def parse(body: bytes) -> object:
        return jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)

    return parse


def _serve_listener() -> None:
    from nbincoming.core.request.message import Request, Response
    from nbincoming.notebook.listener.listener import Listener

    parse = _parser()

    def handler(request: Request) -> Response:
        parse(request.body)
        return Response(200, (("Content-Type", "text/plain"),), b"OK")

    with Listener() as listener:
        listener.mount("/hook", handler)
        print(listener.port, flush=True)
        sys.stdin.read()


def _serve_reference() -> None:
    from tornado.web import Application, RequestHandler

    parse = _parser()

    class Handler(RequestHandler):
        def post(self) -> None:
            parse(self.request.body)
            self.set_header("Content-Type", "text/plain")
            self.write(b"OK")

    async def serve() -> None:
        server = Application([("/hook", Handler)]).listen(0, "127.0.0.1")
        (bound,) = server._sockets.values()
        print(bound.getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)

    asyncio.run(serve())


class _Sender(asyncio.Protocol):
    """Sends the next request as soon as one is answered.

    It looks at no more of an answer than its end, so that sending costs less than serving:
    with two cores, a slower sender would be what is measured.
    """

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.answered = 0
        self._requests = requests

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        if not (data.startswith(b"HTTP/1.1 200 ") and data.endswith(b"\r\n\r\nOK")):
            raise RuntimeError(f"Not the expected answer: {data!r}")
        self.answered += 1
        self.transport.write(next(self._requests))


async def _send(port: int, duration_s: float) -> float:
    loop = asyncio.get_running_loop()
    failed: list[object] = []
    loop.set_exception_handler(lambda _, context: failed.append(context))
    made = requests()
    connections = [
        await loop.create_connection(lambda: _Sender(made), "127.0.0.1", port)
        for _ in range(CONNECTIONS)
    ]
    begun = time.perf_counter()
    already = sum(sender.answered for _, sender in connections)
    await asyncio.sleep(duration_s)
    answered = sum(sender.answered for _, sender in connections) - already
    elapsed_s = time.perf_counter() - begun
    for transport, _ in connections:
        transport.abort()
    if failed:
        raise RuntimeError(f"{len(failed)} connections failed, the first: {failed[0]}")
    return answered / elapsed_s


def main(arguments: list[str]) -> None:
    """Measure and print, or be one of the processes that are measured."""
    match arguments:
        case ["serve-listener"]:
            _serve_listener()
        case ["serve-reference"]:
            _serve_reference()
        case ["load", port, duration_s]:
            print(asyncio.run(_send(int(port), float(duration_s))))
        case _:
            for row in rows():
                print(row)


if __name__ == "__main__":
    main(sys.argv[1:])
