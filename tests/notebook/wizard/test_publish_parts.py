"""Parts of the card of publishing: advice, what changes, other formats."""

from __future__ import annotations

import json

import ipywidgets
import pytest

import nbincoming as nbi
from nbincoming.export.formats import FORMATS
from nbincoming.files import history_of, load
from nbincoming.notebook.integration import Integration
from nbincoming.notebook.wizard.cards.deduplication_card import CLAIMS
from nbincoming.notebook.wizard.state import TITLES
from nbincoming.notebook.wizard.views import CopyButton
from nbincoming.review.golden_examples import choose_examples
from nbincoming.review.lint import lint
from nbincoming.review.sample_review import SampleReview, SampleReviewer
from nbincoming.samples.sample import Sample
from tests.notebook.conftest import Make
from tests.notebook.wizard.clicking import Page, click, field, shown, text_of
from tests.notebook.wizard.test_cards import capture

P = nbi.P


@pytest.fixture
def inc(make: Make) -> Integration:
    """An integration with samples and a trigger."""
    made = make()
    capture(made, {"id": 1, "n": 1}, {"id": 2, "n": 5}, {"id": 2, "n": 9}, {"id": 3})
    made.deduplicate("body.id")
    made.trigger("large", P.body.n > 3)
    return made


@pytest.fixture
def page(inc: Integration) -> Page:
    """Its wizard."""
    return Page(inc)


def test_advice_has_its_code_its_way_out_and_leads_to_its_card(
    inc: Integration, page: Page
) -> None:
    """It is what `inc.lint` says, and stands in nobody's way."""
    opened = page.open("publish")
    advice = inc.lint()
    assert {"NBI001", "NBI009"} <= {each.code for each in advice}
    for each in advice:
        assert each.code in text_of(opened)
        assert each.remedy.split("“")[0][:30] in text_of(opened).replace("&quot;", '"')
    click(opened, "Show")
    assert inc.state.open_card == "endpoint"


def test_advice_says_what_the_forms_say(inc: Integration) -> None:
    """Who reads it finds the words on the screen, not those of the spec."""
    inc.trigger("odd", P.body.n == 4)
    remedies = {each.code: each.remedy for each in inc.lint()}
    messages = {each.code: each.message for each in inc.lint()}
    ((triggered, _),) = [each for each in CLAIMS if each[1] == "triggered"]
    assert f'"{triggered}"' in remedies["NBI009"]
    assert f"card {TITLES['conditions']}" in remedies["NBI007"]
    assert "is true in" in messages["NBI012"]
    for words in (*remedies.values(), *messages.values()):
        assert not {"holds", "hold", "explain()", "explain(),"} & set(words.split())
        assert '"triggered"' not in words


def test_advice_that_was_taken_is_gone(make: Make) -> None:
    """What the code changes shows in the open card."""
    inc = make("careful")
    capture(inc, {"id": 1})
    page = Page(inc)
    opened = page.open("publish")
    assert "NBI001" in text_of(opened)
    inc.authorization = nbi.jwt(secret="env:CAREFUL_KEY")
    inc.set_secret("env:CAREFUL_KEY", nbi.new_secret())
    page.refresh()
    assert "No advice." in text_of(opened)


def test_before_the_first_version_nothing_changes(inc: Integration, page: Page) -> None:
    """There is nothing to compare with."""
    assert "What changes" not in text_of(page.open("publish"))
    inc.publish()
    page.refresh()
    assert "The draft has the same meaning as version 1." in text_of(page.open("publish"))


def test_a_change_is_said_and_shown_on_the_samples(inc: Integration, page: Page) -> None:
    """By meaning, as a sentence, and by what comes out otherwise."""
    inc.publish()
    inc.trigger("large", P.body.n > 7)
    said = text_of(page.open("publish"))
    assert "body.n is more than 7" in said
    assert "1 sample with another outcome" in said
    assert "<b>1</b> sample changes" in said
    assert "accepted: large" in said
    inc.trigger("large", P.body.n > 4)
    page.refresh()
    assert "<b>0</b> samples change" in text_of(page.open("publish"))


def test_without_samples_a_change_is_just_said(make: Make) -> None:
    """Nothing shows what it does."""
    inc = make("bare")
    inc.publish()
    inc.deduplicate("body.id")
    said = text_of(Page(inc).open("publish"))
    assert "Retrieve data to see the effect on requests." in said


