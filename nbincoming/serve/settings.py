"""What `serve` was asked to do, in a form that its processes hand on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal

from nbincoming.http.limits import MAX_HEAD_BYTES, REQUEST_TIMEOUT_S
from nbincoming.relay.settings import RelaySettings

#: A file in the folder where it is started.
DEFAULT_INBOX: Final = "sqlite:///inbox.db"

LogRequests = Literal["all", "refused", "none"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What to serve, how, and within which limits.

    Attributes
    ----------
    specs : tuple of str
        Spec files, or folders of them.
    inbox : str
        URL of the inbox.
    sinks : tuple of str
        Where events are delivered; none leaves them in the inbox.
    keep_days : float or None
        How long events stay in the inbox after all sinks took them; None for ever.
    host, port, workers
        Where to listen, and in how many processes.
    keys : str or None
        File of API keys for the login; without it there is none.
    max_head_bytes : int
        Request line and headers together.
    request_timeout_s : float
        How long a sender may take for one whole request.
    max_connections : int
        For each worker; whoever comes then is told 503.
    requests_per_s : float or None
        For each endpoint, over all workers.
    grace_s : int
        How long requests in flight may take when it stops.
    watch_s : float
        How often spec files are looked at for a change; 0 for never.
    log_requests : str
        Which requests get a line in the log.
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

    @property
    def relay(self) -> RelaySettings:
        """The part that the relay's process needs."""
        return RelaySettings(self.inbox, self.sinks, self.keep_days)

    def to_json(self) -> str:
        """Write for another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Read what :meth:`to_json` wrote."""
        data = json.loads(text)
        return cls(**{**data, "specs": tuple(data["specs"]), "sinks": tuple(data["sinks"])})
