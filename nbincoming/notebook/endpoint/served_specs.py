"""The specs that an endpoint in the kernel runs, and the inboxes that they claim keys in."""

from __future__ import annotations

import pandas as pd

from nbincoming.core.gateway import Gateway, unknown_endpoint
from nbincoming.core.outcomes import Candidate, Outcome
from nbincoming.core.request.message import Request
from nbincoming.core.spec.model import Spec
from nbincoming.errors import InboxUnavailable, Problem, SecretError
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.notebook.wizard.state import CountMissed, ShowProblems
from nbincoming.notebook.wizard.store import Store
from nbincoming.secrets import SecretStore

#: How many events are kept in the notebook.
MAX_EVENTS = 10_000


class ServedSpecs:
    """Judges requests by the published version or, while a window is open, by the draft."""

    def __init__(self, store: Store, secrets: SecretStore) -> None:
        self._store = store
        self._secrets = secrets
        self._inbox = MemoryInbox(max_events=MAX_EVENTS)
        self._draft_inbox = MemoryInbox(max_events=0)
        self._gateways: dict[str, tuple[Spec, Gateway]] = {}

    @property
    def max_body_bytes(self) -> int:
        """The larger limit of the draft and the published version."""
        state = self._store.state
        specs = [spec for spec in (state.draft, state.published) if spec is not None]
        return max(spec.max_body_bytes for spec in specs)

    def gateway(self, role: str, spec: Spec) -> Gateway:
        """Return the gateway of the draft or the published spec, cached until the spec changes.

        Raises
        ------
        SecretError
            If secrets of the spec are missing or cannot be used.
        """
        with self._store.lock:
            known = self._gateways.get(role)
            if known is None or known[0] is not spec:
                known = spec, Gateway(spec, self._secrets)
                self._gateways[role] = known
            return known[1]

    def secret_changed(self) -> None:
        """Discard the gateways; if no secret is missing any more, no longer show that problem."""
        with self._store.lock:
            self._gateways.clear()
            shown = self._store.state.problems.get("endpoint", ())
            if any(each.place == "authorization" for each in shown) and not self.problems():
                self._store.dispatch(ShowProblems("endpoint", ()))

    def forget_draft_keys(self) -> None:
        """Forget the keys that requests to the draft have claimed."""
        self._draft_inbox.clear()

    def problems(self) -> list[Problem]:
        """List what prevents the draft from being published."""
        with self._store.lock:
            try:
                self.gateway("draft", self._store.state.draft)
            except SecretError as error:
                return [Problem("authorization", str(error))]
        return []

    def claim(self, request: Request) -> tuple[Outcome, Candidate | Outcome]:
        """Judge a request and claim its key; return its outcome and what was judged.

        Raises
        ------
        Refusal
            If no spec answers at this moment, or its secrets are missing.
        """
        gateway, inbox = self._current()
        judged = gateway.judge(request)  # may fetch a JWKS, so without the lock
        outcome = inbox.outcome_of(judged)
        return outcome, judged

    def _current(self) -> tuple[Gateway, MemoryInbox]:
        with self._store.lock:
            state = self._store.state
            try:
                if state.published is not None:
                    return self.gateway("published", state.published), self._inbox
                if state.window is not None:
                    return self.gateway("draft", state.draft), self._draft_inbox
            except SecretError as error:
                # The wizard says which secret is missing; the sender must not learn it.
                self._store.dispatch(
                    ShowProblems("endpoint", (Problem("authorization", str(error)),))
                )
                raise InboxUnavailable(
                    "The endpoint is not ready.", headers=(("Retry-After", "60"),)
                ) from None
            self._store.dispatch(CountMissed())
            raise unknown_endpoint()

    def events(self) -> pd.DataFrame:
        """Show the events that the published version accepted, one row each."""
        columns = ["id", "version", "key", "triggers", "received_at_ms", "body"]
        rows = [
            [e.id, e.version, e.key, ", ".join(e.triggers), e.received_at_ms, e.body.decode()]
            for _, e in self._inbox.events(limit=MAX_EVENTS)
        ]
        return pd.DataFrame(rows, columns=pd.Index(columns), dtype=object)
