"""``nbincoming serve``."""

from __future__ import annotations

import logging
from typing import Any

import click

from nbincoming.commands.extras import need


@click.command()
@click.argument("specs", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--inbox",
    default="sqlite:///inbox.db",
    show_default=True,
    help="sqlite:///PATH, redis://HOST or memory:.",
)
@click.option(
    "--sink", "sinks", multiple=True,
    help="stdout, jsonl:PATH, https://…#env:SECRET, kafka://…, nats://…, amqp://…, redis://…; "
    "see docs/delivery.md.",
)  # fmt: skip
@click.option(
    "--keep-days",
    type=click.FloatRange(0),
    help="Days to keep delivered events; default: for ever.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 chooses a free one.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Processes that answer requests.",
)
@click.option(
    "--keys", type=click.Path(dir_okay=False), help="File of API keys; turns the login on."
)
@click.option(
    "--max-head-bytes",
    default=32_768,
    show_default=True,
    type=click.IntRange(1_024),
    help="Largest request line and headers; larger ones get 431.",
)
@click.option(
    "--request-timeout",
    "request_timeout_s",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds in which a whole request must arrive; otherwise 408.",
)
@click.option(
    "--max-connections",
    default=1_000,
    show_default=True,
    type=click.IntRange(1),
    help="Connections for each worker; further ones get 503.",
)
@click.option(
    "--requests-per-s",
    type=click.FloatRange(0, min_open=True),
    help="Requests per second for each endpoint; further ones get 429.",
)
@click.option(
    "--grace",
    "grace_s",
    default=10,
    show_default=True,
    type=click.IntRange(0),
    help="Seconds for requests in flight when the server stops.",
)
@click.option(
    "--watch",
    "watch_s",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds between checks of the spec files; 0 reloads only on SIGHUP.",
)
@click.option(
    "--log-requests", default="refused", show_default=True,
    type=click.Choice(["all", "refused", "none"]), help="Which requests are logged.",
)  # fmt: skip
def serve(**options: Any) -> None:
    """Serve published specs until SIGTERM or Ctrl-C.

    SPECS are spec files, or folders of them. SIGHUP reloads them.
    """
    need("serve", "uvicorn", "uvloop", "httptools", "urllib3", "prometheus_client")
    from nbincoming.logs import log, set_up
    from nbincoming.serve.settings import Settings
    from nbincoming.serve.supervisor import serve as run

    set_up()
    run(Settings(**options), lambda url: log.log(logging.INFO, "listening", extra=_url(url)))


def _url(url: str) -> dict[str, Any]:
    return {"fields": {"url": url}}
