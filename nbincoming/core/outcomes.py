"""Results of judging a request: candidates for the inbox, and outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from nbincoming.core.deduplication import Anchor
from nbincoming.core.request.headers import header_parameters
from nbincoming.core.request.message import Request
from nbincoming.core.request.parameters import Parameters
from nbincoming.core.request.values import Value
from nbincoming.errors import Refusal


# Claim, Candidate and Accepted are made for every request. Frozen dataclasses would take four
# times as long.
class Claim(NamedTuple):
    """A deduplication key to claim, and its window.

    Attributes
    ----------
    space : str
        Name of the set of keys to which the key belongs.
    key : str
        SHA-256 in hexadecimal.
    window_ms : int
        How long after its anchor the key makes a request a duplicate, in milliseconds.
    anchor : str
        The start of the window; see :class:`~nbincoming.core.deduplication.Deduplication`.
    """

    space: str
    key: str
    window_ms: int
    anchor: Anchor


class Candidate(NamedTuple):
    """A request that passed all checks, before the inbox says whether it is a duplicate.

    Attributes
    ----------
    integration : str
        The endpoint's UUID.
    version : int
        Version of the spec that judged it; 0 for a draft.
    request : Request
        The request as it arrived.
    body : Value
        Its decoded body.
    key : str or None
        Its key; None where nothing is deduplicated or all chosen parameters are missing.
    claim : Claim or None
        What the inbox must claim; None if this request claims no key.
    triggers : tuple of str
        Names of the triggers that are true.
    wanted : bool
        Whether it becomes an event: a trigger is true, or the spec has no triggers.
    """

    integration: str
    version: int
    request: Request
    body: Value
    key: str | None
    claim: Claim | None
    triggers: tuple[str, ...]
    wanted: bool

    @property
    def parameters(self) -> Parameters:
        """The body and the headers. Few specs read headers, so they are decoded only here."""
        return Parameters(self.body, header_parameters(self.request.headers))


@dataclass(frozen=True, slots=True)
class Challenge:
    """The handshake is valid. The response repeats its challenge, `text`."""

    text: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The request is refused."""

    refusal: Refusal


class Accepted(NamedTuple):
    """The request became an event.

    Attributes
    ----------
    event_id : str or None
        The event's id; None if the inbox keeps no events.
    """

    event_id: str | None
    triggers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The request's key was claimed before, within its window.

    Attributes
    ----------
    first_ms : int
        When the key was first claimed.
    anchor_ms : int
        The start of the window for this request.
    """

    first_ms: int
    anchor_ms: int


@dataclass(frozen=True, slots=True)
class Filtered:
    """No trigger is true, so the request becomes no event."""


#: The outcome of a claim.
Claimed: TypeAlias = Accepted | Duplicate | Filtered

#: The outcome of a request.
Outcome: TypeAlias = Claimed | Challenge | Rejected
