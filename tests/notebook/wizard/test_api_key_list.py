"""The part of the endpoint's card with the API keys: made, shown once, revoked."""

from __future__ import annotations

from typing import Any

import pytest

import nbincoming as nbi
from nbincoming.core.auth.login import find_key
from nbincoming.notebook.integration import Integration
from nbincoming.notebook.wizard.cards.api_key_list import Once
from tests.notebook.conftest import Make
from tests.notebook.wizard.clicking import Page, below, buttons, click, field, synced, text_of

SECRET = "env:API_KEYS_TEST"


@pytest.fixture
def inc(make: Make) -> Integration:
    """An integration whose login signs by a shared secret."""
    made = make()
    made.authorization = nbi.jwt(secret=SECRET)
    made.set_secret(SECRET, nbi.new_secret())
    return made


@pytest.fixture
def page(inc: Integration) -> Page:
    """Its wizard."""
    return Page(inc)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Catch what reaches the page by message."""
    messages: list[Any] = []
    monkeypatch.setattr(Once, "send", lambda _, content: messages.append(content["secret"]))
    return messages


def make_key(opened: Any, name: str) -> None:
    """Fill in a name and click."""
    field(opened, "Name of a new key").value = name
    click(opened, "Make a key")


def test_a_key_is_made_shown_once_and_kept_by_its_hash(
    inc: Integration, page: Page, sent: list[Any]
) -> None:
    """It reaches the page by a message, and no widget's state holds it."""
    opened = page.open("endpoint")
    make_key(opened, "crm")
    (key,) = sent
    assert find_key(key, inc.api_keys) is not None
    assert key not in synced(page.widget)
    assert "<b>crm</b>" in text_of(opened)
    assert inc.endpoint.login_url in text_of(opened)
    assert field(opened, "Name of a new key").value == ""


@pytest.mark.parametrize("way", ["Apply", "Cancel"])
def test_a_key_that_is_shown_is_hidden_with_the_form(
    inc: Integration, page: Page, sent: list[Any], way: str
) -> None:
    """It was shown once; nobody finds it on the screen later."""
    opened = page.open("endpoint")
    make_key(opened, "crm")
    click(opened, way)
    assert sent[-1] == ""
    assert [record.name for record in inc.api_keys] == ["crm"]  # made is made


def test_a_key_is_revoked_by_its_name(inc: Integration, page: Page, sent: list[Any]) -> None:
    """The button says whose it is."""
    inc.api_keys.add("crm")
    inc.api_keys.add("shop")
    opened = page.open("endpoint")
    click(opened, "Revoke crm")
    assert [record.name for record in inc.api_keys] == ["shop"]
    assert "<b>crm</b>" not in text_of(opened)
    assert sent[-1] == ""


def test_what_code_changes_shows(inc: Integration, page: Page) -> None:
    """Wizard and code are one state."""
    opened = page.open("endpoint")
    inc.api_keys.add("crm")
    page.refresh()
    assert "<b>crm</b>" in text_of(opened)


@pytest.mark.parametrize("name", ["", "crm"])
def test_a_name_that_cannot_be_is_a_problem(
    inc: Integration, page: Page, sent: list[Any], name: str
) -> None:
    """An empty one, or one that is taken; no key is made."""
    inc.api_keys.add("crm")
    make_key(page.open("endpoint"), name)
    assert page.problems("endpoint")
    assert len(inc.api_keys) == 1
    assert sent == []


def test_hostile_names_are_text(inc: Integration, page: Page) -> None:
    """As everywhere in the wizard."""
    probe = "<img src=x onerror=alert(1)>"
    inc.api_keys.add(probe)
    assert probe not in text_of(page.open("endpoint"))


@pytest.mark.parametrize("authorization", [None, "RS256"])
def test_there_are_keys_only_where_the_login_can_sign(
    make: Make, authorization: str | None
) -> None:
    """Whoever has a private key issues tokens himself."""
    inc = make("other")
    if authorization is not None:
        inc.authorization = nbi.jwt(secret=SECRET, algorithm=authorization)
    opened = Page(inc).open("endpoint")
    assert "Make a key" not in [each.description for each in buttons(opened)]


def test_the_widget_that_shows_a_key_has_no_trait_for_it(page: Page) -> None:
    """So that no saved notebook can hold one."""
    page.open("endpoint")
    (once,) = [each for each in below(page.widget) if isinstance(each, Once)]
    traits = {name for name in once.get_state() if not name.startswith("_")}
    assert not traits & {"secret", "key", "text", "value"}
