"""The five cards: what is filled in and clicked, and what becomes of the draft."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

import nbincoming as nbi
from nbincoming.core.deduplication import OWN_HASH_HEADER
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.model import spec_from_data
from nbincoming.files import load
from nbincoming.notebook.endpoint.sending import post
from nbincoming.notebook.integration import Integration
from nbincoming.notebook.wizard.state import Card, NoteRefused, State
from nbincoming.review.key_advice import key_advice
from tests.core.strategies import spec_data
from tests.notebook.conftest import Make
from tests.notebook.test_python_code import plain
from tests.notebook.wizard.clicking import Page, buttons, click, field, shown, synced, text_of

SECRET, KEY = "env:ORDERS_TEST_KEY", "sesame-open-sesame-open-sesame-open"
P = nbi.P


@pytest.fixture
def inc(make: Make) -> Integration:
    """A new integration."""
    return make()


@pytest.fixture
def page(inc: Integration) -> Page:
    """Its wizard."""
    return Page(inc)


def send(inc: Integration, body: Any) -> int:
    """Post a JSON value, or raw bytes."""
    raw = body if isinstance(body, bytes) else json_text(body).encode()
    return post(inc.url, raw, {})


def capture(inc: Integration, *bodies: Any) -> None:
    """Capture requests under the draft."""
    inc.endpoint.open_window(60)
    for body in bodies:
        send(inc, body)
    inc.endpoint.close_window()


def labels(inside: Any) -> set[str]:
    """Name the inputs that can be seen."""
    return {
        each.description for each in shown(inside) if getattr(each, "description", "")
    } - {each.description for each in buttons(inside)}  # fmt: skip


# --- all of them -------------------------------------------------------------------------


@pytest.mark.parametrize("card", ["endpoint", "deduplication", "conditions"])
def test_cancel_changes_nothing(inc: Integration, page: Page, card: Card) -> None:
    """The card closes, and opened again it shows the draft."""
    before = inc.draft
    opened = page.open(card)
    for each in shown(opened):
        if isinstance(getattr(each, "value", None), str) and hasattr(each, "placeholder"):
            each.value = "changed"
    click(opened, "Cancel")
    assert inc.draft == before
    assert inc.state.open_card is None


@given(data=spec_data)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_to_open_and_apply_changes_nothing(data: dict[str, Any], page: Page) -> None:
    """Whatever code or another hand has put into a draft, the forms keep it."""
    data = {**data, "name": "orders", "version": 0}
    draft = spec_from_data(data)
    scheme = draft.authorization.data()
    assume(scheme["scheme"] != "meta" or "verify_token" in scheme)
    assume(len(set(scheme.get("secrets", ()))) == len(scheme.get("secrets", ())))
    assume(all(each.name == each.name.strip() for each in draft.triggers))
    inc = page.integration
    cards: tuple[Card, ...] = ("endpoint", "deduplication", "conditions")
    for card in cards:
        inc.store.restore(State(draft))
        click(page.open(card), "Apply")
        assert page.problems(card) == ""
        after = inc.draft
        assert after.authorization == draft.authorization
        assert (after.icon, after.deduplication) == (draft.icon, draft.deduplication)
        assert [each.name for each in after.triggers] == [each.name for each in draft.triggers]
        for mine, wanted in zip(after.triggers, draft.triggers, strict=True):
            assert plain(mine.when) == plain(wanted.when)


# --- Endpoint ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "visible"),
    [
        ("none", set()),
        ("jwt", {"Name of the secret", "Algorithm", "Name of a new key"}),
        ("meta", {"Name of the secret", "Name of the verify token"}),
        ("hmac", {"Name of the secret", "Header", "Algorithm", "Prefix", "Encoding"}),
        ("standard-webhooks", {"Name of the secret"}),
    ],
)
def test_a_scheme_has_its_own_fields(page: Page, scheme: str, visible: set[str]) -> None:
    """What the other schemes need is hidden."""
    opened = page.open("endpoint")
    field(opened, "Authorization").value = scheme
    found = labels(opened) - {
        "Icon", "Use an image", "Public address", "Authorization",
        "Its value (kept in memory only)",
    }  # fmt: skip
    assert found == visible


@pytest.mark.parametrize("scheme", ["none", "jwt", "meta", "hmac", "standard-webhooks"])
def test_a_scheme_is_applied(inc: Integration, page: Page, scheme: str) -> None:
    """With names for its secrets that follow from the integration's."""
    opened = page.open("endpoint")
    field(opened, "Authorization").value = scheme
    click(opened, "Apply")
    assert page.problems("endpoint") == ""
    assert inc.authorization.data()["scheme"] == scheme
    assert set(inc.authorization.secret_names()) <= {"env:ORDERS_SECRET", "env:ORDERS_VERIFY_TOKEN"}
    assert inc.state.open_card is None


