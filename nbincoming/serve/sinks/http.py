"""A sink behind HTTP: one event a request, signed as Standard Webhooks has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from nbincoming.core.events import Event
from nbincoming.core.signatures import encode_signature, sign, standard_key
from nbincoming.serve.sinks import Undelivered, event_json

#: A receiver should answer at once and work later; the specification suggests 15 to 30 s.
_TIMEOUT_S: Final = 20.0

#: Longest that a receiver may send us away for.
_MAX_RETRY_AFTER_S: Final = 3_600.0

#: Statuses that say "later", not "never".
_AWAY: Final = frozenset({408, 425, 429, 502, 503, 504})


class HttpSink:
    """A URL that events are posted to.

    Parameters
    ----------
    url
        Where to post.
    secret
        What signs; None to send unsigned.

    Raises
    ------
    ValueError
        If the secret is not one.
    """

    batch = 32

    def __init__(self, url: str, secret: bytes | None) -> None:
        self._url = url
        self._key = None if secret is None else standard_key(secret)
        self._client = httpx.Client(
            timeout=_TIMEOUT_S,
            follow_redirects=False,  # a signed event goes where it was sent
            headers={"User-Agent": "nbincoming", "Content-Type": "application/cloudevents+json"},
        )

    def deliver(self, events: Sequence[Event]) -> None:
        """Post events, each when the one before was taken."""
        for number, event in enumerate(events):
            try:
                answer = self._post(event)
            except httpx.HTTPError as error:
                reason = type(error).__name__  # its text may hold the URL
                raise Undelivered(reason, delivered=number) from error
            if not answer.is_success:
                raise Undelivered(
                    f"HTTP {answer.status_code}",
                    delivered=number,
                    is_refusal=answer.status_code not in _AWAY,
                    retry_after_s=_retry_after_s(answer.headers.get("Retry-After", "")),
                )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, event: Event) -> httpx.Response:
        body = event_json(event).encode()
        headers = {"webhook-id": event.id, "webhook-timestamp": str(int(time.time()))}
        if self._key is not None:
            content = f"{event.id}.{headers['webhook-timestamp']}.".encode() + body
            mac = encode_signature(sign(self._key, content), "base64").decode()
            headers["webhook-signature"] = f"v1,{mac}"
        return self._client.post(self._url, content=body, headers=headers)


def _retry_after_s(text: str) -> float:
    try:
        if text.isdecimal():
            seconds = float(text)
        else:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_S)
