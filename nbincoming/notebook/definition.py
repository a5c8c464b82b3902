"""What an integration is defined to be: its draft, in code as in the wizard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbincoming.core.auth.schemes import Authorization, Scheme
from nbincoming.core.conditions.parsing import read_condition
from nbincoming.core.conditions.tree import Condition, Node
from nbincoming.core.request.reading import Limits
from nbincoming.core.request.values import Value
from nbincoming.core.spec.model import Spec
from nbincoming.errors import ConditionError, Problem, SecretError, SpecError
from nbincoming.notebook.session import Endpoint
from nbincoming.notebook.wizard.icons import icon_of
from nbincoming.notebook.wizard.state import (
    Card,
    Change,
    Fail,
    State,
)
from nbincoming.notebook.wizard.store import Store
from nbincoming.samples.samples import Samples
from nbincoming.secrets import SecretStore


class Definition:
    """The draft of an integration, and the secrets that it names."""

    store: Store
    secrets: SecretStore
    samples: Samples
    _endpoint: Endpoint
    _folder: Path

    @property
    def name(self) -> str:
        """The integration's name."""
        return self.state.draft.name

    @property
    def state(self) -> State:
        """What the wizard shows, at this moment."""
        return self.store.state

    @property
    def draft(self) -> Spec:
        """What is being defined."""
        return self.state.draft

    @property
    def spec(self) -> Spec | None:
        """The published version that the endpoint runs; None before the first."""
        return self.state.published

    @property
    def authorization(self) -> Authorization:
        """Who may call; set it to ``nbi.jwt(…)``, ``nbi.meta(…)`` and the like."""
        return self.state.draft.authorization

    @authorization.setter
    def authorization(self, authorization: Authorization) -> None:
        if not isinstance(authorization, Scheme):
            raise SpecError(
                [
                    Problem(
                        "authorization",
                        "Use nbi.no_authorization(), nbi.jwt(…), nbi.meta(…), nbi.hmac(…) or "
                        "nbi.standard_webhooks(…).",
                    )
                ]
            )
        self._change("endpoint", authorization=authorization.data())

    @property
    def icon(self) -> str:
        """What stands before the name: set it to an emoji, or to the path of an image."""
        return self.draft.icon

    @icon.setter
    def icon(self, icon: str | Path) -> None:
        self._change("endpoint", icon=icon_of(icon) if isinstance(icon, Path) else icon)

    @property
    def time_zone(self) -> str:
        """Where dates without an offset are, as an IANA name such as ``"Europe/Berlin"``."""
        return self.draft.time_zone

    @time_zone.setter
    def time_zone(self, name: str) -> None:
        self._change("conditions", time_zone=name)

    @property
    def limits(self) -> Limits:
        """How large a request may be; change it by :meth:`set_limits`."""
        return self.draft.limits

    def set_limits(
        self,
        *,
        max_body_bytes: int | None = None,
        max_depth: int | None = None,
        max_parameters: int | None = None,
    ) -> None:
        """Change how large a request may be; None leaves a limit as it is."""
        given = {
            "max_body_bytes": max_body_bytes,
            "max_depth": max_depth,
            "max_parameters": max_parameters,
        }
        with self.store.lock:
            limits = {name: value for name, value in given.items() if value is not None}
            self._change("endpoint", **limits)
            if self.listening:
                self._endpoint.mount()  # which has the limit of bodies

    def set_secret(self, name: str, value: str | bytes) -> None:
        """Give a secret's value for this session; it stays in memory.

        Parameters
        ----------
        name
            As the authorization names it, such as ``"env:COMPLAINTS_JWT_KEY"``.
        """
        self.secrets[name] = value
        with self.store.lock:
            self._endpoint.forget_gateways()
            shown = self.state.problems.get("endpoint", ())
            if any(problem.place == "authorization" for problem in shown) and not self.problems():
                self.store.dispatch(Fail("endpoint", ()))  # it was this secret that was missing
        self.store.poke()

    def deduplicate(
        self,
        *labels: str,
        window: str = "P7D",
        anchor: str = "last_request",
        claims: str = "every_request",
    ) -> None:
        """Choose which requests count as the same; without labels, none do.

        Parameters
        ----------
        *labels
            One to five parameters, such as ``"body.complaint.id"``.
        window
            ISO 8601 duration.
        anchor
            ``"last_request"`` or ``"first_accepted"``: what the window counts from.
        claims
            ``"every_request"`` or ``"triggered"``: which requests own their key.

        Raises
        ------
        SpecError
            With all that is wrong, and its place.
        """
        settings = None
        if labels:
            settings = {
                "parameters": [str(label) for label in labels],
                "window": window,
                "anchor": anchor,
                "claims": claims,
            }
        self._change("deduplication", deduplication=settings)

    def trigger(self, name: str, when: Condition | str) -> None:
        """Set the condition of a trigger, new or known.

        Parameters
        ----------
        name
            The trigger's name.
        when
            A condition, or its text, which
            :func:`~nbincoming.core.conditions.parsing.read_condition` reads.

        Raises
        ------
        SentenceError
            If the text is not a condition, with the place.

        Examples
        --------
        >>> inc.trigger("urgent", nbi.P.body.complaint.priority == "high")  # doctest: +SKIP
        >>> inc.trigger("urgent", 'body.complaint.priority equals "high"')  # doctest: +SKIP
        """
        if isinstance(when, str):
            when = read_condition(when)
        if not isinstance(when, Node):
            raise ConditionError(
                "A trigger needs a condition, such as P.body.complaint.priority == 'high', or its "
                "text."
            )
        with self.store.lock:
            triggers = [each.data() for each in self.draft.triggers]
            fresh: dict[str, Value] = {"name": name, "when": when.data()}
            names = [each["name"] for each in triggers]
            if name in names:
                triggers[names.index(name)] = fresh
            else:
                triggers.append(fresh)
            self._change("conditions", triggers=triggers)

    def remove_trigger(self, name: str) -> None:
        """Remove a trigger; one that is not there is no problem."""
        with self.store.lock:
            kept = [each.data() for each in self.draft.triggers if each.name != name]
            self._change("conditions", triggers=kept)

    @property
    def listening(self) -> bool:
        """Whether the endpoint can be reached."""
        return self._endpoint.listening

    def problems(self) -> list[Problem]:
        """List what stands in the way of publishing."""
        problems = []
        with self.store.lock:
            try:
                self._endpoint.gateway("draft", self.draft)
            except SecretError as error:
                problems.append(Problem("authorization", str(error)))
        return problems

    def _change(self, card: Card, **members: Any) -> None:
        """Change the draft; raise what is wrong, as code expects."""
        with self.store.lock:
            before = self.state
            problems = self.store.dispatch(Change(card, members, close=False)).problems.get(card)
            if problems:
                self.store.restore(before)  # code gets an exception instead
                raise SpecError(problems, source="The draft")