def enter_secret(page: Page, scheme: str = "jwt") -> Any:
    """Choose a scheme, and type the name and value of its secret."""
    opened = page.open("endpoint")
    field(opened, "Authorization").value = scheme
    field(opened, "Name of the secret").value = SECRET
    field(opened, "Its value (kept in memory only)").value = KEY
    return opened


def test_apply_takes_the_secret_out_of_the_field(inc: Integration, page: Page) -> None:
    """Into memory: the field is empty, and nothing that is synced has the value."""
    opened = enter_secret(page)
    click(opened, "Apply")
    assert inc.secrets[SECRET] == KEY.encode()
    assert KEY not in synced(page.widget)
    assert inc.authorization == nbi.jwt(secret=SECRET)


def test_apply_takes_the_secret_even_where_it_fails(inc: Integration, page: Page) -> None:
    """Whatever else is wrong with the form, the field is emptied."""
    opened = enter_secret(page, "hmac")
    field(opened, "Header").value = "not a header"
    click(opened, "Apply")
    assert "authorization.header" in page.problems("endpoint")
    assert KEY not in synced(page.widget)


def test_cancel_takes_the_secret_out_of_the_field(page: Page) -> None:
    """Who thinks better of it leaves nothing behind in what a notebook may save."""
    opened = enter_secret(page)
    click(opened, "Cancel")
    page.refresh()
    assert KEY not in synced(page.widget)


def test_a_secret_of_a_scheme_that_was_not_chosen_is_forgotten(page: Page) -> None:
    """Typed for Meta, and then another scheme was applied."""
    opened = page.open("endpoint")
    field(opened, "Authorization").value = "meta"
    field(opened, "Its value (kept in memory only)", 1).value = KEY
    field(opened, "Authorization").value = "none"
    click(opened, "Apply")
    assert KEY not in synced(page.widget)


def test_meta_without_a_handshake_stays_without(inc: Integration, page: Page) -> None:
    """GitHub signs so and never shakes hands; to open and apply asks for no second secret."""
    inc.authorization = nbi.meta(secret=SECRET)
    click(page.open("endpoint"), "Apply")
    assert inc.authorization == nbi.meta(secret=SECRET)


def test_published_keys_stay_the_only_ones(inc: Integration, page: Page) -> None:
    """Tokens by an issuer's JWKS need no secret; to open and apply does not ask for one."""
    scheme = nbi.jwt(jwks_url="https://issuer.example/jwks.json", algorithm="RS256")
    inc.authorization = scheme
    click(page.open("endpoint"), "Apply")
    assert inc.authorization == scheme


def test_a_secret_can_be_generated(inc: Integration, page: Page) -> None:
    """Long enough for its algorithm; it is never shown."""
    opened = page.open("endpoint")
    field(opened, "Authorization").value = "jwt"
    assert "has no value yet" in text_of(opened)
    click(opened, "Generate a secret")
    assert "has a value" in text_of(opened)
    click(opened, "Apply")
    assert inc.endpoint.problems() == []
    assert inc.secrets["env:ORDERS_SECRET"].decode() not in synced(page.widget)


def test_a_secret_without_a_name_is_not_made(page: Page) -> None:
    """The card says what is needed."""
    opened = page.open("endpoint")
    field(opened, "Authorization").value = "jwt"
    field(opened, "Name of the secret").value = " "
    click(opened, "Generate a secret")
    assert "Name the secret first" in page.problems("endpoint")


def test_what_code_has_set_stays(inc: Integration, page: Page) -> None:
    """Older secrets, audience and leeway have no field and are kept."""
    scheme = nbi.jwt(secret=["env:OLD", SECRET], audience="us", leeway_s=5, permission=None)
    inc.authorization = scheme
    opened = page.open("endpoint")
    field(opened, "Algorithm").value = "HS512"
    click(opened, "Apply")
    assert inc.authorization == scheme.model_copy(update={"algorithm": "HS512"})


