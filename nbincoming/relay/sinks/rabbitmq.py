"""A sink for RabbitMQ: one persistent message for each event, confirmed by the broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from aio_pika.connection import Connection, make_url
from aio_pika.exceptions import (
    AMQPError,
    ChannelInvalidStateError,
    ChannelPreconditionFailed,
    DeliveryError,
)

from nbincoming.core.events import EVENT_TYPE, Event
from nbincoming.errors import quote
from nbincoming.relay.sinks.address import SinkAddress
from nbincoming.relay.sinks.loop import LoopSink
from nbincoming.relay.sinks.sink import (
    CONTENT_TYPE,
    DELIVERY_TIMEOUT_S,
    SinkError,
    Undelivered,
    event_json,
)
from nbincoming.tls import certificate_fault

#: Time limit for a connection, and for one confirmation.
_STEP_S: Final = 5.0

#: Raised if the connection is lost, or was lost before. The client then cancels waiting calls.
_LOST: Final = (
    AMQPError,
    ChannelInvalidStateError,
    OSError,
    TimeoutError,
    asyncio.CancelledError,
    asyncio.InvalidStateError,
)


class RabbitSink(LoopSink):
    """A queue, or an exchange with a routing key. The queue or exchange must exist.

    Parameters
    ----------
    address
        ``amqp://[user@]host[:5672]/queue`` or ``…/exchange/routing.key``, and the options
        ``vhost`` and ``window``; ``amqps://`` with TLS.
    secret
        The user's password.
    """

    def __init__(self, address: SinkAddress, secret: bytes | None) -> None:
        super().__init__("nbincoming-rabbitmq")
        options = address.options("vhost", "window")
        *exchange, self._key = address.segments or [""]
        if not self._key or len(exchange) > 1 or len(address.hosts) > 1:
            raise SinkError(
                f"The sink {address.name} needs one host, and a queue, or an exchange and a "
                "routing key. Write amqp://user@host/queue or amqp://user@host/exchange/key."
            )
        window = options.get("window", "1")
        if not window.isdecimal() or not 1 <= int(window) <= self.batch:
            raise SinkError(
                f"The sink {address.name} takes a window from 1 to {self.batch}, not "
                f"{quote(window)}."
            )
        self._window = int(window)
        self._exchange_name = exchange[0] if exchange else ""
        host, port = address.host_and_port()
        self._trusted = address.trusted()
        self._options: dict[str, Any] = {
            "host": host,
            "port": port or (5671 if address.is_secure else 5672),
            "login": address.user or "guest",
            "password": address.text_of(secret) or "guest",
            "virtualhost": options.get("vhost", "/"),
            "ssl": address.is_secure,
        }
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish a window of events at a time; wait until the broker has confirmed all of it."""
        delivered = 0
        try:
            async with asyncio.timeout(DELIVERY_TIMEOUT_S):
                exchange = self._exchange or await self._connect()
                while delivered < len(events):
                    some = events[delivered : delivered + self._window]
                    results = await asyncio.gather(
                        *(self._publish_one(exchange, event) for event in some),
                        return_exceptions=True,
                    )
                    for result in results:
                        if isinstance(result, BaseException):
                            raise result
                        delivered += 1
        except DeliveryError as error:
            what = "refused it" if error.frame.name == "Basic.Nack" else "has no queue for it"
            raise Undelivered(f"RabbitMQ {what}", delivered=delivered) from None
        except _LOST as error:
            await self.drop()
            raise Undelivered(
                f"RabbitMQ: {certificate_fault(error) or type(error).__name__}",
                delivered=delivered,
                is_refusal=isinstance(error, ChannelPreconditionFailed),  # the message is too large
            ) from error

    async def _publish_one(self, exchange: AbstractExchange, event: Event) -> None:
        # "mandatory": a message that no queue receives is returned instead of lost.
        await exchange.publish(_message(event), self._key, mandatory=True, timeout=_STEP_S)

    async def _connect(self) -> AbstractExchange:
        await self.drop()
        # If aio_pika.connect() failed, there would be no object to close the connection with.
        self._connection = Connection(make_url(**self._options), ssl_context=self._trusted)
        await self._connection.connect(timeout=_STEP_S)
        channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        if self._exchange_name:
            self._exchange = await channel.get_exchange(self._exchange_name)
        else:
            self._exchange = channel.default_exchange
        return self._exchange

    async def drop(self) -> None:
        """Close the connection."""
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(*_LOST):
                async with asyncio.timeout(_STEP_S):
                    await connection.close()


def _message(event: Event) -> aio_pika.Message:
    return aio_pika.Message(
        event_json(event),
        content_type=CONTENT_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=event.id,
        timestamp=datetime.fromtimestamp(event.received_at_ms // 1000, UTC),
        type=EVENT_TYPE,
    )