def test_what_changed_is_noted_with_the_version(inc: Integration, page: Page) -> None:
    """In the list of versions; the field is empty then."""
    opened = page.open("publish")
    note = field(opened, "What changed, for the list of versions")
    note.value = "the first one"
    click(opened, "Save & publish")
    assert note.value == ""
    (first,) = history_of(inc.state.published_path)
    assert first.published is not None
    assert first.published.changes == "the first one"
    assert load(inc.state.published_path) == inc.published


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_shown_to_be_copied(inc: Integration, page: Page, name: str) -> None:
    """As `inc.export` writes it."""
    opened = page.open("publish")
    field(opened, "Format").value = name
    copies = [each for each in shown(opened) if isinstance(each, CopyButton)]
    assert inc.export(name) in [each.text for each in copies]
    assert "nbi-export" in text_of(opened)


def test_a_format_follows_the_draft(inc: Integration, page: Page) -> None:
    """As long as nothing is published; then it is what is published."""
    opened = page.open("publish")
    field(opened, "Format").value = "openapi"
    before = text_of(opened)
    inc.deduplicate("body.n")
    page.refresh()
    assert text_of(opened) != before


def test_what_a_format_cannot_say_is_told(inc: Integration, page: Page) -> None:
    """CEL has no way to ignore case as we do; the rest of the card stays as it is."""
    inc.trigger("large", P.body.n.ignoring_case() == "A")
    opened = page.open("publish")
    field(opened, "Format").value = "cel"
    assert "ignor" in page.problems("publish")
    assert "nbi-export" not in text_of(opened)


def test_hostile_text_is_shown_as_text(make: Make) -> None:
    """In advice, in changes and in each format."""
    probe = "<img src=x onerror=alert(1)>"
    inc = make("hostile")
    capture(inc, {probe: probe}, {probe: "x"})
    inc.publish()
    inc.trigger(probe, P.body[probe] == probe)
    opened = Page(inc).open("publish")
    for name in FORMATS:
        field(opened, "Format").value = name
        assert probe not in text_of(opened)


def test_nothing_is_worked_out_twice(
    inc: Integration, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh that has nothing new to say costs nothing."""
    page.open("publish")
    monkeypatch.setattr(Integration, "lint", lambda _: pytest.fail("asked again"))
    page.refresh()
    inc.store.notify()


def test_an_export_is_json_to_the_end(inc: Integration, page: Page) -> None:
    """What is copied is whole, also where less is shown."""
    capture(inc, {f"name {number}": number for number in range(2_000)})
    opened = page.open("publish")
    field(opened, "Format").value = "jsonschema"
    (copied,) = [
        each.text
        for each in shown(opened)
        if isinstance(each, CopyButton) and "schema" in each.text
    ]
    assert json.loads(copied)
    (written,) = [
        each.value
        for each in shown(opened)
        if isinstance(each, ipywidgets.HTML) and "nbi-export" in each.value
    ]
    assert "Copy copies all of it" in written


# --- samples that keep coming ------------------------------------------------------------


def test_each_sample_is_looked_at_once(
    inc: Integration, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the open card is shown anew, and the draft is published."""
    looked: list[int] = []
    review = SampleReviewer.review

    def noting(reviewer: SampleReviewer, sample: Sample) -> SampleReview:
        looked.append(sample.number)
        return review(reviewer, sample)

    monkeypatch.setattr(SampleReviewer, "review", noting)
    page.open("publish")
    for number in range(5):
        capture(inc, {"id": 10 + number, "n": number})
        page.refresh()
    inc.publish()
    assert looked == list(range(9))


def test_after_a_burst_nothing_is_stale(inc: Integration, page: Page) -> None:
    """Card and file say what they would if all had been there from the beginning."""
    inc.publish()
    inc.trigger("large", P.body.n > 7)
    opened = page.open("publish")
    for number in range(5):
        capture(inc, {"id": 10 + number, "n": 5, "late": number})
        page.refresh()
    assert "6 samples with another outcome" in text_of(opened)
    capture(inc, {"id": 20, "latest": True})
    published = inc.publish()
    assert {"body.late", "body.latest"} <= {each.label for each in published.parameters}
    assert inc.published is not None
    judged = list(inc.samples.judged)
    assert published.examples == choose_examples(judged, inc.draft)
    assert inc.lint() == lint(inc.inspection.complete(), samples=judged, secrets=inc.secrets)


def test_the_same_advice_stays_in_place(inc: Integration, page: Page) -> None:
    """Whoever is about to press its button does not lose it to the next sample."""
    opened = page.open("publish")
    before = [each for each in shown(opened) if getattr(each, "description", "") == "Show"]
    capture(inc, {"id": 99, "n": 1})
    page.refresh()
    after = [each for each in shown(opened) if getattr(each, "description", "") == "Show"]
    assert before
    assert after == before