@pytest.mark.parametrize("name", ["sesame", "env:a b", ""])
def test_a_secret_in_place_of_its_name_is_not_shown(page: Page, name: str) -> None:
    """What is typed into the wrong field is refused without being quoted."""
    opened = page.open("endpoint")
    field(opened, "Authorization").value = "jwt"
    field(opened, "Name of the secret").value = name
    click(opened, "Apply")
    assert "not the name of a secret" in page.problems("endpoint")
    assert "sesame" not in page.problems("endpoint")


def test_an_icon_is_applied(inc: Integration, page: Page) -> None:
    """It shows in the header."""
    opened = page.open("endpoint")
    field(opened, "Icon").value = " 🧯 "
    click(opened, "Apply")
    page.refresh()
    assert inc.draft.icon == "🧯"
    assert "🧯" in text_of(page.widget)


# --- Incoming data -----------------------------------------------------------------------


def test_retrieving_opens_a_window_and_stop_closes_it(inc: Integration, page: Page) -> None:
    """Meanwhile the time that is left is shown, and Stop in place of Retrieve."""
    opened = page.open("incoming")
    assert {"Retrieve data"} <= {each.description for each in buttons(opened)}
    click(opened, "Retrieve data")
    page.refresh()
    assert inc.state.window is not None
    assert "s left" in text_of(opened)
    names = {each.description for each in buttons(opened)}
    assert "Stop" in names
    assert "Retrieve data" not in names
    click(opened, "Stop")
    page.refresh()
    assert inc.state.window is None
    assert "No request came." in text_of(opened)


def test_the_example_needs_one_click(inc: Integration, page: Page) -> None:
    """It opens a window where none is, and the request is shown."""
    opened = page.open("incoming")
    click(opened, "Send the example")
    page.refresh()
    assert [sample.status for sample in inc.samples] == [200]
    assert "1 arrived" in text_of(opened)


def test_the_example_without_its_secret_is_a_problem(inc: Integration, page: Page) -> None:
    """The card says which secret is needed, instead of nothing at all."""
    inc.authorization = nbi.meta(secret=SECRET)
    click(page.open("incoming"), "Send the example")
    assert SECRET in page.problems("incoming")
    assert inc.state.window is None


def test_missed_requests_are_told(inc: Integration, page: Page) -> None:
    """Who sends too early reads why that got 404 and what to do."""
    send(inc, {})
    send(inc, {})
    assert "2 requests got 404" in text_of(page.open("incoming"))


def test_a_card_without_anything_to_apply_is_closed(page: Page, inc: Integration) -> None:
    """Its button says what it does."""
    for card in ("incoming", "publish"):
        opened = page.open(card)  # type: ignore[arg-type]
        assert not {"Apply", "Cancel"} & {each.description for each in buttons(opened)}
        click(opened, "Close")
        assert inc.state.open_card is None


def picker(opened: Any) -> Any:
    """Find the list of samples."""
    return field(opened, "Sample")


def test_the_newest_request_is_shown(inc: Integration, page: Page) -> None:
    """As long as nobody chose an older one; then that stays."""
    opened = page.open("incoming")
    inc.endpoint.open_window(60)
    for number in range(2):
        send(inc, {"n": number})
        page.refresh()
        assert picker(opened).value == number
    picker(opened).value = 0
    send(inc, {"n": 2})
    page.refresh()
    assert picker(opened).value == 0
    assert [number for _, number in picker(opened).options] == [2, 1, 0]


def test_a_refused_request_is_shown_with_its_reason(inc: Integration, page: Page) -> None:
    """And with the text that came, since that is what must be mended."""
    capture(inc, b"{'priority': 'high'}")
    opened = page.open("incoming")
    assert "Refused with 400" in text_of(opened)
    assert "not valid JSON at line 1" in text_of(opened)
    field(opened, "Raw JSON").value = True
    assert "priority" in text_of(opened)


