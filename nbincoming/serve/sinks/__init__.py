"""Where events are delivered; each sink is a module, loaded on use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

from nbincoming.core.events import Event
from nbincoming.core.values import json_text
from nbincoming.core.verification import Secrets
from nbincoming.errors import NbIncomingError


class SinkError(NbIncomingError, ValueError):
    """A sink that cannot be used."""


class Undelivered(NbIncomingError):
    """A delivery that failed.

    Attributes
    ----------
    delivered : int
        How many of the events were delivered before it.
    is_refusal : bool
        Whether the sink would not have this event, rather than being away. A sink that is
        away is waited for, however long; one that refuses is not asked for ever.
    retry_after_s : float
        How long the sink wants to be left alone.
    """

    def __init__(
        self,
        reason: str,
        *,
        delivered: int = 0,
        is_refusal: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(reason)
        self.delivered = delivered
        self.is_refusal = is_refusal
        self.retry_after_s = retry_after_s


class Sink(Protocol):
    """Takes events, in order."""

    #: How many events :meth:`deliver` is given at the most.
    batch: int

    def deliver(self, events: Sequence[Event]) -> None:
        """Deliver events; when it returns they are the receiver's.

        Raises
        ------
        Undelivered
            At the first one that is not.
        """

    def close(self) -> None:
        """Let go of connections and files."""


def event_json(event: Event) -> str:
    """Write an event as a CloudEvent in JSON, on one line."""
    return json_text(event.cloud_event())


def sink_name(url: str) -> str:
    """Name a sink in the store, in logs and metrics: its URL without what may be secret."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return url
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def open_sink(url: str, secrets: Secrets) -> Sink:
    """Open the sink that a URL names.

    Parameters
    ----------
    url
        ``stdout``, ``jsonl:PATH``, or ``https://…``; the latter with ``#env:NAME`` or
        ``#file:PATH`` at its end for the secret that signs (Standard Webhooks).
    secrets
        Where that secret is looked up.

    Raises
    ------
    SinkError
        If it names none, or its secret is missing.
    """
    kind, _, rest = url.partition(":")
    if url == "stdout":
        from nbincoming.serve.sinks.lines import StdoutSink

        return StdoutSink()
    if kind == "jsonl" and rest:
        from nbincoming.serve.sinks.lines import JsonlSink

        return JsonlSink(rest)
    if kind in ("http", "https"):
        from nbincoming.serve.sinks.http import HttpSink

        address, _, name = url.partition("#")
        try:
            return HttpSink(address, secrets[name] if name else None)
        except (LookupError, ValueError):
            raise SinkError(
                f"The secret {name} of the sink {sink_name(url)} is missing, or is no base64 as "
                "Standard Webhooks has it (whsec_…)."
            ) from None
    raise SinkError(
        f"{kind!r} is no kind of sink. Give stdout, jsonl:PATH or https://host/path#env:SECRET."
    )
