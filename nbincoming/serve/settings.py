"""Settings of `nbincoming serve`, which the supervisor passes to the workers as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal

from nbincoming.http.limits import MAX_HEAD_BYTES, REQUEST_TIMEOUT_S
from nbincoming.relay.settings import RelaySettings, with_tuples

#: A file in the current folder.
DEFAULT_INBOX: Final = "sqlite:///inbox.db"

LogRequests = Literal["all", "refused", "none"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What to serve, how, and within what limits.

    Attributes
    ----------
    specs : tuple of str
        Spec files, or folders of them.
    inbox : str
        URL of the inbox.
    sinks : tuple of str
        Where events are delivered. Without sinks they stay in the inbox.
    keep_days : float or None
        How long events stay in the inbox after delivery to all sinks; None for ever.
    host, port, workers
        Address to listen on, and the number of worker processes.
    keys : str or None
        File of API keys for the login; None turns the login off.
    max_head_bytes : int
        Limit of the request line and headers together; beyond it 431.
    request_timeout_s : float
        Time for one whole request; after it 408.
    max_connections : int
        Limit for each worker; beyond it 503.
    requests_per_s : float or None
        Limit for each endpoint, over all workers; beyond it 429.
    grace_s : int
        Time for requests in flight when the server stops.
    watch_s : float
        Time between two checks of the spec files for changes; 0 turns them off.
    log_requests : str
        Which requests are logged.
    inbox_file : tuple of int or None
        See :func:`~nbincoming.inbox.opening.inbox_file`; None until the inbox was opened.
    """

    specs: tuple[str, ...]
    inbox: str = DEFAULT_INBOX
    sinks: tuple[str, ...] = ()
    keep_days: float | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    keys: str | None = None
    max_head_bytes: int = MAX_HEAD_BYTES
    request_timeout_s: float = REQUEST_TIMEOUT_S
    max_connections: int = 1_000
    requests_per_s: float | None = None
    grace_s: int = 10
    watch_s: float = 1.0
    log_requests: LogRequests = "refused"
    inbox_file: tuple[int, int] | None = None

    @property
    def relay(self) -> RelaySettings:
        """The settings of the relay process."""
        return RelaySettings(self.inbox, self.sinks, self.keep_days, self.inbox_file)

    def to_json(self) -> str:
        """Return the settings as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Read the settings from JSON."""
        return cls(**with_tuples(json.loads(text)))