def test_requests_that_became_no_sample_are_told(inc: Integration, page: Page) -> None:
    """How many, when the last one came and why; once a request is taken, they are past."""
    inc.endpoint.open_window(60)
    card = page.card("incoming").widget
    moments = [datetime(2026, 1, 2, 3, 4, 5).astimezone(), datetime.now().astimezone()]
    for count, at in enumerate(moments, 1):
        inc.store.dispatch(
            NoteRefused("refused with 431", "The <headers>.", int(at.timestamp() * 1000))
        )
        page.refresh()
        when = f"{at:%H:%M:%S}" if count == 2 else "2026-01-02 03:04:05"
        words = ("1 request was", "2 requests were")[count - 1]
        assert f"{words} refused with 431" in text_of(card)
        assert f"at {when}: The &lt;headers&gt;." in text_of(card)
        assert "Refused requests" in text_of(card)
    opened = page.open("incoming")
    assert "Refused requests" in text_of(opened)  # opening the form does not hide them
    send(inc, {})
    page.refresh()
    assert "Refused requests" not in text_of(opened)
    assert "Refused earlier" in text_of(opened)
    assert "2 requests were refused with 431" in text_of(opened)
    inc.endpoint.open_window(60)
    page.refresh()
    assert "refused with 431" not in text_of(opened)


def test_a_request_is_shown_raw(inc: Integration, page: Page) -> None:
    """Exactly, and with masked credentials."""
    inc.endpoint.open_window(60)
    body = b'{"id": 12345678901234567890, "price": 0.10}'
    post(inc.url, body, {"Cookie": "sesame"})
    opened = page.open("incoming")
    field(opened, "Raw JSON").value = True
    shown_text = text_of(opened)
    assert "12345678901234567890" in shown_text
    assert "•••" in shown_text
    assert "sesame" not in synced(page.widget)


def test_a_closed_card_counts(inc: Integration, page: Page) -> None:
    """Requests, and the parameters of those that were not refused."""
    capture(inc, {"a": 1, "b": 2}, b"{")
    page.refresh()
    count = len(inc.inspection.profiles())
    assert f"2 requests, {count} parameters" in text_of(page.card("incoming").widget)


def paste(inc: Integration, page: Page, text: str) -> Any:
    """Open the import, paste a text and import it."""
    opened = page.open("incoming")
    click(opened, "Import…")
    field(opened, "Requests").value = text
    click(opened, "Import")
    page.refresh()
    return opened


def test_requests_are_imported(inc: Integration, page: Page) -> None:
    """Judged by the draft, listed like any other, and the form closes."""
    inc.deduplicate("body.id")
    opened = paste(inc, page, '{"id": 1}\n{"id": 1}\n{"id": 2}')
    assert [sample.status for sample in inc.samples] == [200, 204, 200]
    assert "3 requests imported." in text_of(opened)
    assert "Import" not in {each.description for each in buttons(opened)}


def test_a_bad_import_is_a_problem_and_leaves_no_secret(inc: Integration, page: Page) -> None:
    """With its lines; nothing is added, and the field that held a token is empty."""
    paste(inc, page, "curl -H 'Authorization: Bearer sesame' -d @file http://x")
    assert "line 1" in page.problems("incoming")
    assert len(inc.samples) == 0
    assert "sesame" not in synced(page.widget)


def test_an_import_of_nothing_is_a_problem(inc: Integration, page: Page) -> None:
    """The card says what to do."""
    paste(inc, page, " ")
    assert "Paste requests" in page.problems("incoming")


# --- Deduplication -----------------------------------------------------------------------


def choose(opened: Any, *chosen: str) -> None:
    """Add parameters to the key."""
    for label in chosen:
        field(opened, "Parameter").value = label
        click(opened, "Add")


def test_a_key_is_chosen(inc: Integration, page: Page) -> None:
    """Parameters, window, anchor and whose keys they are."""
    opened = page.open("deduplication")
    choose(opened, "body.b", " body.a ")
    field(opened, "Window (ISO 8601)").value = " PT1H "
    field(opened, "Window counts from").value = "first_accepted"
    field(opened, "Keys are claimed by").value = "triggered"
    click(opened, "Apply")
    assert inc.draft.deduplication is not None
    assert inc.draft.deduplication.data() == {
        "parameters": ["body.b", "body.a"],
        "window": "PT1H",
        "anchor": "first_accepted",
        "claims": "triggered",
    }


