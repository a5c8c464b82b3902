"""How requests come in: the endpoint in the kernel, the window, requests from elsewhere, logins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from nbincoming.api_keys import KeyFile
from nbincoming.clock import now_ms
from nbincoming.core.auth.login import LOGIN_PATH, ApiKey
from nbincoming.core.auth.schemes import Jwt
from nbincoming.core.auth.signing import credentials, token
from nbincoming.core.examples import consider
from nbincoming.core.gateway import (
    Rules,
    endpoint_path,
)
from nbincoming.core.outcomes import Candidate
from nbincoming.core.request.values import Value, exact, json_text
from nbincoming.errors import SecretError
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.notebook import snippets
from nbincoming.notebook.addresses import Address, addresses, public_base_of
from nbincoming.notebook.countdown import countdown
from nbincoming.notebook.definition import Definition
from nbincoming.notebook.sending import post
from nbincoming.notebook.session import (
    MAX_EVENTS,
    wait_until,
)
from nbincoming.notebook.wizard.state import Imported, Reach, Window
from nbincoming.samples.request_files import ImportFormat, read_requests
from nbincoming.samples.samples import Samples

#: How long "Retrieve data" waits, as on the platform that this re-creates.
RETRIEVE_S = 90


class Reception(Definition):
    """The endpoint of an integration, and what reaches it."""

    def listen(self, *, host: str | None = None, port: int = 0) -> str:
        """Start to listen, in a thread of this kernel, and return the endpoint's URL.

        Listening again changes nothing. The draft answers 404 until it retrieves data;
        from its publication on, the published version is served.

        Parameters
        ----------
        host, port
            Where this kernel listens already; else loopback and a free port by default.

        Raises
        ------
        ListenerError
            If the port is in use, or the kernel listens somewhere else already.
        """
        self._endpoint.listen(host=host, port=port)
        return self.url

    @property
    def url(self) -> str:
        """The endpoint's URL.

        Raises
        ------
        ListenerError
            If it is not listening.
        """
        return self._endpoint.url

    @property
    def public_base(self) -> str:
        """Where senders elsewhere reach this kernel, such as a tunnel's address.

        It is set for this session and shown in :attr:`public_url`, curl and the wizard.
        """
        return self.state.public_base

    @public_base.setter
    def public_base(self, base: str) -> None:
        self.store.dispatch(Reach(public_base_of(base)))

    @property
    def public_url(self) -> str:
        """The URL to give to a sender."""
        return self.addresses()[0].url

    def addresses(self) -> list[Address]:
        """List where the endpoint can be reached, the most public address first."""
        return addresses(self.url, self.state.public_base)

    def listen_if_needed(self) -> None:
        """Listen with the defaults, unless the endpoint listens already."""
        if not self.listening:
            self.listen()

    def retrieve(self, timeout_s: float = RETRIEVE_S, *, count: int = 1) -> Samples:
        """Wait for requests; the endpoint answers as the draft says meanwhile.

        Returns when `count` requests came that were not refused, or when the time is up.
        Interrupting the cell closes the window.

        Parameters
        ----------
        timeout_s
            How long to wait, in seconds.
        count
            For how many requests.

        Returns
        -------
        Samples
            What came, refused requests included.
        """
        window = self.open_window(timeout_s, count=count)
        try:
            with countdown(self.url) as show:
                wait_until(lambda: self.state.window is not window, show, window.ends_ms)
        finally:
            self._endpoint.close_window(window)
        came = Samples([sample for sample in self.samples if sample.number >= window.first])
        if not came:
            print(  # noqa: T201 - the answer to whoever waits at this cell
                f"No request came within {timeout_s:g} s. Send one to {self.url}, "
                "and call retrieve() again."
            )
        return came

    def open_window(self, timeout_s: float = RETRIEVE_S, *, count: int | None = None) -> Window:
        """Let the draft answer and capture requests for a while, without waiting.

        Parameters
        ----------
        count
            Close it after so many requests that were not refused; None keeps it open.

        Raises
        ------
        SecretError
            If the authorization's secrets are missing; nobody could get through.
        """
        if timeout_s <= 0:
            raise ValueError(f"timeout_s must be more than 0; {timeout_s!r} was given.")
        self.listen_if_needed()
        return self._endpoint.open_window(timeout_s, count)

    def close_window(self) -> None:
        """Stop to retrieve data."""
        self._endpoint.close_window(self.state.window)

    def send_example(self, body: Value = None) -> int:
        """Post the example, or a body of yours, to the endpoint as a sender would.

        Returns
        -------
        int
            HTTP status of the answer.
        """
        text = json_text(snippets.EXAMPLE_BODY if body is None else exact(body)).encode()
        authorization = (self.spec or self.draft).authorization
        headers = credentials(authorization, self.secrets, text, now_ms())
        return post(self.url, text, headers)

    def add_samples(self, source: str | bytes, *, format: ImportFormat | None = None) -> Samples:
        """Add requests from a text, as if they had just come through; nothing is sent.

        The draft judges them, their credentials are taken as given.

        Parameters
        ----------
        source
            JSON lines, a HAR file or curl commands; bytes may be compressed with gzip.
        format
            ``bodies``, ``requests``, ``har`` or ``curl``; by default the text decides. See
            :func:`nbincoming.samples.request_files.read_requests`.

        Returns
        -------
        Samples
            Those that were added.

        Raises
        ------
        SamplesError
            With all that cannot be read, and where; then none is added.
        """
        requests = read_requests(source, now_ms=now_ms(), format=format)
        with self.store.lock:
            rules, inbox = Rules(self.draft), MemoryInbox(max_events=0)
            added = []
            for request in requests:
                judged = consider(request, rules)
                outcome = inbox.claim([judged])[0] if isinstance(judged, Candidate) else judged
                added.append(self.samples.add(request, outcome, judged))
            noun = "request" if len(added) == 1 else "requests"
            self.store.dispatch(Imported(f"{len(added):,} {noun} imported."))
        return Samples(added, max_samples=len(added))

    def read_samples(self, path: str | Path, *, format: ImportFormat | None = None) -> Samples:
        """Add requests from a file; see :meth:`add_samples`."""
        return self.add_samples(Path(path).read_bytes(), format=format)

    @property
    def api_keys(self) -> list[ApiKey]:
        """The API keys in force, oldest first: their names and hashes."""
        return list(self._endpoint.keys.records())

    def add_api_key(self, name: str) -> str:
        """Make an API key, which the login exchanges for tokens of one hour.

        The key is returned once and kept as its hash: ``POST`` it as ``{"apiKey": "…"}`` to
        :attr:`login_url`. It lives for the session, or in the file of
        :meth:`keep_api_keys`.

        Raises
        ------
        ApiKeyError
            If there is one of this name already; here and below, if the file is unusable.
        """
        key = self._endpoint.keys.add(name, now_ms=now_ms())
        self.store.poke()
        return key

    def revoke_api_key(self, name: str) -> None:
        """Revoke an API key; tokens that it was exchanged for live out their hour."""
        self._endpoint.keys.revoke(name)
        self.store.poke()

    def keep_api_keys(self, path: str | Path) -> None:
        """Keep API keys in a file from now on, such as the one that production reads.

        What ``nbincoming keys`` and ``nbincoming serve --keys`` use is the same file.
        """
        keys = KeyFile(path)
        keys.records()  # what is wrong with it shows now
        self._endpoint.keys = keys
        self.store.poke()

    @property
    def login_url(self) -> str:
        """Where API keys are exchanged for tokens."""
        return self.url.removesuffix(endpoint_path(self.draft.endpoint)) + LOGIN_PATH

    def curl(self) -> str:
        """Write a curl command that sends the example; secrets are shell variables."""
        return snippets.curl(self.public_url, self.authorization)

    def token(self, **options: Any) -> str:
        """Sign a token that the draft accepts, as a login would; one hour by default.

        Parameters
        ----------
        **options
            As :func:`nbincoming.core.auth.tokens.issue_token` takes them, such as
            ``lifetime_s`` or ``permissions``.

        Raises
        ------
        SecretError
            If the authorization is not JWT with a shared secret, or that is missing.
        """
        scheme = self.authorization
        if not isinstance(scheme, Jwt):
            raise SecretError("Only JWT authorization has tokens; set it to nbi.jwt(…) first.")
        return token(scheme, self.secrets, now_ms(), **options)

    def events(self) -> pd.DataFrame:
        """Show the events that the published endpoint accepted, one row each."""
        events = [event for _, event in self._endpoint.inbox.events(limit=MAX_EVENTS)]
        columns = ["id", "version", "key", "triggers", "received_at_ms", "body"]
        rows = [
            [e.id, e.version, e.key, ", ".join(e.triggers), e.received_at_ms, e.body.decode()]
            for e in events
        ]
        return pd.DataFrame(rows, columns=pd.Index(columns), dtype=object)
