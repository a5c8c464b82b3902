"""What the wizard and the code both show and change: one state, changed by actions.

Pure: no widget, listener, clock or file. A callback or a method hands an action to
:func:`update`; effects (opening a window, writing a file) happen in
:mod:`nbincoming.notebook.integration`, which reports them back as actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, assert_never, get_args

from nbincoming.core.auth.schemes import Jwt, Meta, NoAuthorization, Scheme
from nbincoming.core.moments import duration_ms
from nbincoming.core.spec.difference import differences
from nbincoming.core.spec.model import Spec, spec_from_data
from nbincoming.errors import Problem, SpecError

#: The cards of the wizard, in order.
Card = Literal["endpoint", "incoming", "deduplication", "conditions", "publish"]
CARDS: Final[tuple[Card, ...]] = get_args(Card)

TITLES: Final[Mapping[Card, str]] = MappingProxyType(
    {
        "endpoint": "Endpoint",
        "incoming": "Incoming data",
        "deduplication": "Deduplication hash generator",
        "conditions": "Conditions",
        "publish": "Publish",
    }
)

#: Which members of a spec each card changes.
MEMBERS: Final[Mapping[Card, tuple[str, ...]]] = MappingProxyType(
    {
        "endpoint": (
            "name",
            "icon",
            "endpoint",
            "authorization",
            "max_body_bytes",
            "max_depth",
            "max_parameters",
        ),
        "incoming": (),
        "deduplication": ("deduplication",),
        "conditions": ("triggers", "time_zone"),
        "publish": (),
    }
)


@dataclass(frozen=True, slots=True)
class Window:
    """A window in which the draft answers and requests are captured.

    Attributes
    ----------
    opened_ms, ends_ms : int
        Milliseconds since the epoch, UTC.
    first : int
        Number of the first sample that can fall into it.
    wanted : int or None
        It closes after so many requests that were not refused; None keeps it open.
    """

    opened_ms: int
    ends_ms: int
    first: int
    wanted: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Everything about an integration but its samples.

    Attributes
    ----------
    draft : Spec
        What is being defined; version 0.
    published : Spec or None
        What the endpoint runs.
    published_path : str
        Where that was written.
    window : Window or None
        Set while the draft retrieves data.
    open_card : str or None
        The card whose form is open.
    problems : mapping
        By card; shown where they arose.
    notice : str
        What happened to the requests last, in a sentence.
    written : str
        What was written last, in a sentence.
    public_base : str
        Where the endpoint's path is reached from outside, such as a tunnel's address.
    missed : int
        Requests that came while nothing was published or retrieved.
    """

    draft: Spec
    published: Spec | None = None
    published_path: str = ""
    window: Window | None = None
    open_card: Card | None = None
    problems: Mapping[Card, tuple[Problem, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    notice: str = ""
    written: str = ""
    public_base: str = ""
    missed: int = 0

    @property
    def changed(self) -> bool:
        """Whether the draft means something else than what is published."""
        return self.published is None or bool(differences(self.published, self.draft))


# --- actions ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Define:
    """Open a card's form, and close the others."""

    card: Card


@dataclass(frozen=True, slots=True)
class Close:
    """Close the open card without a change."""


@dataclass(frozen=True, slots=True)
class Change:
    """Set members of the draft, in their JSON form.

    Attributes
    ----------
    close : bool
        Whether the card's form closes when that succeeds.
    """

    card: Card
    members: Mapping[str, Any]
    close: bool = True


@dataclass(frozen=True, slots=True)
class Fail:
    """Show problems in a card."""

    card: Card
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """Data is being retrieved from now on."""

    window: Window


@dataclass(frozen=True, slots=True)
class CloseWindow:
    """Data is not being retrieved any more."""

    notice: str


@dataclass(frozen=True, slots=True)
class Imported:
    """Requests were read from elsewhere."""

    notice: str


@dataclass(frozen=True, slots=True)
class Reach:
    """The endpoint is reached from outside at this address; empty where it is not."""

    public_base: str


@dataclass(frozen=True, slots=True)
class Miss:
    """A request came that nobody waited for."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The draft was written."""

    path: str


@dataclass(frozen=True, slots=True)
class Published:
    """A version was written and is served from now on."""

    spec: Spec
    path: str


Action: TypeAlias = (
    Define
    | Close
    | Change
    | Fail
    | OpenWindow
    | CloseWindow
    | Imported
    | Reach
    | Miss
    | Saved
    | Published
)


def update(state: State, action: Action) -> State:
    """Return the state after an action.

    Problems are part of the state: nothing is raised.
    """
    match action:
        case Define(card=card):
            return replace(state, open_card=card, problems=_without(state, card))
        case Close():
            if state.open_card is None:
                return state
            return replace(state, open_card=None, problems=_without(state, state.open_card))
        case Change():
            return _change(state, action)
        case Fail(card=card, problems=problems):
            return replace(
                state, problems=MappingProxyType({**_without(state, card), card: problems})
            )
        case OpenWindow(window=window):
            return replace(
                state, window=window, notice="", missed=0, problems=_without(state, "incoming")
            )
        case CloseWindow(notice=notice):
            return replace(state, window=None, notice=notice)
        case Imported(notice=notice):
            return replace(state, notice=notice, problems=_without(state, "incoming"))
        case Reach(public_base=public_base):
            return replace(state, public_base=public_base)
        case Miss():
            return replace(state, missed=state.missed + 1)
        case Saved(path=path):
            return replace(
                state, written=f"Saved as a draft: {path}", problems=_without(state, "publish")
            )
        case Published(spec=spec, path=path):
            return replace(
                state,
                published=spec,
                published_path=path,
                written=f"Published version {spec.version}: {path}",
                problems=_without(state, "publish"),
                window=None,  # the version answers from now on, the draft no more
                missed=0,
            )
        case _:
            assert_never(action)


def _change(state: State, action: Change) -> State:
    try:
        draft = spec_from_data({**state.draft.data(), **action.members}, source="The draft")
    except SpecError as error:
        problems = MappingProxyType(
            {**_without(state, action.card), action.card: tuple(error.problems)}
        )
        return replace(state, problems=problems)
    closes = action.close and state.open_card == action.card
    return replace(
        state,
        draft=draft,
        open_card=None if closes else state.open_card,
        problems=_without(state, action.card),
    )


def _without(state: State, card: Card) -> Mapping[Card, tuple[Problem, ...]]:
    return MappingProxyType({name: found for name, found in state.problems.items() if name != card})


def card_of(problem: Problem) -> Card | None:
    """Find the card on which a problem can be mended."""
    member = problem.place.partition(".")[0].partition("[")[0]
    return next((card for card in CARDS if member in MEMBERS[card]), None)


# --- the way through ---------------------------------------------------------------------


def is_done(state: State, card: Card, *, samples: int) -> bool:
    """Tell whether a card holds something that somebody decided on, or that arrived."""
    match card:
        case "endpoint":
            return not isinstance(state.draft.authorization, NoAuthorization)
        case "incoming":
            return samples > 0
        case "deduplication":
            return state.draft.deduplication is not None
        case "conditions":
            return bool(state.draft.triggers)
        case "publish":
            return not state.changed


def next_card(state: State, *, samples: int) -> Card | None:
    """Say which card to go on with: requests first, since all the rest is easier with some.

    Authorization is never the next one: a sender may well come without.
    """
    rest = (card for card in CARDS if card != "endpoint")
    return next((card for card in rest if not is_done(state, card, samples=samples)), None)


# --- words -----------------------------------------------------------------------------


def badge(state: State) -> str:
    """Say in a word or two what the endpoint does."""
    if state.window is not None:
        return "Retrieving data"
    if state.published is not None:
        return f"Published v{state.published.version}"
    return "Draft"


def summary(state: State, card: Card, *, samples: int = 0, parameters: int = 0) -> str:
    """Say in one line what a closed card holds."""
    draft = state.draft
    match card:
        case "endpoint":
            return authorization_words(draft.authorization)
        case "incoming":
            if not samples:
                return "No requests yet"
            requests = "1 request" if samples == 1 else f"{samples:,} requests"
            return f"{requests}, {parameters:,} parameters"
        case "deduplication":
            if draft.deduplication is None:
                return "Off: every request counts"
            settings = draft.deduplication
            return f"{', '.join(settings.parameters)} within {duration_words(settings.window)}"
        case "conditions":
            if not draft.triggers:
                return "None: every request triggers"
            return "; ".join(f"{each.name}: {each.when.describe()}" for each in draft.triggers)
        case "publish":
            if state.published is None:
                return "Not published yet"
            changes = ", the draft has changes" if state.changed else ""
            return f"Version {state.published.version} is served{changes}"


def duration_words(text: str) -> str:
    """Write an ISO 8601 duration as people say it: ``7 days``, ``1 hour 30 minutes``."""
    left_s, parts = duration_ms(text) // 1000, []
    for unit, unit_s in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, left_s = divmod(left_s, unit_s)
        if count:
            parts.append(f"{count:,} {unit}" + ("" if count == 1 else "s"))
    return " ".join(parts)


def authorization_words(authorization: Scheme) -> str:
    """Name a scheme as the platform does."""
    match authorization:
        case NoAuthorization():
            return "Without authorization"
        case Jwt(algorithm=algorithm):
            return f"JWT authorization ({algorithm})"
        case Meta():
            return "Webhook from Meta (X-Hub-Signature-256)"
        case _:
            return f"{authorization.model_dump()['scheme']} signature"
