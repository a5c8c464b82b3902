"""One process that serves: uvicorn with our application on a socket that is bound already."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable

import uvicorn
import uvloop

from nbincoming.errors import NbIncomingError
from nbincoming.inbox import open_inbox
from nbincoming.secrets import SecretStore
from nbincoming.serve import metrics
from nbincoming.serve.app import App
from nbincoming.serve.catalogue import Catalogue, load_catalogue, login_scheme
from nbincoming.serve.claims import claims_for
from nbincoming.serve.connection import Connection, connections
from nbincoming.serve.keys import KeyFile
from nbincoming.serve.log import log, set_up
from nbincoming.serve.parent import end_with_parent
from nbincoming.serve.relay import now_ms
from nbincoming.serve.reload import Reloader, announce
from nbincoming.serve.service import Service
from nbincoming.serve.settings import Settings

#: How often expired keys are removed.
PURGE_S = 60.0


class Worker(uvicorn.Server):
    """uvicorn's server, which also looks after clocks, specs and keys."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    async def on_tick(self, counter: int) -> bool:
        """Do what is to be done ten times a second."""
        if counter % 10 == 0:
            now_s = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.check_clock(now_s)
            metrics.flush()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is in flight."""
        self.service.ready = False
        await super().shutdown(sockets)


def work(settings: Settings, sock: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until a signal says to stop.

    Raises
    ------
    NbIncomingError
        If it cannot start.
    """
    catalogue = load_catalogue(settings.specs, SecretStore())
    inbox = open_inbox(settings.inbox)

    # What is here now stays, and requests leave no cycles: looking for them less often
    # saves a tenth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        claims = claims_for(inbox, loop)
        per_s = settings.requests_per_s
        service = Service(
            catalogue,
            claims,
            requests_per_s=None if per_s is None else per_s / settings.workers,
            log_requests=settings.log_requests,
        )

        def install(latest: Catalogue) -> None:
            service.catalogue = latest
            _open_login(service, settings, latest)

        install(catalogue)
        reloader = Reloader(settings.specs, SecretStore, lambda new: loop.call_soon(install, new))
        worker = Worker(_config(settings, service), service)
        background = threading.Event()
        threads = [
            threading.Thread(target=_every, args=(settings.watch_s, reloader.check, background)),
            threading.Thread(target=_every, args=(PURGE_S, purge(inbox), background)),
        ]
        for thread in threads:
            thread.start()
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(
                signal.SIGHUP, lambda: threading.Thread(target=reloader.reload).start()
            )
        announce(catalogue)
        loop.call_later(0, on_ready)
        try:
            await worker.serve(sockets=[sock])
        finally:
            background.set()
            for thread in threads:
                await asyncio.to_thread(thread.join)
            await asyncio.to_thread(claims.close)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


def purge(inbox: object) -> Callable[[], object]:
    """Return what removes expired keys, where the store does not do that by itself."""
    remove = getattr(inbox, "purge", None)
    return (lambda: None) if remove is None else lambda: remove(now_ms())


def _every(pause_s: float, act: Callable[[], object], stop: threading.Event) -> None:
    while pause_s and not stop.wait(pause_s):
        try:
            act()
        except Exception:  # the edge of the thread
            log.exception("Upkeep failed")


def _open_login(service: Service, settings: Settings, catalogue: Catalogue) -> None:
    if settings.keys is not None:
        scheme = login_scheme(catalogue)
        service.open_login(scheme, SecretStore()[scheme.secrets[-1]], KeyFile(settings.keys))


def _config(settings: Settings, service: Service) -> uvicorn.Config:
    return uvicorn.Config(
        App(service),
        http=connections(
            service,
            max_head_bytes=settings.max_head_bytes,
            request_timeout_s=settings.request_timeout_s,
            max_connections=settings.max_connections,
        ),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.grace_s,
    )


def main() -> None:
    """Be a worker: settings come on stdin, the socket by its number as the argument."""
    set_up()
    settings = Settings.from_json(sys.stdin.readline())
    end_with_parent()
    sock = socket.socket(fileno=int(sys.argv[1]))
    try:
        work(settings, sock, lambda: print("ready", flush=True))  # noqa: T201 - to the parent
    except NbIncomingError as error:
        log.error(str(error))
        sys.exit(2)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
