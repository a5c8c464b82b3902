"""Opens sinks by their URLs; the module of each kind is imported on use."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final, cast

from nbincoming.core.auth.verification import Secrets
from nbincoming.errors import MissingExtra, quote
from nbincoming.relay.sinks.address import SinkAddress, parse_sink_address
from nbincoming.relay.sinks.sink import Sink, SinkError


@dataclass(frozen=True, slots=True)
class SinkKind:
    """A kind of sink.

    Attributes
    ----------
    what : str
        Its name, at the start of a sentence.
    url : str
        An example of its URL.
    module, sink : str
        Names of its module and class.
    needs, extra : str
        The package that it needs, and our extra that installs it; empty for none.
    """

    what: str
    url: str
    module: str
    sink: str
    needs: str = ""
    extra: str = ""


_HTTP: Final = SinkKind(
    "An HTTP sink", "https://host/path#env:SECRET", "http", "HttpSink", "urllib3", "serve"
)
_KAFKA: Final = SinkKind(
    "A Kafka sink", "kafka://host:9092/topic", "kafka", "KafkaSink", "confluent_kafka", "kafka"
)
_NATS: Final = SinkKind(
    "A NATS sink", "nats://host:4222/subject", "nats", "NatsSink", "nats", "nats"
)
_RABBITMQ: Final = SinkKind(
    "A RabbitMQ sink", "amqp://user@host/queue#env:PASSWORD", "rabbitmq", "RabbitSink",
    "aio_pika", "rabbitmq",
)  # fmt: skip
_REDIS: Final = SinkKind(
    "A Redis sink", "redis://host:6379/0/stream", "redis", "RedisSink", "redis", "redis"
)

#: By the scheme of the URL. A test compares the table with ``docs/delivery.md``.
SINK_KINDS: Final[dict[str, SinkKind]] = {
    "stdout": SinkKind("Standard output", "stdout", "lines", "StdoutSink"),
    "jsonl": SinkKind("A file", "jsonl:PATH", "lines", "JsonlSink"),
    "http": _HTTP,
    "https": _HTTP,
    "kafka": _KAFKA,
    "kafka+ssl": _KAFKA,
    "nats": _NATS,
    "tls": _NATS,
    "amqp": _RABBITMQ,
    "amqps": _RABBITMQ,
    "redis": _REDIS,
    "rediss": _REDIS,
}


def sink_name(url: str) -> str:
    """Return the name of a sink in the store, logs and metrics: its URL without secrets."""
    return parse_sink_address(url).name


def open_sink(url: str, secrets: Secrets) -> Sink:
    """Open the sink that a URL names.

    Parameters
    ----------
    url
        One of :data:`SINK_KINDS`. ``#env:NAME`` or ``#file:PATH`` at its end names the signing
        key (HTTP) or the password (others).
    secrets
        Where that secret is looked up.

    Raises
    ------
    SinkError, MissingExtra
        If the URL is invalid, its secret is missing, or its client is not installed.
    """
    kind = SINK_KINDS.get(url.partition(":")[0].lower())
    if kind is None:
        # Show only the scheme, because the URL may contain a password.
        scheme = quote(url.partition(":")[0])
        shown = ", ".join(dict.fromkeys(each.url for each in SINK_KINDS.values()))
        raise SinkError(f"{scheme} is not a kind of sink. Give one of these: {shown}.")
    if kind.needs and importlib.util.find_spec(kind.needs) is None:
        raise MissingExtra(kind.what, kind.extra)
    address = parse_sink_address(url)
    sink = getattr(import_module(f"nbincoming.relay.sinks.{kind.module}"), kind.sink)
    return cast("Sink", sink(address, _secret(address, secrets)))


def open_sinks(urls: Sequence[str], secrets: Secrets) -> dict[str, Sink]:
    """Open sinks, each under its name.

    Raises
    ------
    SinkError
        With everything that is wrong, for all sinks.
    """
    sinks: dict[str, Sink] = {}
    reasons = []
    for url in urls:
        try:
            name = sink_name(url)
            if name in sinks:
                reasons.append(f"The sink {name} is given twice. Give each once.")
            else:
                sinks[name] = open_sink(url, secrets)
        except (SinkError, MissingExtra) as error:
            reasons.append(str(error))
    if reasons:
        for sink in sinks.values():
            sink.close()
        raise SinkError("\n".join(reasons))
    return sinks


def _secret(address: SinkAddress, secrets: Secrets) -> bytes | None:
    if not address.secret_name:
        return None
    try:
        value = secrets[address.secret_name]
    except LookupError:
        value = b""
    if not value:
        raise SinkError(
            f"The sink {address.name} needs the secret {quote(address.secret_name)}, which is not "
            "set. #env:NAME is an environment variable, #file:PATH a file."
        )
    return value
