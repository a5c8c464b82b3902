"""Encryption in front of a server that has none, as stunnel or a load balancer does it."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from tests.servers import HOST
from tests.servers.certificates import Certificates


class Terminator:
    """Takes encrypted connections, and passes on what was in them to a port.

    Attributes
    ----------
    port : int
        Where it listens.
    """

    def __init__(self, target: int, certificates: Certificates) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._run(
            asyncio.start_server(self._pass, HOST, 0, ssl=certificates.context())
        )
        self.port = int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """End everything."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: object) -> asyncio.Server:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()  # type: ignore[arg-type]

    async def _pass(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            far, on = await asyncio.open_connection(HOST, self._target)
            await asyncio.gather(_copy(near, on), _copy(far, back))

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # The transports that were closed say so to the loop in its next round.
        await asyncio.sleep(0)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    finally:
        sink.close()
