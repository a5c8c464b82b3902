"""Changes to the draft of an integration, made by code instead of the wizard."""

from __future__ import annotations

from typing import Any

from nbincoming.core.auth.scheme_fields import Scheme
from nbincoming.core.auth.schemes import Authorization
from nbincoming.core.conditions.parsing import read_condition
from nbincoming.core.conditions.tree import Condition, Node
from nbincoming.core.request.values import Value
from nbincoming.core.spec.model import Spec
from nbincoming.errors import ConditionError, Problem, SpecError
from nbincoming.notebook.wizard.state import Card, SetMembers
from nbincoming.notebook.wizard.store import Store


class DraftEditor:
    """Changes the draft in a store.

    A change that makes the draft invalid raises :class:`SpecError` with every problem and
    leaves the draft as it was.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def _draft(self) -> Spec:
        return self._store.state.draft

    def change(self, card: Card, **members: Any) -> None:
        """Set members of the draft, in their JSON form.

        Parameters
        ----------
        card
            The card that shows these members.
        """
        with self._store.lock:
            before = self._store.state
            after = self._store.dispatch(SetMembers(card, members, close=False))
            problems = after.problems.get(card)
            if problems:
                self._store.restore(before)  # code gets an exception, the wizard shows nothing
                raise SpecError(problems, source="The draft")

    def authorize(self, authorization: Authorization) -> None:
        """Set who may call the endpoint."""
        if not isinstance(authorization, Scheme):
            message = (
                "Use nbi.no_authorization(), nbi.jwt(…), nbi.provider(…), nbi.meta(…), "
                "nbi.hmac(…), nbi.standard_webhooks(…), nbi.header(…) or nbi.basic(…)."
            )
            raise SpecError([Problem("authorization", message)])
        self.change("endpoint", authorization=authorization.data())

    def set_limits(self, **limits: int | None) -> None:
        """Set the limits that are not None."""
        given = {name: value for name, value in limits.items() if value is not None}
        self.change("endpoint", **given)

    def deduplicate(self, *labels: str, window: str, anchor: str, claims: str) -> None:
        """Set the parameters of the deduplication key; without labels, turn it off."""
        settings = {
            "parameters": [str(label) for label in labels],
            "window": window,
            "anchor": anchor,
            "claims": claims,
        }
        self.change("deduplication", deduplication=settings if labels else None)

    def set_trigger(self, name: str, when: Condition | str) -> None:
        """Replace the trigger of this name, or add it at the end."""
        if isinstance(when, str):
            when = read_condition(when)
        if not isinstance(when, Node):
            raise ConditionError(
                "A trigger needs a condition, such as P.body.complaint.priority == 'high', or its "
                "text."
            )
        with self._store.lock:
            triggers = [each.data() for each in self._draft.triggers]
            new: dict[str, Value] = {"name": name, "when": when.data()}
            names = [each["name"] for each in triggers]
            if name in names:
                triggers[names.index(name)] = new
            else:
                triggers.append(new)
            self.change("conditions", triggers=triggers)

    def remove_trigger(self, name: str) -> None:
        """Remove the trigger of this name, if there is one."""
        with self._store.lock:
            kept = [each.data() for each in self._draft.triggers if each.name != name]
            self.change("conditions", triggers=kept)
