"""The wizard without a browser: what it shows, whoever changes what it shows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbincoming as nbi
from nbincoming.core.request.values import json_text
from nbincoming.errors import Problem
from nbincoming.notebook.endpoint.sending import post
from nbincoming.notebook.integration import Integration
from nbincoming.notebook.listener.listener import shared
from nbincoming.notebook.wizard.state import (
    CARDS,
    Card,
    CountMissed,
    Define,
    SetMembers,
    ShowProblems,
)
from nbincoming.notebook.wizard.views import CopyButton
from tests.notebook.conftest import Make
from tests.notebook.wizard.clicking import (
    Page,
    all_html,
    below,
    buttons,
    click,
    markup,
    synced,
    text_of,
)

PROBE = "<img src=x onerror=alert(1)>"
SECRET, KEY = "env:ORDERS_TEST_KEY", "sesame-open-sesame-open-sesame-open"
each_card = pytest.mark.parametrize("card", CARDS)


@pytest.fixture
def inc(make: Make) -> Integration:
    """A new integration."""
    return make()


@pytest.fixture
def page(inc: Integration) -> Page:
    """Its wizard."""
    return Page(inc)


def capture(inc: Integration, *bodies: Any, **headers: str) -> None:
    """Capture requests under the draft."""
    inc.endpoint.open_window(60)
    for body in bodies:
        raw = body if isinstance(body, bytes) else json_text(body).encode()
        post(inc.url, raw, headers)
    inc.endpoint.close_window()


def told(inc: Integration, work: Callable[[], object]) -> None:
    """Do something, and wait until those who watch have been told."""
    done = threading.Event()
    stop = inc.store.watch(done.set)
    work()
    assert done.wait(10)
    stop()


# --- the header --------------------------------------------------------------------------


def test_the_header_says_what_it_is_and_where(inc: Integration, page: Page) -> None:
    """Name, icon, state and URL; the wizard listens when it is shown."""
    shown = text_of(page.widget)
    for words in (inc.name, inc.draft.icon, "Draft", inc.url, "live while this kernel runs"):
        assert words in shown


def test_url_and_command_can_be_copied(inc: Integration, page: Page) -> None:
    """Exactly as they are, without any mark-up."""
    texts = {each.label: each.text for each in below(page.widget) if isinstance(each, CopyButton)}
    assert texts["Copy URL"] == inc.url
    assert texts["Copy curl"] == inc.curl()


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda inc: inc.endpoint.open_window(60), "Retrieving data"),
        (lambda inc: inc.publish(), "Published v1"),
        (lambda inc: inc.deduplicate("body.id"), "body.id within 7 days"),
        (lambda inc: inc.trigger("urgent", nbi.P.body.a == 1), "urgent: body.a equals 1"),
        (
            lambda inc: setattr(inc, "authorization", nbi.meta(secret=SECRET)),
            "Webhook from Meta",
        ),
    ],
)
def test_what_code_does_shows(
    inc: Integration, page: Page, work: Callable[[Integration], object], words: str
) -> None:
    """In the header or on a closed card, soon, without a word to the wizard."""
    assert words not in text_of(page.widget)
    told(inc, lambda: work(inc))
    assert words in text_of(page.widget)


def test_a_request_shows(inc: Integration, page: Page) -> None:
    """From the listener's thread, while the kernel may be busy."""
    told(inc, lambda: inc.endpoint.open_window(60))
    told(inc, lambda: post(inc.url, b'{"a": 1}', {}))
    page.refresh()
    assert "1 request, " in text_of(page.widget)


def test_an_integration_that_does_not_listen_says_so(inc: Integration, page: Page) -> None:
    """Whoever looks at it later knows why nothing comes."""
    shared().close()
    page.refresh()
    assert "not listening" in text_of(page.widget)
    assert "call listen()" in text_of(page.widget)


def test_a_closed_integration_shows_at_once_what_to_do(inc: Integration, page: Page) -> None:
    """Its wizard may still be on the screen, in the output of an older cell."""
    told(inc, inc.close)
    assert "not listening" in text_of(page.widget)
    assert "Make it again with Integration(&#x27;" in text_of(page.widget)
    assert "listen()" not in text_of(page.widget)


@pytest.mark.parametrize(
    ("card", "label"),
    [
        ("incoming", "Retrieve data"),
        ("incoming", "Send the example"),
        ("publish", "Save & publish"),
    ],
)
def test_no_button_of_a_closed_integration_serves_again(
    inc: Integration, page: Page, card: Card, label: str
) -> None:
    """The card says what to do instead."""
    opened = page.open(card)
    inc.close()
    click(opened, label)
    page.refresh()
    assert "was closed. Make it again" in page.problems(card)
    assert "was closed. Make it again" in text_of(opened)
    assert not inc.endpoint.listening


