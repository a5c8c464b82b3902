"""The state of an integration, which the wizard and the code share. Actions change it.

This module is pure: it has no widget, listener, clock or file. A callback or a method passes an
action to :func:`update`. Effects, such as opening a window or writing a file, happen elsewhere in
:mod:`nbincoming.notebook` and are reported as actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, assert_never, get_args

from nbincoming.core.auth.provider_scheme import ProviderScheme
from nbincoming.core.auth.scheme_fields import Scheme
from nbincoming.core.auth.schemes import Basic, HeaderToken, Jwt, NoAuthorization
from nbincoming.core.auth.signature_schemes import Meta
from nbincoming.core.moments import duration_ms
from nbincoming.core.spec.difference import differences
from nbincoming.core.spec.model import Spec, spec_from_data
from nbincoming.errors import Problem, SpecError, counted

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

#: The members of a spec that each card changes.
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


#: For how many reasons refused requests are shown, so that a port scan cannot flood the screen.
MAX_REASONS: Final = 5


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which the draft answers and requests are captured.

    Attributes
    ----------
    opened_ms, ends_ms : int
        Milliseconds since the epoch, UTC.
    first : int
        Number of the first sample that can be captured in it.
    wanted : int or None
        It closes after this many requests that were not refused; None for no early end.
    """

    opened_ms: int
    ends_ms: int
    first: int
    wanted: int | None = None


