"""One captured request, raw, with its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, assert_never

from nbincoming.core.events import ACCEPTED_LIMITS
from nbincoming.core.gateway import answer
from nbincoming.core.outcomes import (
    Accepted,
    Challenge,
    Duplicate,
    Filtered,
    Outcome,
    Rejected,
)
from nbincoming.core.request.headers import header_parameters
from nbincoming.core.request.message import Request
from nbincoming.core.request.parameters import Parameters
from nbincoming.core.request.reading import (
    DEFAULT_LIMITS,
    decode,
)
from nbincoming.core.request.values import Value
from nbincoming.errors import Refusal

#: The names of the outcomes, in the order of a legend.
OUTCOME_NAMES: Final = ("accepted", "duplicate", "filtered", "rejected", "challenge")


def outcome_name(outcome: Outcome) -> str:
    """Return an outcome's name, one of :data:`OUTCOME_NAMES`."""
    match outcome:
        case Accepted():
            return "accepted"
        case Duplicate():
            return "duplicate"
        case Filtered():
            return "filtered"
        case Rejected():
            return "rejected"
        case Challenge():
            return "challenge"
        case _:
            assert_never(outcome)


@dataclass(frozen=True)
class Sample:
    """One captured request.

    Attributes
    ----------
    number : int
        Its number among all samples of the integration, from 0.
    request : Request
        As it was received. It has credentials, so it is never written or shown.
    outcome : Outcome
        Its outcome when it was received.
    triggers : tuple of str
        Names of the triggers that matched.
    key : str or None
        Its deduplication key.
    version : int
        The version of the spec that judged it; 0 for the draft.
    """

    number: int
    request: Request
    outcome: Outcome
    triggers: tuple[str, ...] = ()
    key: str | None = None
    version: int = 0

    @property
    def outcome_name(self) -> str:
        """``accepted``, ``duplicate``, ``filtered``, ``rejected`` or ``challenge``."""
        return outcome_name(self.outcome)

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return answer(self.outcome).status

    @property
    def reason(self) -> str:
        """Why it was refused; empty if it was not."""
        return self.outcome.refusal.detail if isinstance(self.outcome, Rejected) else ""

    @property
    def judged(self) -> bool:
        """Whether it was judged: neither refused nor a handshake."""
        return not isinstance(self.outcome, Rejected | Challenge)

    @cached_property
    def parameters(self) -> Parameters | None:
        """Its parameters; None if its body is not JSON."""
        # A request that was not refused is within the limits of its spec, which may be wider
        # than the default.
        limits = DEFAULT_LIMITS if isinstance(self.outcome, Rejected) else ACCEPTED_LIMITS
        try:
            body = decode(self.request.body, limits=limits)
        except Refusal:
            return None
        return Parameters(body, header_parameters(self.request.headers))

    def flat(self) -> dict[str, Value]:
        """Return parameters by label, credentials masked; only headers if the body is not JSON."""
        if self.parameters is not None:
            return self.parameters.flat()
        flat = Parameters({}, header_parameters(self.request.headers)).flat()
        del flat["body"]
        return flat