def test_a_listener_that_ended_shows_and_comes_back(
    inc: Integration, page: Page, kernel: None
) -> None:
    """With its new URL."""
    inc.listen()
    shared().close()
    page.refresh()
    assert "not listening" in text_of(page.widget)
    inc.listen()
    page.refresh()
    assert inc.url in text_of(page.widget)


def test_there_is_one_wizard(inc: Integration) -> None:
    """Each display shows the same, so they agree."""
    assert inc.wizard() is inc.wizard()


# --- cards -------------------------------------------------------------------------------


@each_card
def test_a_card_opens_and_closes_the_others(page: Page, card: Card) -> None:
    """One form at a time; the others are a line each with a button Define."""
    page.open("endpoint")
    page.open(card)
    closed = [each.card for each in page.wizard.cards if "nbi-open" not in each.widget._dom_classes]
    assert closed == [each for each in CARDS if each != card]
    for name in closed:
        assert [each.description for each in buttons(page.card(name).widget)] == ["Define"]


@each_card
def test_a_problem_shows_in_its_card(inc: Integration, page: Page, card: Card) -> None:
    """With its place and its sentence, whether the card is open or closed."""
    for _ in range(2):
        inc.store.dispatch(ShowProblems(card, (Problem("the.place", "The sentence."),)))
        page.refresh()
        shown = text_of(page.card(card).widget)
        assert "the.place" in shown
        assert "The sentence." in shown
        page.open(card)


@each_card
def test_a_card_that_cannot_be_shown_says_so(
    inc: Integration, page: Page, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the other cards go on showing what they have."""

    def fail(*_: object) -> None:
        raise RuntimeError("the cause")

    monkeypatch.setattr(page.card(card), "summary", fail)
    inc.store.dispatch(ShowProblems("publish", (Problem("", "Another."),)))
    page.refresh()
    assert "RuntimeError: the cause" in text_of(page.card(card).widget)
    if card != "publish":
        assert "Another." in text_of(page.card("publish").widget)


@each_card
@pytest.mark.parametrize("captured", [False, True])
def test_no_button_raises(inc: Integration, page: Page, card: Card, captured: bool) -> None:
    """Whatever is clicked in whatever order, what goes wrong is a problem on the card."""
    if captured:
        capture(inc, {"a": 1, "list": [{"b": "x"}]}, b"{")
        inc.trigger("urgent", nbi.P.body.a == 1)
    for number in range(25):
        shown = [*buttons(page.open(card)), *buttons(page.widget)]
        shown[number % len(shown)].click()
        page.refresh()
    assert "cannot be shown" not in text_of(page.widget)


@each_card
def test_an_unexpected_error_of_a_callback_shows(
    inc: Integration, page: Page, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ipywidgets would swallow it; the card has its name and its words."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("the cause")

    opened = page.open(card)
    monkeypatch.setattr(page.card(card), "members", fail)
    label = page.card(card).apply_label
    next(each for each in buttons(opened) if each.description == label).click()
    assert "ZeroDivisionError: the cause" in page.problems(card)


# --- threads -----------------------------------------------------------------------------


def test_threads_may_refresh_and_change(inc: Integration, page: Page) -> None:
    """Whoever does what at once, nothing raises and the last state is shown."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(4)

    def run(work: Callable[[int], object]) -> threading.Thread:
        def together() -> None:
            barrier.wait(10)
            try:
                for number in range(20):
                    work(number)
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=together)
        thread.start()
        return thread

    threads = [
        run(lambda _: page.refresh()),
        run(lambda number: inc.store.dispatch(Define(CARDS[number % len(CARDS)]))),
        run(lambda number: inc.deduplicate(f"body.n{number}")),
        run(lambda _: inc.store.dispatch(CountMissed())),
    ]
    for thread in threads:
        thread.join(60)
    assert errors == []
    page.refresh()
    assert "body.n19 within 7 days" in text_of(page.widget)
    assert "cannot be shown" not in text_of(page.widget)


def test_a_form_that_is_being_filled_in_is_left_alone(inc: Integration, page: Page) -> None:
    """Requests that arrive meanwhile do not take away what was typed."""
    opened = page.open("deduplication")
    window = next(each for each in below(opened) if getattr(each, "placeholder", "") == "P7D")
    window.value = "PT5"  # half of PT5M
    capture(inc, {"a": 1})
    page.refresh()
    assert window.value == "PT5"


