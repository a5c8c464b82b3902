"""A sink for Redis or Valkey: one entry of a stream for each event."""

from __future__ import annotations

from collections.abc import Sequence

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from nbincoming.core.events import Event
from nbincoming.relay.sinks.address import SinkAddress
from nbincoming.relay.sinks.sink import SinkError, Undelivered, event_json
from nbincoming.tls import certificate_fault

#: Time limit for a connection, and for each answer.
_STEP_S = 5.0


class RedisSink:
    """A stream, with fields ``id`` and ``event``: the CloudEvent in JSON.

    Parameters
    ----------
    address
        ``redis://[user@]host[:6379]/0/stream``; ``rediss://`` with TLS.
    secret
        The user's password.
    """

    batch = 100
    max_threads = 1

    def __init__(self, address: SinkAddress, secret: bytes | None) -> None:
        address.options()
        address.trusted()  # raises now if the CA file is wrong
        try:
            database, self._stream = address.segments
            number = int(database)
        except ValueError:
            raise SinkError(
                f"The sink {address.name} needs the number of a database and a stream. Write "
                "redis://host:6379/0/stream."
            ) from None
        if len(address.hosts) > 1:
            raise SinkError(f"The sink {address.name} takes one host.")
        self._client = redis.Redis.from_url(
            f"{address.scheme}://{address.hosts[0]}/{number}",
            username=address.user or None,
            password=address.text_of(secret),
            socket_timeout=_STEP_S,
            socket_connect_timeout=_STEP_S,
            retry=Retry(NoBackoff(), 0),  # the relay retries
            protocol=2,
            **({"ssl_ca_certs": address.ca_file} if address.is_secure else {}),
        )

    def deliver(self, events: Sequence[Event]) -> None:
        """Add events to the stream: all or none."""
        try:
            with self._client.pipeline(transaction=True) as pipeline:
                for event in events:
                    pipeline.xadd(self._stream, {"id": event.id, "event": event_json(event)})
                pipeline.execute()
        except RedisError as error:
            reason = certificate_fault(error) or type(error).__name__
            raise Undelivered(f"Redis: {reason}") from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