@dataclass(frozen=True, slots=True)
class RefusedRequests:
    """Requests that became no sample for one reason: refused before they were judged, or failed.

    Attributes
    ----------
    what : str
        What became of them, such as ``"refused with 431"``.
    reason : str
        Why.
    count : int
        How many came since the last window opened.
    last_ms : int
        When the last one came, in milliseconds since the epoch, UTC.
    past : bool
        Whether a request was taken after the last one.
    """

    what: str
    reason: str
    count: int
    last_ms: int
    past: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Everything about an integration except its samples.

    Attributes
    ----------
    draft : Spec
        The draft; version 0.
    published : Spec or None
        The version that the endpoint serves.
    published_path : str
        The path of its file.
    window : Window or None
        Set while the draft retrieves data.
    open_card : str or None
        The card whose form is open.
    problems : mapping
        The problems that each card shows.
    notice : str
        The last event about requests, in a sentence.
    written : str
        The last file that was written, in a sentence.
    public_base : str
        The start of the endpoint's public URL, such as a tunnel's.
    missed : int
        Number of requests that arrived while the draft answered 404.
    refused : tuple of RefusedRequests
        One for each reason, at most :data:`MAX_REASONS`; the latest is last.
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
    refused: tuple[RefusedRequests, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the draft differs in meaning from the published version."""
        return self.published is None or bool(differences(self.published, self.draft))


# --- actions ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Define:
    """Open a card's form, and close the others."""

    card: Card


@dataclass(frozen=True, slots=True)
class Close:
    """Close the open card and discard its form."""


@dataclass(frozen=True, slots=True)
class SetMembers:
    """Set members of the draft, in their JSON form.

    Attributes
    ----------
    close : bool
        Whether the card's form closes if that succeeds.
    """

    card: Card
    members: Mapping[str, Any]
    close: bool = True


@dataclass(frozen=True, slots=True)
class ShowProblems:
    """Show problems in a card."""

    card: Card
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """The draft retrieves data from now on."""

    window: Window


@dataclass(frozen=True, slots=True)
class CloseWindow:
    """The draft no longer retrieves data."""

    notice: str


@dataclass(frozen=True, slots=True)
class NoteImport:
    """Requests were imported."""

    notice: str


@dataclass(frozen=True, slots=True)
class SetPublicBase:
    """Set the start of the endpoint's public URL; empty for none."""

    public_base: str


@dataclass(frozen=True, slots=True)
class CountMissed:
    """A request arrived while the draft was not retrieving data."""


@dataclass(frozen=True, slots=True)
class NoteRefused:
    """A request was refused before it was judged, or failed."""

    what: str
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class NoteTaken:
    """A request was captured and not refused, so earlier refusals are past."""


@dataclass(frozen=True, slots=True)
class NoteSaved:
    """The draft was saved."""

    path: str


@dataclass(frozen=True, slots=True)
class NotePublished:
    """A version was published and is served from now on."""

    spec: Spec
    path: str


Action: TypeAlias = (
    Define
    | Close
    | SetMembers
    | ShowProblems
    | OpenWindow
    | CloseWindow
    | NoteImport
    | SetPublicBase
    | CountMissed
    | NoteRefused
    | NoteTaken
    | NoteSaved
    | NotePublished
)


def update(state: State, action: Action) -> State:
    """Return the state after an action.

    Nothing is raised: problems become part of the state.
    """
    match action:
        case Define(card=card):
            return replace(state, open_card=card, problems=_without(state, card))
        case Close():
            if state.open_card is None:
                return state
            return replace(state, open_card=None, problems=_without(state, state.open_card))
        case SetMembers():
            return _change(state, action)
        case ShowProblems(card=card, problems=problems):
            return replace(
                state, problems=MappingProxyType({**_without(state, card), card: problems})
            )
        case OpenWindow(window=window):
            return replace(
                state,
                window=window,
                notice="",
                missed=0,
                refused=(),
                problems=_without(state, "incoming"),
            )
        case CloseWindow(notice=notice):
            return replace(state, window=None, notice=notice)
        case NoteImport(notice=notice):
            return replace(state, notice=notice, problems=_without(state, "incoming"))
        case SetPublicBase(public_base=public_base):
            return replace(state, public_base=public_base)
        case CountMissed():
            return replace(state, missed=state.missed + 1)
        case NoteRefused():
            return replace(state, refused=_with_refused(state, action))
        case NoteTaken():
            return replace(state, refused=tuple(replace(each, past=True) for each in state.refused))
        case NoteSaved(path=path):
            return replace(
                state, written=f"Saved as a draft: {path}", problems=_without(state, "publish")
            )
        case NotePublished(spec=spec, path=path):
            return replace(
                state,
                published=spec,
                published_path=path,
                written=f"Published version {spec.version}: {path}",
                problems=_without(state, "publish"),
                window=None,  # from now on the version answers, not the draft
                missed=0,
            )
        case _:
            assert_never(action)


def _change(state: State, action: SetMembers) -> State:
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


def _with_refused(state: State, action: NoteRefused) -> tuple[RefusedRequests, ...]:
    others = [
        each for each in state.refused if (each.what, each.reason) != (action.what, action.reason)
    ]
    before = sum(each.count for each in state.refused if each not in others)
    last = RefusedRequests(action.what, action.reason, before + 1, action.at_ms)
    return (*others, last)[-MAX_REASONS:]


def _without(state: State, card: Card) -> Mapping[Card, tuple[Problem, ...]]:
    return MappingProxyType({name: found for name, found in state.problems.items() if name != card})


def card_of(problem: Problem) -> Card | None:
    """Return the card on which a problem can be solved."""
    member = problem.place.partition(".")[0].partition("[")[0]
    return next((card for card in CARDS if member in MEMBERS[card]), None)


# --- progress -----------------------------------------------------------------------------


def is_done(state: State, card: Card, *, samples: int) -> bool:
    """Tell whether a card has been defined, or has data."""
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
    """Return the card to define next: requests first, because they make the other cards easier.

    The endpoint's card is never the next one, because authorization is optional.
    """
    rest = (card for card in CARDS if card != "endpoint")
    return next((card for card in rest if not is_done(state, card, samples=samples)), None)


# --- texts -----------------------------------------------------------------------------


def badge(state: State) -> str:
    """Return the endpoint's state in a word or two."""
    if state.window is not None:
        return "Retrieving data"
    if state.published is not None:
        return f"Published v{state.published.version}"
    return "Draft"


def summary(state: State, card: Card, *, samples: int = 0, parameters: int = 0) -> str:
    """Return the line below a card's title."""
    draft = state.draft
    match card:
        case "endpoint":
            return authorization_words(draft.authorization)
        case "incoming":
            if not samples:
                return "No requests yet"
            return f"{counted(samples, 'request')}, {parameters:,} parameters"
        case "deduplication":
            if draft.deduplication is None:
                return "Off: every request counts"
            settings = draft.deduplication
            return f"{', '.join(settings.parameters)} within {duration_words(settings.window)}"
        case "conditions":
            if not draft.triggers:
                return "None: every request becomes an event"
            return "; ".join(f"{each.name}: {each.when.describe()}" for each in draft.triggers)
        case "publish":
            if state.published is None:
                return "Not published yet"
            changes = ", the draft has changes" if state.changed else ""
            return f"Version {state.published.version} is served{changes}"


def duration_words(text: str) -> str:
    """Write an ISO 8601 duration in words: ``7 days``, ``1 hour 30 minutes``."""
    left_s, parts = duration_ms(text) // 1000, []
    for unit, unit_s in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, left_s = divmod(left_s, unit_s)
        if count:
            parts.append(counted(count, unit))
    return " ".join(parts)


def authorization_words(authorization: Scheme) -> str:
    """Return the name of a scheme, as on the platform."""
    match authorization:
        case NoAuthorization():
            return "Without authorization"
        case Jwt(algorithm=algorithm):
            return f"JWT authorization ({algorithm})"
        case Meta():
            return "Webhook from Meta (X-Hub-Signature-256)"
        case HeaderToken(header=header):
            return f"Token in {header}"
        case Basic():
            return "User and password (Basic)"
        case ProviderScheme(row=row):
            return f"Webhook from {row.title}"
        case _:
            return f"{authorization.model_dump()['scheme']} signature"
