"""A sink for NATS JetStream: one message for each event, acknowledged by the stream.

The message has the event's id, so the stream drops copies within its own duplicate window.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

from nats.aio.client import Client
from nats.errors import Error, MaxPayloadError
from nats.js import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError

from nbincoming.core.events import Event
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

#: Time limit for a connection, and for one acknowledgement.
_STEP_S: Final = 5.0

#: JetStream's error code for a message that is larger than the stream's own limit.
_TOO_LARGE: Final = 10054


class NotEncrypted(Error):
    """A server that offers no encryption although the URL asks for TLS.

    A NATS server announces in plain text whether connections are encrypted, and the client
    obeys. An attacker in between could announce that they are not, and so get the password.
    """


_REASONS: Final[dict[type[BaseException], str]] = {
    NotEncrypted: "the server does not encrypt, but tls:// requires it"
}


class NatsSink(LoopSink):
    """A subject that a stream listens to.

    Parameters
    ----------
    address
        ``nats://[user@]host:4222[,host:4222…]/subject``; ``tls://`` with TLS.
    secret
        The user's password; without a user, a token.
    """

    def __init__(self, address: SinkAddress, secret: bytes | None) -> None:
        super().__init__("nbincoming-nats")
        address.options()
        self._user = address.user
        self._trusted = address.trusted()
        try:
            (self._subject,) = address.segments
        except ValueError:
            raise SinkError(
                f"The sink {address.name} needs a subject. Write nats://host:4222/subject."
            ) from None
        if not all(self._subject.split(".")) or set(self._subject) & set(" *>\t\r\n"):
            raise SinkError(
                f"The sink {address.name} needs one subject: words with dots between, no wildcard."
            )
        self._options: dict[str, Any] = {
            "servers": [f"{address.scheme}://{host}" for host in address.hosts],
            "allow_reconnect": False,  # the relay retries
            "connect_timeout": _STEP_S,
            "error_cb": _ignore,  # Undelivered has the reason
        }
        self._password = address.text_of(secret)
        if self._trusted is not None:
            self._options["tls"] = self._trusted
        self._client: Client | None = None

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish events, each after the one before was acknowledged."""
        number = 0
        try:
            async with asyncio.timeout(DELIVERY_TIMEOUT_S):
                stream = await self._stream()
                for number, event in enumerate(events):  # noqa: B007 - the handlers below read it
                    await stream.publish(
                        self._subject,
                        event_json(event),
                        timeout=_STEP_S,
                        headers={"Nats-Msg-Id": event.id, "Content-Type": CONTENT_TYPE},
                    )
        except MaxPayloadError:
            raise Undelivered(
                "NATS: larger than the server takes", delivered=number, is_refusal=True
            ) from None
        except NoStreamResponseError:
            reason = f"NATS: no stream listens to {self._subject}"
            raise Undelivered(reason, delivered=number) from None
        except APIError as error:
            is_refusal = error.err_code == _TOO_LARGE
            reason = f"NATS: {error.description}"
            raise Undelivered(reason, delivered=number, is_refusal=is_refusal) from None
        # When the client closes, it cancels the calls that wait.
        except (Error, OSError, TimeoutError, asyncio.CancelledError) as error:
            await self.drop()
            reason = certificate_fault(error) or _REASONS.get(type(error)) or type(error).__name__
            raise Undelivered(f"NATS: {reason}", delivered=number) from error

    async def _stream(self) -> JetStreamContext:
        if self._client is None or not self._client.is_connected:
            await self.drop()
            self._client = Client()
            before = self._handshakes()

            def check_encrypted() -> None:
                if self._trusted is not None and self._handshakes() == before:
                    raise NotEncrypted

            def password() -> str | None:
                check_encrypted()
                return self._password

            options = dict(self._options)
            if self._user:
                options |= {"user": self._user, "password": password}
            elif self._password is not None:
                options["token"] = password
            await self._client.connect(**options)
            check_encrypted()
        return self._client.jetstream()

    def _handshakes(self) -> int:
        return 0 if self._trusted is None else self._trusted.session_stats()["connect_good"]

    async def drop(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Error, OSError, TimeoutError):
                async with asyncio.timeout(_STEP_S):
                    await client.close()


async def _ignore(_: Exception) -> None:
    """Do nothing."""
