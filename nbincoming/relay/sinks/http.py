"""A sink for HTTP: one event for each request, signed as Standard Webhooks defines.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Final

import urllib3

from nbincoming.core.auth.signatures import sign_standard, standard_key
from nbincoming.core.events import Event
from nbincoming.errors import quote
from nbincoming.relay.sinks.address import SinkAddress
from nbincoming.relay.sinks.sink import (
    CONTENT_TYPE,
    DELIVERY_TIMEOUT_S,
    SinkError,
    Undelivered,
    event_json,
)
from nbincoming.tls import CA_OPTION, certificate_fault

#: Longest pause that a receiver can ask for.
_MAX_RETRY_AFTER_S: Final = 3_600.0

#: Up to this size, the body of an answer is read and dropped, so that the connection can be reused.
_MAX_ANSWER_BYTES: Final = 65_536

#: Statuses that ask to retry later, as any status with Retry-After does.
_LATER: Final = frozenset({425, 429})

#: Statuses that do not say whether the event is at fault. Usually the receiver or the configuration
#: is: a redirect, which the sink does not follow, wrong credentials, a gateway without an answer.
#: But a firewall may block this event alone, or the receiver may crash or time out on it.
_DOUBTFUL: Final = frozenset({*range(300, 400), 401, 403, 407, 408, 502, 503, 504})

#: Raised if the event was sent but no answer came, or if the connection was lost before that.
_NO_ANSWER: Final = (urllib3.exceptions.ReadTimeoutError, urllib3.exceptions.ProtocolError)


class HttpSink:
    """A URL that events are posted to.

    Parameters
    ----------
    address
        The URL to post to.
    secret
        The signing key; None to send unsigned.
    """

    batch = 1  # so that each delivery is recorded at once
    max_threads = 8  # so that a distant receiver does not limit the rate

    def __init__(self, address: SinkAddress, secret: bytes | None) -> None:
        if address.user or len(address.hosts) > 1:
            raise SinkError(f"The sink {address.name} takes one host and no user.")
        query = _query(address)
        self._url = f"{address.scheme}://{address.hosts[0]}{address.path or '/'}{query}"
        try:
            self._key = None if secret is None else standard_key(secret)
        except ValueError as error:
            name = quote(address.secret_name)
            raise SinkError(f"The secret {name} of the sink {address.name} {error}.") from None
        self._pool = urllib3.PoolManager(
            maxsize=self.max_threads,
            timeout=urllib3.Timeout(connect=DELIVERY_TIMEOUT_S, read=DELIVERY_TIMEOUT_S),
            retries=False,  # the relay retries
            ssl_context=address.trusted(),
            headers={"User-Agent": "nbincoming", "Content-Type": CONTENT_TYPE},
        )

    def deliver(self, events: Sequence[Event]) -> None:
        """Post events one after the other, until one is not accepted."""
        for number, event in enumerate(events):
            try:
                status, retry_after = self._post(event)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                # Not the error's message, which may contain the URL.
                reason = certificate_fault(error) or type(error).__name__
                is_doubtful = isinstance(error, _NO_ANSWER)
                raise Undelivered(reason, delivered=number, is_doubtful=is_doubtful) from error
            if not 200 <= status < 300:
                is_later = status in _LATER or bool(retry_after)
                raise Undelivered(
                    f"HTTP {status}",
                    delivered=number,
                    is_refusal=status not in _LATER | _DOUBTFUL,
                    is_doubtful=status in _DOUBTFUL and not is_later,
                    retry_after_s=_retry_after_s(retry_after),
                )

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _post(self, event: Event) -> tuple[int, str]:
        """Post an event; return the status and the header Retry-After."""
        body, stamp = event_json(event), str(int(time.time()))
        headers = {**self._pool.headers, "webhook-id": event.id, "webhook-timestamp": stamp}
        if self._key is not None:
            signature = sign_standard(self._key, event.id.encode(), stamp.encode(), body)
            headers["webhook-signature"] = signature.decode()
        answer = self._pool.request(
            "POST", self._url, body=body, headers=headers, redirect=False, preload_content=False
        )
        with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):  # the status is known
            _take_body(answer)
        answer.close()
        return answer.status, answer.headers.get("Retry-After", "")


def _take_body(answer: urllib3.BaseHTTPResponse) -> None:
    """Read a short body, within the time limit, so that the connection can be reused."""
    until_s = time.monotonic() + DELIVERY_TIMEOUT_S
    left = answer.length_remaining
    if left is None or left > _MAX_ANSWER_BYTES:
        return
    while answer.length_remaining and time.monotonic() < until_s:
        answer.read1(_MAX_ANSWER_BYTES, decode_content=False)
    if not answer.length_remaining:
        answer.release_conn()


def _query(address: SinkAddress) -> str:
    """Return the query of the URL without our own option."""
    query = address.query
    if address.ca_file is not None:
        parts = query.split("&")
        query = "&".join(part for part in parts if part.partition("=")[0] != CA_OPTION)
    return f"?{query}" if query else ""


def _retry_after_s(text: str) -> float:
    try:
        if text.isdecimal():
            seconds = float(text)
        else:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_S)
