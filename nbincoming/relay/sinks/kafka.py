"""A sink for Kafka: one record for each event, keyed by its integration.

The producer is idempotent: its own retries neither duplicate nor reorder records. The records of
an integration have one key, so they are in one partition, in order.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from nbincoming.core.events import Event
from nbincoming.relay.sinks.address import SinkAddress
from nbincoming.relay.sinks.sink import (
    CONTENT_TYPE,
    DELIVERY_TIMEOUT_S,
    SinkError,
    Undelivered,
    event_json,
)
from nbincoming.tls import CA_OPTION

#: Settings of librdkafka that a URL may hold.
_OPTIONS: Final = (
    "client.id",
    "compression.type",
    "linger.ms",
    "message.max.bytes",
    "sasl.mechanism",
)

#: Errors of the broker or the client which mean that the broker never accepts the record.
_REFUSALS: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_MSG,
    }
)

#: The structured mode of CloudEvents' Kafka binding.
_HEADERS: Final[list[tuple[str, str | bytes | None]]] = [("content-type", CONTENT_TYPE.encode())]


class KafkaSink:
    """A topic that events are produced to.

    Parameters
    ----------
    address
        ``kafka://[user@]host:9092[,host:9092…]/topic``; ``kafka+ssl://`` with TLS.
    secret
        The user's password.
    """

    batch = 100
    max_threads = 1

    def __init__(self, address: SinkAddress, secret: bytes | None) -> None:
        try:
            (self._topic,) = address.segments
        except ValueError:
            raise SinkError(
                f"The sink {address.name} needs a topic. Write kafka://host:9092/topic."
            ) from None
        address.trusted()  # raises now if the CA file is wrong
        is_secure = address.is_secure
        self._settings: dict[str, Any] = {
            "bootstrap.servers": ",".join(address.hosts),
            "security.protocol": "SSL" if is_secure else "PLAINTEXT",
            "enable.idempotence": True,
            # deliver() has its own time limit. After this one, librdkafka would drop a record and
            # still deliver later ones.
            "message.timeout.ms": 0,
            "log_level": 0,  # Undelivered has the reason
        }
        if address.user:
            self._settings |= {
                "security.protocol": "SASL_SSL" if is_secure else "SASL_PLAINTEXT",
                "sasl.mechanism": "PLAIN",
                "sasl.username": address.user,
                "sasl.password": address.text_of(secret) or "",
            }
        # librdkafka finds the system's certificates itself, but ignores SSL_CERT_FILE.
        default = ssl.get_default_verify_paths().cafile
        if is_secure and default is not None:
            self._settings[CA_OPTION] = default
        self._settings |= address.options(*_OPTIONS)
        self._reason = ""  # why the current delivery fails
        try:
            self._producer: Producer | None = Producer(
                self._settings | {"error_cb": self._note_error}
            )
        except KafkaException as error:
            raise SinkError(f"The sink {address.name}: {_text(error.args[0])}.") from None

    def deliver(self, events: Sequence[Event]) -> None:
        """Produce events, and wait until the broker has them."""
        self._reason = ""
        producer = self._producer
        if producer is None:
            producer = self._producer = Producer(self._settings | {"error_cb": self._note_error})
        results: dict[int, KafkaError | None] = {}
        refused, produced = None, 0
        try:
            for number, event in enumerate(events):
                producer.produce(
                    self._topic,
                    key=event.integration,
                    value=event_json(event),
                    headers=_HEADERS,
                    on_delivery=partial(_record_result, results, number),
                )
                produced += 1
        except KafkaException as exception:  # later events are not produced
            refused = exception.args[0]
        deadline_s = time.monotonic() + DELIVERY_TIMEOUT_S
        while len(results) < produced and not any(results.values()):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
            producer.poll(left_s)
        delivered = next((n for n in range(produced) if n not in results or results[n]), produced)
        if delivered == len(events):
            return
        if delivered == produced:
            error = refused
        else:
            error = results.get(delivered)
            self._abandon(producer)
        if error is None:
            raise Undelivered(self._reason or "Kafka: no answer", delivered=delivered)
        raise Undelivered(_text(error), delivered=delivered, is_refusal=error.code() in _REFUSALS)

    def close(self) -> None:
        """Close the connections."""
        if self._producer is not None:
            self._abandon(self._producer)

    def _abandon(self, producer: Producer) -> None:
        """Discard a producer and its queue, so that it delivers nothing in the background."""
        producer.purge()
        producer.poll(0)
        self._producer = None

    def _note_error(self, error: KafkaError) -> None:
        """Keep the most useful error; librdkafka reports one for each address that it tries."""
        code = error.code()
        if code == KafkaError._ALL_BROKERS_DOWN:
            return
        if code != KafkaError._TRANSPORT or not self._reason:
            self._reason = _text(error)


def _record_result(
    results: dict[int, KafkaError | None], number: int, error: KafkaError | None, _: object
) -> None:
    results[number] = error


def _text(error: KafkaError) -> str:
    # librdkafka's own text names brokers and files.
    if error.code() == KafkaError._SSL and "certificate verify failed" in error.str():
        return "Kafka: the certificate is not accepted"
    return f"Kafka: {error.name()}"
