"""The wizard's state: what each action makes of it, and that none fails."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.schemes import (
    Authorization,
    hmac_signature,
    jwt,
    meta,
    no_authorization,
    standard_webhooks,
)
from nbincoming.core.spec.model import Spec, spec_from_data
from nbincoming.errors import Problem
from nbincoming.notebook.wizard.state import (
    CARDS,
    MAX_REASONS,
    MEMBERS,
    TITLES,
    Action,
    Card,
    Close,
    CloseWindow,
    CountMissed,
    Define,
    NoteImport,
    NotePublished,
    NoteRefused,
    NoteSaved,
    NoteTaken,
    OpenWindow,
    RefusedRequests,
    SetMembers,
    SetPublicBase,
    ShowProblems,
    State,
    Window,
    authorization_words,
    badge,
    card_of,
    duration_words,
    next_card,
    summary,
    update,
)
from tests.core.strategies import json_values, spec_data

ENDPOINT = "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d"
WINDOW = Window(opened_ms=1_000, ends_ms=91_000, first=3)
PROBLEM = Problem("authorization", "It is not there.")
BY_ID = {"deduplication": {"parameters": ["body.id"]}}
URGENT = {
    "triggers": [
        {"name": "urgent", "when": {"parameter": "body.p", "operator": "equals", "value": "high"}}
    ]
}


def draft(**members: Any) -> Spec:
    """Make a draft."""
    return spec_from_data({"name": "complaints", "endpoint": ENDPOINT, **members})


def state(**members: Any) -> State:
    """Make a state."""
    return State(**{"draft": draft(), **members})


def failed(**problems: Problem) -> MappingProxyType[str, tuple[Problem, ...]]:
    """Write problems by card."""
    return MappingProxyType({card: (problem,) for card, problem in problems.items()})


def refused(what: str = "refused with 400", **members: Any) -> RefusedRequests:
    """Make refused requests."""
    return RefusedRequests(**{"what": what, "reason": "Old.", "count": 2, "last_ms": 5, **members})


V1 = draft().sealed(version=1)

#: Before, the action, and what it changes.
TRANSITIONS: dict[str, tuple[State, Action, dict[str, Any]]] = {
    "a card opens": (state(), Define("endpoint"), {"open_card": "endpoint"}),
    "a card opens and the other closes": (
        state(open_card="publish"),
        Define("endpoint"),
        {"open_card": "endpoint"},
    ),
    "opening a card forgets its problems": (
        state(problems=failed(endpoint=PROBLEM, publish=PROBLEM)),
        Define("endpoint"),
        {"open_card": "endpoint", "problems": failed(publish=PROBLEM)},
    ),
    "a card closes": (state(open_card="publish"), Close(), {"open_card": None}),
    "closing a card forgets its problems": (
        state(open_card="publish", problems=failed(endpoint=PROBLEM, publish=PROBLEM)),
        Close(),
        {"open_card": None, "problems": failed(endpoint=PROBLEM)},
    ),
    "closing nothing changes nothing": (
        state(problems=failed(endpoint=PROBLEM)), Close(), {},
    ),
    "a change is made and its card closes": (
        state(open_card="deduplication"),
        SetMembers("deduplication", BY_ID),
        {"draft": draft(**BY_ID), "open_card": None},
    ),
    "a change by code leaves the card open": (
        state(open_card="deduplication"),
        SetMembers("deduplication", BY_ID, close=False),
        {"draft": draft(**BY_ID)},
    ),
    "a change of one card leaves another open": (
        state(open_card="endpoint"),
        SetMembers("deduplication", BY_ID),
        {"draft": draft(**BY_ID)},
    ),
    "a good change forgets the card's problems": (
        state(problems=failed(deduplication=PROBLEM, publish=PROBLEM)),
        SetMembers("deduplication", BY_ID),
        {"draft": draft(**BY_ID), "problems": failed(publish=PROBLEM)},
    ),
    "a change of nothing still closes the card": (
        state(open_card="incoming"), SetMembers("incoming", {}), {"open_card": None},
    ),
    "a bad change shows its problem and changes nothing": (
        state(open_card="deduplication"),
        SetMembers("deduplication", {"deduplication": {"parameters": []}}),
        {
            "problems": failed(
                deduplication=Problem(
                    "deduplication.parameters",
                    "Choose one parameter or more, or leave deduplication out.",
                )
            )
        },
    ),
    "a failure shows in its card": (
        state(problems=failed(endpoint=PROBLEM)),
        ShowProblems("publish", (PROBLEM,)),
        {"problems": failed(endpoint=PROBLEM, publish=PROBLEM)},
    ),
    "a failure replaces the one before": (
        state(problems=failed(publish=Problem("", "Old."))),
        ShowProblems("publish", (PROBLEM,)),
        {"problems": failed(publish=PROBLEM)},
    ),
    "a window opens": (
        state(notice="Old.", missed=4, problems=failed(incoming=PROBLEM), refused=(refused(),)),
        OpenWindow(WINDOW),
        {"window": WINDOW, "notice": "", "missed": 0, "problems": failed(), "refused": ()},
    ),
    "a window closes": (
        state(window=WINDOW), CloseWindow("None came."), {"window": None, "notice": "None came."},
    ),
    "requests are imported": (
        state(problems=failed(incoming=PROBLEM)),
        NoteImport("2 requests imported."),
        {"notice": "2 requests imported.", "problems": failed()},
    ),
    "an address from outside is noted": (
        state(), SetPublicBase("https://x.example"), {"public_base": "https://x.example"},
    ),
    "a missed request is counted": (state(missed=1), CountMissed(), {"missed": 2}),
    "a request is refused": (
        state(refused=(refused(),)),
        NoteRefused("refused with 400", "New.", 9),
        {"refused": (refused(), refused(reason="New.", count=1, last_ms=9))},
    ),
    "refused requests are counted by their reasons": (
        state(refused=(refused(past=True), refused("cut off"))),
        NoteRefused("refused with 400", "Old.", 9),
        {"refused": (refused("cut off"), refused(count=3, last_ms=9))},
    ),
    "refused requests of many reasons push out the oldest": (
        state(refused=tuple(refused(reason=f"{number}.") for number in range(MAX_REASONS))),
        NoteRefused("refused with 400", "Old.", 9),
        {
            "refused": (
                *(refused(reason=f"{number}.") for number in range(1, MAX_REASONS)),
                refused(count=1, last_ms=9),
            )
        },
    ),
    "a request that is taken puts the refused ones behind": (
        state(refused=(refused("cut off", past=True), refused())),
        NoteTaken(),
        {"refused": (refused("cut off", past=True), refused(past=True))},
    ),
    "a draft is saved": (
        state(problems=failed(publish=PROBLEM)),
        NoteSaved("drafts/x"),
        {"written": "Saved as a draft: drafts/x", "problems": failed()},
    ),
    "a version is published": (
        state(missed=3, problems=failed(publish=PROBLEM)),
        NotePublished(V1, "published/x"),
        {
            "published": V1,
            "published_path": "published/x",
            "written": "Published version 1: published/x",
            "missed": 0,
            "problems": failed(),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "action", "changes"), TRANSITIONS.values(), ids=list(TRANSITIONS)
)
def test_transitions(before: State, action: Action, changes: dict[str, Any]) -> None:
    """Each action changes what the table says and nothing else."""
    after = update(before, action)
    members = {name: getattr(before, name) for name in State.__slots__}
    assert after == State(**{**members, **changes})


def test_every_action_is_in_the_table() -> None:
    """No action is without a transition that says what it does."""
    assert {type(action) for _, action, _ in TRANSITIONS.values()} == set(get_args(Action))


# --- no action fails -----------------------------------------------------------------

cards = st.sampled_from(CARDS)
problems = st.lists(st.builds(Problem, st.text(max_size=5), st.text(max_size=5)), max_size=2).map(
    tuple
)
specs = spec_data.map(spec_from_data)
windows = st.builds(
    Window, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.none() | st.integers(1, 3)
)
members = st.dictionaries(
    st.sampled_from([name for names in MEMBERS.values() for name in names]) | st.text(max_size=5),
    json_values,
    max_size=3,
) | spec_data.map(lambda data: {name: data[name] for name in list(data)[:3]})

actions: st.SearchStrategy[Action] = st.one_of(
    st.builds(Define, cards),
    st.just(Close()),
    st.builds(SetMembers, cards, members, st.booleans()),
    st.builds(ShowProblems, cards, problems),
    st.builds(OpenWindow, windows),
    st.builds(CloseWindow, st.text(max_size=5)),
    st.just(CountMissed()),
    st.builds(NoteRefused, st.text(max_size=2), st.text(max_size=5), st.integers(0, 9)),
    st.just(NoteTaken()),
    st.builds(NoteSaved, st.text(max_size=5)),
    st.builds(NotePublished, specs, st.text(max_size=5)),
)
states = st.builds(
    State,
    draft=specs,
    published=st.none() | specs,
    window=st.none() | windows,
    open_card=st.none() | cards,
    problems=st.dictionaries(cards, problems, max_size=2).map(MappingProxyType),
    missed=st.integers(0, 3),
)


@given(before=states, action=actions)
def test_no_action_fails(before: State, action: Action) -> None:
    """Whatever the state and the action, there is a state after it that has its words."""
    after = update(before, action)
    assert isinstance(after, State)
    assert badge(after)
    assert isinstance(after.changed, bool)
    for card in CARDS:
        assert summary(after, card, samples=2, parameters=9)


@given(before=states, action=st.builds(SetMembers, cards, members))
def test_a_draft_is_always_valid(before: State, action: SetMembers) -> None:
    """A change is made whole or not at all, and in the latter case it says why."""
    after = update(before, action)
    assert spec_from_data(after.draft.data()) == after.draft
    if after.problems.get(action.card):
        assert after.draft == before.draft
        assert after.open_card == before.open_card


# --- words -----------------------------------------------------------------------------


def test_every_card_has_a_title() -> None:
    """Titles, members and order speak of the same cards."""
    assert set(TITLES) == set(MEMBERS) == set(CARDS)


def test_every_member_belongs_to_one_card() -> None:
    """A problem at a member is mended on one card."""
    names = [name for names in MEMBERS.values() for name in names]
    assert len(names) == len(set(names))
    assert set(names) <= set(Spec.model_fields)


@pytest.mark.parametrize(
    ("place", "card"),
    [
        ("authorization", "endpoint"),
        ("authorization.secrets[0]", "endpoint"),
        ("triggers[0].when.all[1].parameter", "conditions"),
        ("deduplication.window", "deduplication"),
        ("", None),
        ("examples[0]", None),
        ("author", None),
    ],
)
def test_a_problem_is_found_on_its_card(place: str, card: Card | None) -> None:
    """By the member that its place starts with."""
    assert card_of(Problem(place, "x")) == card


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (state(), "Draft"),
        (state(published=V1), "Published v1"),
        (state(window=WINDOW), "Retrieving data"),
        (state(published=V1, window=WINDOW), "Retrieving data"),
    ],
)
def test_the_badge(before: State, words: str) -> None:
    """One or two words say what the endpoint does at this moment."""
    assert badge(before) == words


@pytest.mark.parametrize(
    ("before", "card", "words"),
    [
        (state(), "endpoint", "Without authorization"),
        (state(), "incoming", "No requests yet"),
        (state(), "deduplication", "Off: every request counts"),
        (state(draft=draft(**BY_ID)), "deduplication", "body.id within 7 days"),
        (state(), "conditions", "None: every request becomes an event"),
        (state(draft=draft(**URGENT)), "conditions", 'urgent: body.p equals "high"'),
        (state(), "publish", "Not published yet"),
        (state(published=V1), "publish", "Version 1 is served"),
        (
            state(draft=draft(**BY_ID), published=V1),
            "publish",
            "Version 1 is served, the draft has changes",
        ),
    ],
)
def test_a_closed_card_says_what_it_holds(before: State, card: Card, words: str) -> None:
    """In one line, in plain words."""
    assert summary(before, card) == words


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (0, "No requests yet"),
        (1, "1 request, 9 parameters"),
        (2_000, "2,000 requests, 9 parameters"),
    ],
)
def test_requests_are_counted(samples: int, words: str) -> None:
    """One is a request, more are requests."""
    assert summary(state(), "incoming", samples=samples, parameters=9) == words


@pytest.mark.parametrize(
    ("authorization", "words"),
    [
        (no_authorization(), "Without authorization"),
        (jwt(secret="env:K", algorithm="HS512"), "JWT authorization (HS512)"),
        (meta(secret="env:K"), "Webhook from Meta (X-Hub-Signature-256)"),
        (hmac_signature(secret="env:K", header="X-S"), "hmac signature"),
        (standard_webhooks(secret="env:K"), "standard-webhooks signature"),
    ],
)
def test_an_authorization_is_named(authorization: Authorization, words: str) -> None:
    """As the platform names it, without any secret's value."""
    assert authorization_words(authorization) == words


