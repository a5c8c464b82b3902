"""``nbincoming serve``."""

from __future__ import annotations

import logging
from typing import Any

import click

from nbincoming.commands.extras import need


@click.command()
@click.argument("specs", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--inbox", default="sqlite:///inbox.db", show_default=True, help="Where to keep.")
@click.option(
    "--sink", "sinks", multiple=True,
    help="stdout, jsonl:PATH, https://…#env:SECRET, kafka://…, nats://…, amqp://…, redis://…; "
    "see docs/delivery.md.",
)  # fmt: skip
@click.option("--keep-days", type=click.FloatRange(0), help="Keep delivered events so long.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256))
@click.option("--keys", type=click.Path(dir_okay=False), help="API keys; opens the login.")
@click.option("--max-head-bytes", default=32_768, show_default=True, type=click.IntRange(1_024))
@click.option("--request-timeout", "request_timeout_s", default=30.0, show_default=True)
@click.option("--max-connections", default=1_000, show_default=True, type=click.IntRange(1))
@click.option("--requests-per-s", type=click.FloatRange(0, min_open=True), help="Per endpoint.")
@click.option("--grace", "grace_s", default=10, show_default=True, help="Seconds to finish in.")
@click.option("--watch", "watch_s", default=1.0, show_default=True, help="0: only on SIGHUP.")
@click.option(
    "--log-requests", default="refused", show_default=True,
    type=click.Choice(["all", "refused", "none"]),
)  # fmt: skip
def serve(**options: Any) -> None:
    """Serve published specs, until SIGTERM or Ctrl-C.

    SPECS are files, or folders of them. SIGHUP reloads them.
    """
    need("serve", "uvicorn", "uvloop", "httptools", "urllib3", "prometheus_client")
    from nbincoming.serve.log import log, set_up
    from nbincoming.serve.server import serve as run
    from nbincoming.serve.settings import Settings

    set_up()
    run(Settings(**options), lambda url: log.log(logging.INFO, "listening", extra=_url(url)))


def _url(url: str) -> dict[str, Any]:
    return {"fields": {"url": url}}
