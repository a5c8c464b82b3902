"""A process that answers requests: uvicorn with our application, on the supervisor's socket."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import uvicorn
import uvloop

from nbincoming.api_keys import KeyFile
from nbincoming.child_process import handle_messages, read_messages
from nbincoming.core.auth.login import TokenIssuer
from nbincoming.core.spec.model import read_spec
from nbincoming.errors import NbIncomingError
from nbincoming.inbox.opening import open_inbox
from nbincoming.logs import log, set_up
from nbincoming.secrets import SecretStore
from nbincoming.serve import metrics
from nbincoming.serve.app import App
from nbincoming.serve.claims import claims_for
from nbincoming.serve.connection import Connection, connections
from nbincoming.serve.maintenance import Maintenance
from nbincoming.serve.routes import Catalogue, compile_specs, login_scheme
from nbincoming.serve.service import Service
from nbincoming.serve.settings import Settings
from nbincoming.signals import STOP_SIGNALS


class Worker(uvicorn.Server):
    """uvicorn's server, which also closes slow connections and updates metrics."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT.

        uvicorn's own method raises the signal again after the shutdown, which would end the
        process before the inbox is closed.
        """
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)  # the supervisor blocked them
        yield  # the handlers stay, so that no later signal interrupts the closing

    async def on_tick(self, counter: int) -> bool:
        """Run ten times a second: check connections and update metrics once a second."""
        if counter % 10 == 0:
            now_s = asyncio.get_running_loop().time()
            open_now = list(self.server_state.connections)
            for connection in open_now:
                if isinstance(connection, Connection):
                    connection.check_clock(now_s)
            metrics.CONNECTIONS.set(len(open_now))
            metrics.flush()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests in flight."""
        self.service.is_stopping = True
        await super().shutdown(sockets)


def work(
    settings: Settings,
    sock: socket.socket,
    messages: Iterator[str],
    on_ready: Callable[[], None],
) -> None:
    """Serve until a signal says to stop.

    Parameters
    ----------
    settings
        What to serve and how.
    sock
        Where to accept connections.
    messages
        Messages of the supervisor: first what to serve, then each change.
    on_ready
        Called when connections are accepted.

    Raises
    ------
    NbIncomingError
        If it cannot start.
    """
    first = json.loads(next(messages))
    catalogue, token_issuer = prepare(first["specs"], settings)
    inbox = open_inbox(settings.inbox, settings.inbox_file)

    # Collect garbage less often, which saves a tenth of the time: the objects made so far are kept,
    # and requests leave no reference cycles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        per_s = settings.requests_per_s
        service = Service(
            catalogue,
            claims_for(inbox),
            token_issuer,
            requests_per_s=None if per_s is None else per_s / settings.workers,
            log_requests=settings.log_requests,
        )

        def handle(text: str) -> None:
            _set_metrics(message := json.loads(text))
            if "specs" in message:
                try:
                    latest = prepare(message["specs"], settings)
                except NbIncomingError as error:
                    log.error(str(error))
                else:
                    loop.call_soon_threadsafe(service.install, *latest)
                    loop.call_soon_threadsafe(announce, latest[0])

        worker = Worker(_config(settings, service), service)
        _set_metrics(first)
        announce(catalogue)
        handle_messages(messages, handle)
        loop.call_later(0, on_ready)
        maintenance = Maintenance(inbox, service)
        maintenance.start()
        try:
            await worker.serve(sockets=[sock])
        finally:
            await asyncio.to_thread(maintenance.stop)
            await asyncio.to_thread(service.close)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


def prepare(specs: list[str], settings: Settings) -> tuple[Catalogue, TokenIssuer | None]:
    """Compile specs that the supervisor has checked.

    Raises
    ------
    NbIncomingError
        If a secret was removed after that check.
    """
    secrets = SecretStore()
    catalogue = compile_specs([read_spec(text) for text in specs], secrets)
    if settings.keys is None:
        return catalogue, None
    scheme = login_scheme(catalogue)
    records = KeyFile(settings.keys).records
    return catalogue, TokenIssuer(records, scheme, secrets[scheme.secrets[-1]])


def announce(catalogue: Catalogue) -> None:
    """Log the specs that are served, and set their metrics."""
    specs = [route.spec for route in catalogue.values()]
    metrics.announce([(spec.name, str(spec.version), spec.digest) for spec in specs])
    for spec in specs:
        fields = {"integration": spec.name, "version": spec.version, "digest": spec.digest}
        log.info("serving", extra={"fields": fields})


def _set_metrics(message: dict[str, int]) -> None:
    metrics.RELOADED.set(message["is_current"])
    metrics.RESTARTS.set(message["restarts"])


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
    """Run a worker; its settings come on stdin, the socket's number is the argument."""
    set_up()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is for the supervisor
    messages = read_messages()
    settings = Settings.from_json(next(messages))
    sock = socket.socket(fileno=int(sys.argv[1]))
    try:
        work(settings, sock, messages, lambda: print("ready", flush=True))  # noqa: T201 - read by the supervisor
    except NbIncomingError as error:
        log.error(str(error))
        sys.exit(2)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
