"""An integration's endpoint in the kernel: where it listens, what it answers, when it captures."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from weakref import WeakSet

from nbincoming.api_keys import ApiKeyError, KeyRing
from nbincoming.clock import now_ms as now_ms  # its neighbours find it here, too
from nbincoming.core.auth.login import LOGIN_PATH, login_unavailable
from nbincoming.core.auth.schemes import Jwt
from nbincoming.core.gateway import (
    Gateway,
    answer,
    endpoint_path,
    refusal_response,
    unknown_endpoint,
)
from nbincoming.core.outcomes import (
    Candidate,
    Challenge,
    Outcome,
    Rejected,
)
from nbincoming.core.request.message import Request, Response
from nbincoming.core.spec.model import Spec
from nbincoming.errors import InboxUnavailable, ListenerError, Problem, SecretError
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.notebook.listener import Listener, shared
from nbincoming.notebook.logins import Desk, answer_login
from nbincoming.notebook.wizard.state import CloseWindow, Fail, Miss, OpenWindow, Window
from nbincoming.notebook.wizard.store import Store
from nbincoming.samples.samples import Samples
from nbincoming.secrets import SecretStore

#: How many events the endpoint keeps in the notebook.
MAX_EVENTS = 10_000


class Endpoint:
    """The effects of an integration: its place at the kernel's listener, its inbox.

    Before the first publication it answers 404, except while a window is open; then the
    draft answers. From the publication on, the published version does.

    Parameters
    ----------
    store
        The integration's state.
    samples
        Where what comes is kept.
    secrets
        The values of the secrets that the specs name.
    """

    def __init__(self, store: Store, samples: Samples, secrets: SecretStore) -> None:
        self.inbox = MemoryInbox(max_events=MAX_EVENTS)
        self._store = store
        self._samples = samples
        self._secrets = secrets
        self._draft_inbox = MemoryInbox(max_events=0)
        self._listener: Listener | None = None
        self._gateways: dict[str, tuple[Spec, Gateway]] = {}
        self.keys = KeyRing()

    # --- where it listens --------------------------------------------------------------

    def listen(self, *, host: str | None = None, port: int = 0) -> None:
        """Take a place at the kernel's listener, which starts if need be."""
        with self._store.lock:
            listener = shared(host=host, port=port)
            if listener is self._listener:
                return
            self._listener = listener
            self._store.connect(partial(_later, listener))
            self.mount()
        self._store.poke()

    @property
    def listening(self) -> bool:
        """Whether it can be reached."""
        return self._listener is not None and self._listener.running

    @property
    def url(self) -> str:
        """Its URL."""
        return self._running.url + self._path

    @property
    def _running(self) -> Listener:
        if self._listener is None or not self._listener.running:
            raise ListenerError("The endpoint has no URL yet. Call listen() first.")
        return self._listener

    @property
    def _path(self) -> str:
        return endpoint_path(self._store.state.draft.endpoint)

    def mount(self) -> None:
        """Answer at the endpoint's path, with the larger limit of draft and published."""
        state = self._store.state
        specs = [spec for spec in (state.draft, state.published) if spec is not None]
        limit = max(spec.max_body_bytes for spec in specs)
        self._running.mount(
            self._path, self._handle, max_body_bytes=limit, on_error=self._show_error
        )
        _LISTENING.add(self)
        self._running.mount(LOGIN_PATH, _handle_login)

    def close(self) -> None:
        """Stop to answer."""
        with self._store.lock:
            if self._listener is not None:
                self._listener.unmount(self._path)
            self._listener = None
            self._store.connect(None)
            _LISTENING.discard(self)

    # --- when it captures --------------------------------------------------------------

    def open_window(self, timeout_s: float, count: int | None) -> Window:
        """Let the draft answer and capture for a while."""
        with self._store.lock:
            self.gateway("draft", self._store.state.draft)  # for its SecretError
            opened_ms = now_ms()
            window = Window(
                opened_ms=opened_ms,
                ends_ms=opened_ms + round(timeout_s * 1000),
                first=self._samples.next_number,
                wanted=count,
            )
            self._draft_inbox.clear()  # each window tries the keys out anew
            self._store.dispatch(OpenWindow(window))
            self._running.call_later(timeout_s, lambda: self.close_window(window))
            self._running.call_later(1, lambda: self._tick(window))
        return window

    def close_window(self, window: Window | None) -> None:
        """Close a window, if it is the one that is open."""
        with self._store.lock:
            if window is None or self._store.state.window is not window:
                return
            came = self._samples.next_number - window.first
            word = "request" if came == 1 else "requests"
            notice = f"{came} {word} retrieved." if came else "No request came."
            self._store.dispatch(CloseWindow(notice))

    def _tick(self, window: Window) -> None:
        """Let the count-down move."""
        if self._store.state.window is window and self._listener is not None:
            self._store.poke()
            self._listener.call_later(1, lambda: self._tick(window))

    def desk(self) -> Desk | None:
        """Return where its API keys get tokens, if it signs any."""
        with self._store.lock:
            state = self._store.state
            role, spec = (
                ("published", state.published) if state.published else ("draft", state.draft)
            )
            scheme = spec.authorization
            if not isinstance(scheme, Jwt) or not scheme.algorithm.startswith("HS"):
                return None
            try:
                self.gateway(role, spec)  # a secret that cannot verify must not sign
            except SecretError:
                return None
            return Desk(self.keys.records(), self._secrets[scheme.secrets[-1]], scheme)

    # --- what it answers ---------------------------------------------------------------

    def gateway(self, role: str, spec: Spec) -> Gateway:
        """Return a spec made ready; the one of each role is kept."""
        known = self._gateways.get(role)
        if known is None or known[0] is not spec:
            known = spec, Gateway(spec, self._secrets)
            self._gateways[role] = known
        return known[1]

    def forget_gateways(self) -> None:
        """Make specs ready again, since a secret changed."""
        with self._store.lock:
            self._gateways.clear()

    def _handle(self, request: Request) -> Response:
        """Answer a request, on the listener's thread."""
        with self._store.lock:
            state = self._store.state
            if state.published is None and state.window is None:
                self._store.dispatch(Miss())
                return refusal_response(unknown_endpoint())
            try:
                if state.published is not None:
                    gateway, inbox = self.gateway("published", state.published), self.inbox
                else:
                    gateway, inbox = self.gateway("draft", state.draft), self._draft_inbox
            except SecretError as error:
                # Which secret is missing is for the wizard to say, not for the sender.
                self._store.dispatch(Fail("endpoint", (Problem("authorization", str(error)),)))
                return refusal_response(
                    InboxUnavailable("The endpoint is not ready.", headers=(("Retry-After", "60"),))
                )
        judged = gateway.judge(request)  # may fetch keys, so without the lock
        outcome: Outcome
        outcome = inbox.claim([judged])[0] if isinstance(judged, Candidate) else judged
        with self._store.lock:
            self._samples.add(request, outcome, judged)
            self._close_full_window()
        self._store.poke()
        return answer(outcome)

    def _close_full_window(self) -> None:
        window = self._store.state.window
        if window is None or window.wanted is None:
            return
        good = [
            sample
            for sample in self._samples
            if sample.number >= window.first
            and not isinstance(sample.outcome, Rejected | Challenge)
        ]
        if len(good) >= window.wanted:
            self.close_window(window)

    def _show_error(self, error: Exception) -> None:
        self._store.dispatch(Fail("incoming", (Problem("", f"A request failed: {error}"),)))


#: The endpoints that listen, whose API keys the one login of the kernel knows.
_LISTENING: WeakSet[Endpoint] = WeakSet()


def _handle_login(request: Request) -> Response:
    try:
        desks = [desk for each in list(_LISTENING) if (desk := each.desk()) is not None]
    except ApiKeyError:
        raise login_unavailable() from None
    return answer_login(request, desks)


def _later(listener: Listener, delay_s: float, callback: Callable[[], None]) -> None:
    """Run something on the listener's thread; at once where that has ended."""
    if listener.running:
        listener.call_later(delay_s, callback)
    else:
        callback()


def wait_until(done: Callable[[], bool], show: Callable[[float], None], ends_ms: int) -> None:
    """Wait for something that another thread brings about, or for the end of the time.

    In short steps, so that a count-down moves and an interrupt gets through.
    """
    while not done() and (left_s := (ends_ms - now_ms()) / 1000) > 0:
        show(left_s)
        time.sleep(min(left_s, _STEP_S))


#: Short enough that a cell ends at once for a person, long enough to cost nothing.
_STEP_S = 0.05