@pytest.mark.parametrize(
    ("make", "changed"),
    [
        (lambda: state(), True),
        (lambda: state(published=V1), False),
        (lambda: state(published=draft(icon="x").sealed(version=3)), True),
        (lambda: state(draft=draft(**BY_ID), published=V1), True),
        (
            lambda: state(
                published=draft(
                    parameters=[{"label": "body.a", "kinds": ["string"], "coverage": "1/1"}]
                ).sealed(version=2)
            ),
            False,
        ),
    ],
)
def test_whether_the_draft_has_changes(make: Callable[[], State], changed: bool) -> None:
    """By what it means: versions, profiles and examples do not count."""
    assert make().changed is changed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("P7D", "7 days"),
        ("P1W", "7 days"),
        ("PT1H30M", "1 hour 30 minutes"),
        ("P1DT1S", "1 day 1 second"),
    ],
)
def test_a_duration_reads_as_people_say_it(text: str, words: str) -> None:
    """ISO 8601 is for the field, not for the summary."""
    assert duration_words(text) == words


@pytest.mark.parametrize(
    ("now", "samples", "card"),
    [
        (state(), 0, "incoming"),
        (state(), 1, "deduplication"),
        (state(draft=draft(**BY_ID)), 1, "conditions"),
        (state(draft=draft(**BY_ID, **URGENT)), 1, "publish"),
        (state(draft=draft(**BY_ID, **URGENT)), 0, "incoming"),
    ],
)
def test_the_next_card_is_the_first_without_content(now: State, samples: int, card: Card) -> None:
    """Requests first; authorization is never asked for."""
    assert next_card(now, samples=samples) == card


def test_nothing_is_next_once_all_is_published() -> None:
    """Nothing changed since, so nothing is left to do."""
    whole = draft(**BY_ID, **URGENT)
    published = whole.model_copy(update={"version": 1})
    assert next_card(state(draft=whole, published=published), samples=1) is None
