"""The endpoint of one integration, for as long as its kernel runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit
from weakref import WeakSet

import pandas as pd

from nbincoming.api_keys import ApiKeyError
from nbincoming.clock import now_ms
from nbincoming.core.auth.login import LOGIN_PATH, TokenIssuer, login, login_unavailable
from nbincoming.core.auth.schemes import Jwt
from nbincoming.core.auth.signing import signed, token
from nbincoming.core.gateway import answer, endpoint_path
from nbincoming.core.request.message import Request, Response
from nbincoming.core.request.values import Value, exact, json_text
from nbincoming.errors import ListenerError, Problem, Refusal, SecretError, quote
from nbincoming.export.example import EXAMPLE_BODY
from nbincoming.notebook.endpoint.capture import Capture
from nbincoming.notebook.endpoint.login_keys import LoginKeys
from nbincoming.notebook.endpoint.sending import post
from nbincoming.notebook.endpoint.served_specs import ServedSpecs
from nbincoming.notebook.endpoint.urls import EndpointUrl, endpoint_urls, public_base_of
from nbincoming.notebook.listener.listener import Listener, shared
from nbincoming.notebook.listener.refusals import CutOff
from nbincoming.notebook.wizard.state import NoteRefused, NoteTaken, SetPublicBase, Window
from nbincoming.notebook.wizard.store import Store
from nbincoming.samples.samples import Samples
from nbincoming.secrets import SecretStore

#: How long "Retrieve data" waits, as on the platform that this re-creates.
RETRIEVE_S = 90


class EndpointSession:
    """Listens for an integration, judges requests and captures them.

    Before the first publication, the draft answers while *Retrieve data* runs, and otherwise
    everything is 404. After it, the published version answers.

    Parameters
    ----------
    store
        The integration's state.
    samples
        Captured requests are added here.
    secrets
        The values of the secrets that the specs name.
    keys
        The API keys that the login exchanges for tokens.
    """

    def __init__(
        self, store: Store, samples: Samples, secrets: SecretStore, keys: LoginKeys
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._keys = keys
        self._served = ServedSpecs(store, secrets)
        self._capture = Capture(store, samples)
        self._listener: Listener | None = None
        self._is_closed = False

    # --- where it listens --------------------------------------------------------------

    def listen(self, *, host: str | None = None, port: int = 0) -> None:
        """Mount the endpoint at the kernel's listener; start the listener if it is not running.

        Raises
        ------
        ListenerError
            If the integration was closed, or the listener cannot start.
        """
        with self._store.lock:
            self.check_open()
            listener = shared(host=host, port=port)
            if listener is self._listener:
                return
            self._listener = listener
            self._store.set_scheduler(partial(_later, listener))
            self._mount()
        self._store.notify()

    def listen_if_needed(self) -> None:
        """Listen with the defaults, unless the endpoint is listening."""
        if not self.listening:
            self.listen()

    @property
    def listening(self) -> bool:
        """Whether the endpoint can be reached."""
        return self._listener is not None and self._listener.running

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._is_closed

    @property
    def why_silent(self) -> str:
        """Why the endpoint does not listen, and what to do; empty while it listens."""
        if self._is_closed:
            name = quote(self._store.state.draft.name)
            return (
                f"The integration {name} was closed. Make it again with Integration({name}), and "
                "use the one that this returns."
            )
        return "" if self.listening else "Not listening: call listen()."

    def check_open(self) -> None:
        """Raise ListenerError after :meth:`close`: another integration may have the path."""
        if self._is_closed:
            raise ListenerError(self.why_silent)

    @property
    def url(self) -> str:
        """The URL on this machine; raises ListenerError before :meth:`listen`."""
        return self._running.url + self._path

    @property
    def login_url(self) -> str:
        """Where API keys are exchanged for tokens."""
        return self._running.url + LOGIN_PATH

    def urls(self) -> list[EndpointUrl]:
        """List the URLs of the endpoint, the most public one first."""
        return endpoint_urls(self.url, self._store.state.public_base)

    @property
    def _running(self) -> Listener:
        self.check_open()
        if self._listener is None or not self._listener.running:
            raise ListenerError("The endpoint has no URL yet. Call listen() first.")
        return self._listener

    @property
    def _path(self) -> str:
        return endpoint_path(self._store.state.draft.endpoint)

    @property
    def public_base(self) -> str:
        """The URL of a tunnel or proxy that leads to this kernel, set for this session."""
        return self._store.state.public_base

    @public_base.setter
    def public_base(self, base: str) -> None:
        self._store.dispatch(SetPublicBase(public_base_of(base)))

    def _mount(self) -> None:
        self._running.mount(
            self._path,
            self._handle,
            # The gateway that judges a request applies its own limit, which may be smaller.
            max_body_bytes=self._served.max_body_bytes,
            on_error=self._show_error,
        )
        self._running.mount(LOGIN_PATH, _handle_login)
        _LISTENING.add(self)

    def update_body_limit(self) -> None:
        """Let the listener apply the larger limit of the draft and the published version."""
        with self._store.lock:
            if self.listening:
                self._mount()

    def close(self) -> None:
        """Stop answering and capturing, for good."""
        with self._store.lock:
            self._is_closed = True
            self._capture.close()
            if self._listener is not None:
                self._listener.unmount(self._path)
            self._listener = None
            self._store.set_scheduler(None)
            _LISTENING.discard(self)
        self._store.notify()

    # --- when it captures --------------------------------------------------------------

    def open_window(self, timeout_s: float = RETRIEVE_S, *, count: int | None = None) -> Window:
        """Capture requests for a while, without waiting for them; listens if needed.

        Parameters
        ----------
        count
            Stop after this many requests that were not refused; None for no early stop.

        Raises
        ------
        ListenerError
            If the integration was closed.
        SecretError
            If a secret of the draft is missing: every request would be refused.
        """
        if timeout_s <= 0:
            raise ValueError(f"timeout_s must be more than 0; {timeout_s!r} was given.")
        self.listen_if_needed()
        with self._store.lock:
            self._served.gateway("draft", self._store.state.draft)
            self._served.forget_draft_keys()  # a request repeated in the next window is new
            return self._capture.open(timeout_s, count, self._running.call_later)

    def close_window(self, window: Window | None = None) -> None:
        """Stop capturing requests.

        Parameters
        ----------
        window
            Close only this window; by default whichever is open.
        """
        self._capture.close(window)

    def retrieve(self, timeout_s: float, *, count: int) -> Samples:
        """Capture requests, wait for them, and return them."""
        came = self._capture.wait(self.open_window(timeout_s, count=count), self.url)
        if not came:
            print(  # noqa: T201 - the answer to the person who ran this cell
                f"No request came within {timeout_s:g} s. Send one to {self.url}, "
                "and call retrieve() again."
            )
        return came

    def token(self, **options: Any) -> str:
        """Sign a token that the draft accepts."""
        scheme = self._store.state.draft.authorization
        if not isinstance(scheme, Jwt):
            raise SecretError("Only JWT authorization has tokens; set it to nbi.jwt(…) first.")
        return token(scheme, self._secrets, now_ms(), **options)

    def send_example(self, body: Value = None) -> int:
        """Post an example, or `body`, with credentials; return the status of the answer."""
        text = json_text(EXAMPLE_BODY if body is None else exact(body)).encode()
        state = self._store.state
        authorization = (state.published or state.draft).authorization
        url = urlsplit(self.url)
        host = (b"host", url.netloc.encode())
        made = signed(
            authorization, self._secrets, Request("POST", url.path, (host,), text, now_ms())
        )
        headers = {name.decode(): value.decode("latin-1") for name, value in made.headers}
        return post(urljoin(self.url, made.target), made.body, headers)

    def token_issuer(self) -> TokenIssuer | None:
        """Return the issuer of tokens for the login; None if no secret can sign them here."""
        with self._store.lock:
            state = self._store.state
            role, spec = (
                ("published", state.published) if state.published else ("draft", state.draft)
            )
            scheme = spec.authorization
            if not isinstance(scheme, Jwt) or not scheme.algorithm.startswith("HS"):
                return None
            try:
                self._served.gateway(role, spec)  # raises if a secret cannot be used
            except SecretError:
                return None
            return TokenIssuer(self._keys.records, scheme, self._secrets[scheme.secrets[-1]])

    # --- what it answers ---------------------------------------------------------------

    def set_secret(self, name: str, value: str | bytes) -> None:
        """Set a secret for this session; the next request is judged with it."""
        self._secrets[name] = value
        self._served.secret_changed()
        self._store.notify()

    def problems(self) -> list[Problem]:
        """List what prevents the draft from being published."""
        return self._served.problems()

    def events(self) -> pd.DataFrame:
        """Show the events that the published version accepted, one row each."""
        return self._served.events()

    def _handle(self, request: Request) -> Response:
        """Answer a request, on the listener's thread."""
        outcome, judged = self._served.claim(request)
        with self._store.lock:
            sample = self._capture.add(request, outcome, judged)
            if sample.judged and not all(each.past for each in self._store.state.refused):
                self._store.dispatch(NoteTaken())
        self._store.notify()
        return answer(outcome)

    def _show_error(self, error: Exception) -> None:
        """Show a request that failed, or was refused before it could be judged."""
        if isinstance(error, CutOff):
            what, reason = "cut off", str(error)
        elif isinstance(error, Refusal):
            what, reason = f"refused with {error.status}", str(error)
        else:
            what, reason = "answered 500", f"{type(error).__name__}: {error}"
        self._store.dispatch(NoteRefused(what, reason, now_ms()))


#: The endpoints that are listening: the kernel has one login for the API keys of all of them.
_LISTENING: WeakSet[EndpointSession] = WeakSet()


def _handle_login(request: Request) -> Response:
    issuers = [each.token_issuer() for each in list(_LISTENING)]
    try:
        return login(request, [each for each in issuers if each is not None])
    except ApiKeyError:
        raise login_unavailable() from None


def _later(listener: Listener, delay_s: float, callback: Callable[[], None]) -> None:
    """Run a callback later on the listener's thread, or now if the thread has ended."""
    if listener.running:
        listener.call_later(delay_s, callback)
    else:
        callback()