def test_code_goes_before_a_form(inc: Integration, page: Page) -> None:
    """What code sets while the card is open is what the form shows then."""
    opened = page.open("deduplication")
    window = next(each for each in below(opened) if getattr(each, "placeholder", "") == "P7D")
    inc.deduplicate("body.a", window="PT1H")
    page.refresh()
    assert window.value == "PT1H"


# --- what must not be there --------------------------------------------------------------


def assert_harmless(page: Page) -> None:
    """Look at every card, open and closed, for mark-up that is not the wizard's."""
    for card in CARDS:
        opened = page.open(card)
        for each in below(opened):
            if getattr(each, "description", "") == "Raw JSON":
                each.value = True
                page.refresh()
        for html in all_html(page.widget):
            assert PROBE not in html
            tags, attributes = markup(html)
            assert "img" not in tags
            assert [name for name in attributes if name.startswith("on")] == []


hostile_texts = st.sampled_from(
    [PROBE, f'"{PROBE}', f"'{PROBE}", f"a.b {PROBE}", f"</code>{PROBE}"]
)
hostile_values = st.recursive(
    hostile_texts | st.none() | st.integers(),
    lambda children: st.lists(children, max_size=3)
    | st.dictionaries(hostile_texts | st.sampled_from(["a", ""]), children, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(body=st.dictionaries(hostile_texts, hostile_values, min_size=1, max_size=3))
@settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_names_and_values_are_shown_as_text(body: dict[str, Any], make: Make) -> None:
    """Wherever mark-up stands in a request, no card has it as mark-up."""
    make().close()
    inc = make()
    capture(inc, body, json_text(body).encode()[:-1], **{"X-Event": PROBE})
    label = next(label for label in inc.samples[0].flat() if label.startswith("body"))
    inc.deduplicate(label)
    inc.trigger(PROBE[:60], nbi.P[label] == PROBE)
    inc.trigger("nested", nbi.P.body.a.any_element(lambda each: each[PROBE] == PROBE))
    assert_harmless(Page(inc))


@pytest.mark.parametrize(
    "members",
    [
        {"icon": "<img src=x>"},
        {"authorization": {"scheme": "jwt", "secrets": [f"file:{PROBE}"]}},
        {
            "authorization": {
                "scheme": "meta", "secrets": ["env:A"], "verify_token": f"file:{PROBE}",
            }
        },
        {
            "authorization": {
                "scheme": "hmac", "secrets": [f"file:/{PROBE}"], "header": "x-a", "prefix": PROBE,
            }
        },
        {"triggers": [{"name": PROBE, "when": {"parameter": f'body["{PROBE}"]',
                                               "operator": "matches_regex", "value": PROBE}}]},
    ],
)  # fmt: skip
def test_a_spec_from_elsewhere_is_shown_as_text(
    inc: Integration, page: Page, members: dict[str, Any]
) -> None:
    """Wherever mark-up stands in a draft, no card has it as mark-up."""
    assert inc.store.dispatch(SetMembers("endpoint", members)).problems == {}
    assert_harmless(page)


def test_problems_and_notices_are_shown_as_text(inc: Integration, page: Page) -> None:
    """Messages quote what was given."""
    for card in CARDS:
        inc.store.dispatch(ShowProblems(card, (Problem(PROBE, PROBE),)))
    page.refresh()
    assert "To be corrected" in text_of(page.widget)
    for html in all_html(page.widget):
        assert "img" not in markup(html)[0]
    inc.store.restore(inc.store.state)
    assert_harmless(page)


def test_the_search_for_mark_up_finds_it() -> None:
    """An image among the wizard's own elements would be noticed."""
    assert markup(f"<b>{PROBE}</b>") == ({"b", "img"}, {"src", "onerror"})


def test_no_secret_reaches_the_browser(inc: Integration, page: Page) -> None:
    """Nothing that is synced, and so nothing that a notebook saves, has a secret's value."""
    inc.set_secret(SECRET, KEY)
    inc.authorization = nbi.jwt(secret=SECRET)
    token = inc.token()
    capture(inc, {"a": 1}, Authorization=f"Bearer {token}", Cookie="sesame=1")
    for card in CARDS:
        page.open(card)
        state = synced(page.widget)
        assert SECRET in state  # its name may be there, so this looks at the right thing
        assert KEY not in state
        assert token not in state
        assert "sesame=1" not in state
