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
        ends = [back]
        try:
            far, on = await asyncio.open_connection(HOST, self._target)
            ends.append(on)
            ways = [asyncio.create_task(_copy(near, on)), asyncio.create_task(_copy(far, back))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
        except (OSError, asyncio.CancelledError):
            pass  # the server is away, or it is the end
        finally:
            for end in ends:  # without a farewell, which would take rounds of its own
                end.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for _ in range(3):  # rounds in which transports that were closed let go of their sockets
            await asyncio.sleep(0)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
