"""Sinks with asynchronous clients: an event loop in a thread of its own.

The loop also runs between deliveries, so that the client answers heartbeats.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

from nbincoming.core.events import Event


class LoopSink(ABC):
    """A sink on an event loop; its thread starts with the first delivery.

    Parameters
    ----------
    name
        Name of the thread.
    """

    batch: ClassVar[int] = 50
    max_threads: ClassVar[int] = 1

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def deliver(self, events: Sequence[Event]) -> None:
        """Deliver events; see :class:`~nbincoming.relay.sinks.sink.Sink`."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name=self._name, daemon=True
            )
            self._thread.start()
        _run(self.publish(events), self._loop)

    def close(self) -> None:
        """Close the connection, cancel the remaining tasks and end the thread."""
        loop, thread, self._loop = self._loop, self._thread, None
        if loop is not None and thread is not None:
            _run(self.drop(), loop)
            _run(_cancel_others(), loop)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    @abstractmethod
    async def publish(self, events: Sequence[Event]) -> None:
        """Deliver events within the time limit."""

    @abstractmethod
    async def drop(self) -> None:
        """Close the connection, if there is one."""


def _run(coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> None:
    asyncio.run_coroutine_threadsafe(coroutine, loop).result()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
