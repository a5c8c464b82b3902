"""A trigger's condition as text, beside its rows and groups."""

from __future__ import annotations

from typing import Any

import pytest

import nbincoming as nbi
from nbincoming.export.cel.conditions import condition_cel
from nbincoming.notebook.integration import Integration
from nbincoming.notebook.wizard.views import escape
from tests.notebook.conftest import Make
from tests.notebook.wizard.clicking import Page, click, field, text_of
from tests.notebook.wizard.test_cards import capture

P = nbi.P
LABEL = "The condition as text"


@pytest.fixture
def inc(make: Make) -> Integration:
    """An integration with a trigger and samples for it."""
    made = make()
    capture(made, {"n": 1}, {"n": 5}, {"n": 9})
    made.trigger("large", P.body.n > 3)
    return made


@pytest.fixture
def page(inc: Integration) -> Page:
    """Its wizard."""
    return Page(inc)


def when(inc: Integration) -> Any:
    """Return the condition of the one trigger."""
    (trigger,) = inc.draft.triggers
    return trigger.when


def test_the_text_is_what_the_form_says(inc: Integration, page: Page) -> None:
    """Opened, it holds the condition as it is in the form at that moment."""
    opened = page.open("conditions")
    field(opened, "Value").value = "7"
    click(opened, "Edit as text")
    assert field(opened, LABEL).value == "body.n is more than 7"
    assert when(inc) == (P.body.n > 3)  # nothing is applied yet


def test_the_form_takes_the_text_over(inc: Integration, page: Page) -> None:
    """Rows, operators and values; the preview follows, and Apply applies."""
    opened = page.open("conditions")
    click(opened, "Edit as text")
    field(opened, LABEL).value = "body.n >= 9 or body.n == 1"
    click(opened, "Use the text")
    assert [field(opened, "Value", index).value for index in (0, 1)] == ["9", "1"]
    assert field(opened, "True if").value == "any"
    assert "large matches 2 of 3 samples" in text_of(opened)
    click(opened, "Apply")
    assert when(inc) == ((P.body.n >= 9) | (P.body.n == 1))


def test_what_has_no_row_can_be_written_as_text(inc: Integration, page: Page) -> None:
    """Such as a condition on the elements of an array."""
    elements = P.body.lines.any_element(lambda line: line.sku == "x")
    opened = page.open("conditions")
    click(opened, "Edit as text")
    field(opened, LABEL).value = 'body.lines has an element where (body.lines[*].sku equals "x")'
    click(opened, "Use the text")
    assert "edit it as text" in text_of(opened)
    click(opened, "Apply")
    assert when(inc) == elements


def test_a_mistake_in_the_text_is_said_and_the_form_stays(inc: Integration, page: Page) -> None:
    """With its place; the text stays to be mended."""
    opened = page.open("conditions")
    click(opened, "Edit as text")
    field(opened, LABEL).value = "body.n is 5"
    click(opened, "Use the text")
    assert "At character 8, before 'is 5'" in page.problems("conditions")
    assert field(opened, LABEL).value == "body.n is 5"
    assert field(opened, "Value").value == "3"


def test_the_text_can_be_left(inc: Integration, page: Page) -> None:
    """The form stays as it was."""
    opened = page.open("conditions")
    click(opened, "Edit as text")
    field(opened, LABEL).value = "body.n is 5"
    click(opened, "Keep the form")
    click(opened, "Apply")
    assert when(inc) == (P.body.n > 3)


def test_a_new_trigger_can_be_written_as_text(inc: Integration, page: Page) -> None:
    """Its text is empty, with an example."""
    opened = page.open("conditions")
    click(opened, "Add a trigger")
    click(opened, "Edit as text", 1)
    assert field(opened, LABEL).value == ""
    assert "is at least" in field(opened, LABEL).placeholder
    field(opened, LABEL).value = "body.n exists"
    click(opened, "Use the text")
    click(opened, "Apply")
    assert [trigger.when for trigger in inc.draft.triggers] == [P.body.n > 3, P.body.n.exists()]


def test_cel_stands_beside_the_sentence(inc: Integration, page: Page) -> None:
    """Or why there is none."""
    said = text_of(page.open("conditions"))
    assert "The same in CEL" in said
    assert escape(condition_cel(P.body.n > 3)) in said
    inc.trigger("large", P.body.s.ignoring_case() == "A")
    page.refresh()
    assert "Not in CEL" in text_of(page.open("conditions"))