def test_a_parameter_is_removed(inc: Integration, page: Page) -> None:
    """Without any, every request counts."""
    inc.deduplicate("body.a")
    opened = page.open("deduplication")
    click(opened, "Remove")
    click(opened, "Apply")
    assert inc.draft.deduplication is None


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ([""], "Choose a parameter first"),
        (["body.a", "body.a"], "chosen already"),
    ],
)
def test_what_cannot_be_added_is_a_problem(page: Page, chosen: list[str], words: str) -> None:
    """The card says what to do."""
    choose(page.open("deduplication"), *chosen)
    assert words in page.problems("deduplication")


def test_a_key_has_five_parameters_at_the_most(page: Page) -> None:
    """After the fifth, Add is switched off and says why."""
    opened = page.open("deduplication")
    choose(opened, *(f"body.n{number}" for number in range(5)))
    add = next(each for each in buttons(opened) if each.description == "Add")
    assert add.disabled
    assert "at most 5" in add.tooltip


def test_the_senders_own_hash_is_one_click(inc: Integration, page: Page) -> None:
    """It replaces what was chosen."""
    opened = page.open("deduplication")
    choose(opened, "body.a")
    click(opened, "Use the sender's own hash")
    click(opened, "Apply")
    assert inc.draft.deduplication is not None
    assert inc.draft.deduplication.parameters == (f"headers.{OWN_HASH_HEADER}",)


@pytest.mark.parametrize("label", ["bdy.a", "headers.cookie", "body.a[*]"])
def test_a_bad_parameter_shows_before_it_is_applied(
    inc: Integration, page: Page, label: str
) -> None:
    """In the preview; applying it changes nothing and leaves the card open."""
    opened = page.open("deduplication")
    choose(opened, label)
    assert "deduplication.parameters[0]" in text_of(opened)
    click(opened, "Apply")
    assert "deduplication.parameters[0]" in page.problems("deduplication")
    assert inc.draft.deduplication is None
    assert inc.state.open_card == "deduplication"


def test_the_preview_counts_what_would_be(inc: Integration, page: Page) -> None:
    """New requests and duplicates among the samples, at each change of the form."""
    capture(inc, {"id": 1}, {"id": 2}, {"id": 1}, b"{")
    opened = page.open("deduplication")
    choose(opened, "body.id")
    shown = text_of(opened)
    assert "<b>2</b> new, answered 200" in shown
    assert "<b>1</b> duplicate, answered 204" in shown
    assert "would be answered" not in shown  # the figures say it
    assert "in 3 of 3 samples, 2 distinct" in text_of(opened)


def test_credentials_are_not_offered(inc: Integration, page: Page) -> None:
    """Every other parameter of the samples is."""
    inc.endpoint.open_window(60)
    post(inc.url, b'{"a": 1}', {"X-Api-Key": "sesame"})
    offered = field(page.open("deduplication"), "Parameter").options
    assert "body.a" in offered
    assert not [label for label in offered if "x-api-key" in label]


@pytest.mark.parametrize(
    ("chosen", "authorization", "words"),
    [
        (["body.gone"], None, "No sample has body.gone."),
        (["body.rare"], None, "body.rare is missing in 75 % of the samples."),
        (["body.timestamp"], None, "body.timestamp seems to change each time a request is sent"),
        (["body.id"], None, "Without authorization"),
        (
            ["headers.content-type"],
            nbi.meta(secret=SECRET),
            "only headers that no signature covers",
        ),
        (["body.id"], nbi.meta(secret=SECRET), None),
    ],
)
def test_a_key_that_may_go_wrong_is_warned_of(
    inc: Integration, chosen: list[str], authorization: Any, words: str | None
) -> None:
    """By what the samples show, and by who could forge it."""
    capture(inc, *({"id": n, "timestamp": n, **({"rare": 1} if not n else {})} for n in range(4)))
    if authorization is not None:
        inc.authorization = authorization
    inc.deduplicate(*chosen)
    profiles = {each.label: each for each in inc.inspection.profiles()}
    found = " ".join(map(str, key_advice(inc.draft, profiles)))
    assert (words in found) if words else (found == "")


# --- Conditions --------------------------------------------------------------------------


def fill(opened: Any, parameter: str, operator: str, value: str = "", *, row: int = 0) -> None:
    """Fill in a row."""
    field(opened, "Parameter", row).value = parameter
    field(opened, "Operator", row).value = operator
    if value:
        inputs = [each.description for each in shown(opened) if hasattr(each, "description")]
        place = [n for n, label in enumerate(inputs) if label == "Operator"][row]
        field(opened, "Value", inputs[:place].count("Value")).value = value


def conditions(inc: Integration) -> dict[str, Any]:
    """Return the draft's conditions by trigger."""
    return {each.name: each.when.data() for each in inc.draft.triggers}


HIGH = {"parameter": "body.priority", "operator": "equals", "value": "high"}


def test_a_condition_is_made(inc: Integration, page: Page) -> None:
    """Parameter, operator and value make a trigger; one condition needs no group."""
    opened = page.open("conditions")
    fill(opened, "body.priority", "equals|string", "high")
    click(opened, "Apply")
    assert conditions(inc) == {"urgent": HIGH}
    page.refresh()
    assert "urgent: body.priority equals" in text_of(page.card("conditions").widget)


@pytest.mark.parametrize(
    ("word", "data"),
    [
        ("all", {"all": [HIGH, HIGH]}),
        ("any", {"any": [HIGH, HIGH]}),
        ("not all", {"not": {"all": [HIGH, HIGH]}}),
        ("none", {"not": {"any": [HIGH, HIGH]}}),
    ],
)
def test_conditions_are_grouped(
    inc: Integration, page: Page, word: str, data: dict[str, Any]
) -> None:
    """By all, any, not all and none."""
    opened = page.open("conditions")
    fill(opened, "body.priority", "equals|string", "high")
    click(opened, "Duplicate")
    field(opened, "True if").value = word
    click(opened, "Apply")
    assert conditions(inc) == {"urgent": data}


def test_groups_nest(inc: Integration, page: Page) -> None:
    """A group within a group is a condition of it."""
    opened = page.open("conditions")
    fill(opened, "body.priority", "equals|string", "high")
    click(opened, "Add a group")
    fill(opened, "body.n", "greater_than|number", "5", row=1)
    field(opened, "True if", 1).value = "none"
    click(opened, "Apply")
    more = {"parameter": "body.n", "operator": "greater_than", "value": 5}
    assert conditions(inc) == {"urgent": {"all": [HIGH, {"not": {"any": [more]}}]}}


def test_a_condition_may_be_negated(inc: Integration, page: Page) -> None:
    """As a whole, so that a missing parameter makes it hold."""
    opened = page.open("conditions")
    fill(opened, "body.priority", "equals|string", "high")
    field(opened, "Not").value = True
    field(opened, "Ignore case").value = True
    click(opened, "Apply")
    assert conditions(inc) == {"urgent": {"not": {**HIGH, "ignore_case": True}}}


def test_conditions_move_and_go(inc: Integration, page: Page) -> None:
    """Up, down and away; at either end a move changes nothing."""
    opened = page.open("conditions")
    for row, name in enumerate("abc"):
        if row:
            click(opened, "Add a condition")
        fill(opened, f"body.{name}", "exists|any", row=row)
    click(opened, "Up", 2)
    click(opened, "Up", 0)
    click(opened, "Down", 2)
    click(opened, "Remove", 0)
    click(opened, "Apply")
    assert conditions(inc) == {
        "urgent": {"all": [{"parameter": f"body.{n}", "operator": "exists"} for n in "cb"]}
    }


def test_triggers_are_added_and_removed(inc: Integration, page: Page) -> None:
    """Each under a name of its own."""
    inc.trigger("one", P.body.a == 1)
    opened = page.open("conditions")
    click(opened, "Add a trigger")
    fill(opened, "body.b", "exists|any", row=1)
    click(opened, "Apply")
    assert list(conditions(inc)) == ["one", "trigger-1"]
    opened = page.open("conditions")
    click(opened, "Remove the trigger", 0)
    click(opened, "Apply")
    assert list(conditions(inc)) == ["trigger-1"]


def test_a_trigger_that_is_empty_is_left_out(inc: Integration, page: Page) -> None:
    """Who fills in nothing has no conditions, and no problem."""
    click(page.open("conditions"), "Apply")
    assert inc.draft.triggers == ()
    assert page.problems("conditions") == ""


@pytest.mark.parametrize(
    ("operator", "value", "words"),
    [
        ("less_than|number", "five", "is not a number"),
        ("matches_regex|string", "(", "not a pattern"),
        ("before|datetime", "yesterday", "write a date"),
        ("between|number", "5, 1", "lower one first"),
        ("equals|string", "= nowhere", "is not a parameter"),
    ],
)
def test_a_bad_value_is_a_problem(
    inc: Integration, page: Page, operator: str, value: str, words: str
) -> None:
    """It shows in the preview, and again when it is applied; the draft stays."""
    opened = page.open("conditions")
    fill(opened, "body.a", operator, value)
    assert words in text_of(opened)
    click(opened, "Apply")
    assert words in page.problems("conditions")
    assert inc.draft.triggers == ()


def test_a_row_without_a_parameter_is_a_problem(page: Page) -> None:
    """Beside one that is filled in, it is said to be filled in or removed."""
    opened = page.open("conditions")
    fill(opened, "body.a", "exists|any")
    click(opened, "Add a condition")
    click(opened, "Apply")
    assert "A condition has no parameter" in page.problems("conditions")


def test_a_condition_that_has_no_row_is_kept(inc: Integration, page: Page) -> None:
    """It is shown as a sentence, and can be moved and removed."""
    elements = P.body.lines.any_element(lambda line: line.sku == "x")
    inc.trigger("urgent", (P.body.n.as_number() > 5) & elements)
    opened = page.open("conditions")
    assert text_of(opened).count("(edit it as text)") == 2
    before = conditions(inc)
    click(opened, "Apply")
    assert conditions(inc) == before


def test_operators_go_by_what_was_seen(inc: Integration, page: Page) -> None:
    """A parameter that is a number has the operators of numbers, and of presence."""
    capture(inc, {"n": 5, "s": "x"})
    opened = page.open("conditions")
    assert "body.n" in field(opened, "Parameter").options
    field(opened, "Operator").value = "exists|any"
    field(opened, "Parameter").value = "body.n"
    keys = [key for _, key in field(opened, "Operator").options]
    assert "less_than|number" in keys
    assert "starts_with|string" not in keys


def test_the_preview_says_which_samples_match_and_why(inc: Integration, page: Page) -> None:
    """A count, and for each sample what was seen."""
    capture(inc, {"priority": "high"}, {"priority": "low"}, {}, b"{")
    opened = page.open("conditions")
    fill(opened, "body.priority", "equals|string", "high")
    preview = text_of(opened)
    assert "urgent matches 1 of 3 samples" in preview
    assert '<th scope="col">Sample</th>' in preview  # as in the card of publishing
    assert "is &quot;low&quot;" in preview
    assert "is missing" in preview


# --- Publish -----------------------------------------------------------------------------


def test_publishing_writes_and_serves(inc: Integration, page: Page) -> None:
    """The card says where, which version, and how to check it."""
    opened = page.open("publish")
    assert "No problems." in text_of(opened)
    click(opened, "Save & publish")
    page.refresh()
    assert inc.published == load(inc.state.published_path)
    shown_text = text_of(opened)
    assert inc.published is not None
    assert inc.published.digest in shown_text
    assert "nbincoming check" in shown_text
    assert send(inc, {}) == 200


def test_saving_writes_the_draft(inc: Integration, page: Page, tmp_path: Path) -> None:
    """And serves nothing."""
    click(page.open("publish"), "Save")
    assert load(tmp_path / "drafts" / "orders.draft.incoming.json") == inc.draft
    assert inc.published is None


def test_what_is_in_the_way_leads_to_its_card(inc: Integration, page: Page) -> None:
    """Publishing is switched off, and a button opens the card where it is mended."""
    inc.authorization = nbi.jwt(secret=SECRET)
    opened = page.open("publish")
    publish = next(each for each in buttons(opened) if each.description == "Save & publish")
    assert publish.disabled
    assert SECRET in text_of(opened)
    click(opened, "Go to Endpoint")
    assert inc.state.open_card == "endpoint"


def test_the_card_has_the_code(inc: Integration, page: Page) -> None:
    """What was clicked, as Python to copy."""
    inc.deduplicate("body.id")
    assert "inc.deduplicate(" in text_of(page.open("publish"))


def test_a_file_that_cannot_be_written_is_a_problem(
    inc: Integration, page: Page, tmp_path: Path
) -> None:
    """The card has the words of the system."""
    (tmp_path / "published").write_text("")
    click(page.open("publish"), "Save & publish")
    assert "Error" in page.problems("publish")
    assert inc.published is None
