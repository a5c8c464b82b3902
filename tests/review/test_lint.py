"""Advice before publishing: each code where it belongs, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from nbincoming.core.spec.model import Spec
from nbincoming.review.advice import ADVICE_TITLES, Advice
from nbincoming.review.golden_examples import choose_examples
from nbincoming.review.key_advice import key_advice
from nbincoming.review.lint import lint
from nbincoming.samples.profile import profile_of, profile_of_observed
from nbincoming.samples.samples import Samples
from tests.samples.making import samples, spec

PAGE = Path(__file__).parents[2] / "docs" / "lint.md"

JWT = {"scheme": "jwt", "secrets": ["env:LINT_KEY"]}
HIGH = {"parameter": "body.priority", "operator": "equals", "value": "high"}

#: Three that are urgent and two that are not.
CAPTURED = samples(
    {"id": 1, "priority": "high"},
    {"id": 2, "priority": "low"},
    {"id": 3, "priority": "high", "sent_at": "a"},
    {"id": 4, "priority": "low", "sent_at": "b"},
    {"id": 5, "priority": "high", "sent_at": "c"},
)


def trigger(when: dict[str, Any]) -> list[dict[str, Any]]:
    """Make the triggers of a spec."""
    return [{"name": "t", "when": when}]


def sound(**members: Any) -> Spec:
    """Make a spec about which there is nothing to say, with changes."""
    members = {
        "authorization": JWT,
        "deduplication": {"parameters": ["body.id"], "claims": "triggered"},
        "triggers": trigger(HIGH),
        **members,
    }
    draft = spec(**members)
    return draft.model_copy(update={"examples": choose_examples(CAPTURED, draft)})


def advice(code: str, found: list[Advice]) -> Advice:
    """Return the one piece of advice there is, which has this code."""
    (one,) = found
    assert one.code == code, str(one)
    return one


def test_a_sound_spec_gets_no_advice() -> None:
    """With samples and without, and with its secrets there."""
    assert lint(sound(), samples=CAPTURED, secrets={"env:LINT_KEY"}) == []
    assert lint(sound()) == []


def test_every_code_has_its_section() -> None:
    """The page has a heading for each, in order, with the words of the table."""
    headings = re.findall(r"^## (NBI\d+): (.*)$", PAGE.read_text(), re.MULTILINE)
    assert headings == list(ADVICE_TITLES.items())


@pytest.mark.parametrize(
    ("code", "place", "members"),
    [
        ("NBI001", "authorization", {"authorization": {"scheme": "none"}}),
        ("NBI001", "authorization", {"authorization": {"scheme": "none"}, "deduplication": None}),
        (
            "NBI004", "deduplication.parameters[1]",
            {"deduplication": {"parameters": ["body.id", "body.no"], "claims": "triggered"}},
        ),
        (
            "NBI005", "deduplication.parameters",
            {"deduplication": {"parameters": ["headers.content-type"], "claims": "triggered"}},
        ),
        (
            "NBI006", "triggers[0]",
            {"triggers": trigger({"any": [HIGH, {**HIGH, "value": "low"}]})},
        ),
        ("NBI009", "deduplication.claims", {"deduplication": {"parameters": ["body.id"]}}),
    ],
)  # fmt: skip
def test_what_is_unwise_is_found(code: str, place: str, members: dict[str, Any]) -> None:
    """At its place, with a sentence and a way out."""
    found = advice(code, lint(sound(**members), samples=CAPTURED))
    assert found.place == place
    for sentence in (found.message, found.remedy):
        assert sentence[0].isupper() or "." in sentence.split()[0]
        assert sentence.endswith(".")


def test_a_key_that_changes_or_is_missing_is_found() -> None:
    """By its name and by the share of samples without it."""
    draft = sound(deduplication={"parameters": ["body.id", "body.sent_at"], "claims": "triggered"})
    missing, volatile = lint(draft, samples=CAPTURED)
    assert (missing.code, volatile.code) == ("NBI003", "NBI002")
    assert "missing in 40 % of the samples" in missing.message
    assert missing.place == volatile.place == "deduplication.parameters[1]"


@pytest.mark.parametrize(
    ("scheme", "key", "codes"),
    [
        ({"scheme": "standard-webhooks"}, ["headers.webhook-id"], []),
        ({"scheme": "standard-webhooks"}, ["headers.webhook-id", "headers.x-a"], []),
        ({"scheme": "standard-webhooks"}, ["headers.x-a"], ["NBI005"]),
        ({"scheme": "hmac", "header": "X-S", "timestamp_header": "X-T"}, ["headers.x-t"], []),
        ({"scheme": "hmac", "header": "X-S"}, ["headers.x-t"], ["NBI005"]),
        ({"scheme": "meta"}, ["headers.webhook-id"], ["NBI005"]),
        ({"scheme": "jwt"}, ["headers.webhook-id"], ["NBI005"]),
    ],
)
def test_a_key_of_signed_headers_is_as_good_as_one_of_the_body(
    scheme: dict[str, str], key: list[str], codes: list[str]
) -> None:
    """Which headers the signature covers depends on the scheme."""
    draft = spec(
        authorization={**scheme, "secrets": ["env:LINT_KEY"]}, deduplication={"parameters": key}
    )
    assert [each.code for each in key_advice(draft, {})] == codes


def statuses(*numbers: int) -> dict[str, Any]:
    """Make a batch as Meta sends it, of statuses with these ids."""
    value = {"statuses": [{"id": number} for number in numbers]}
    return {"entry": [{"changes": [{"value": value}]}]}


BATCH = "body.entry[0].changes[0].value.statuses"


@pytest.mark.parametrize(
    ("key", "places"),
    [
        ([f"{BATCH}[0].id"], ["deduplication.parameters[0]"]),
        (["headers.content-type", f"{BATCH}[1].id"], ["deduplication.parameters[1]"]),
        ([f"{BATCH}[0]"], ["deduplication.parameters[0]"]),
        ([f"{BATCH}[0].id", f"{BATCH}[1].id"], []),
        ([f"{BATCH}[0].id", BATCH], []),
        ([BATCH], []),
    ],
)
def test_a_key_on_one_element_of_a_longer_array_is_found(key: list[str], places: list[str]) -> None:
    """Unless the key reads every element; from the samples, and from what a spec keeps."""
    draft = spec(authorization=JWT, deduplication={"parameters": key})
    profiles = profile_of([each.flat() for each in samples(statuses(1), statuses(1, 2))])
    for seen in (profiles, [profile_of_observed(each.observed()) for each in profiles]):
        found = key_advice(draft, {each.label: each for each in seen})
        assert [each.place for each in found if each.code == "NBI014"] == places


def test_a_key_on_the_only_element_of_an_array_is_no_mistake() -> None:
    """No sample shows that the array can have more."""
    draft = spec(authorization=JWT, deduplication={"parameters": [f"{BATCH}[0].id"]})
    profiles = profile_of([each.flat() for each in samples(statuses(1), statuses(2))])
    assert key_advice(draft, {each.label: each for each in profiles}) == []


def test_the_advice_on_one_element_says_what_is_lost_and_what_to_do() -> None:
    """With the longest array that was seen; [0] is no way out."""
    draft = spec(authorization=JWT, deduplication={"parameters": [f"{BATCH}[0].id"]})
    found = lint(draft, samples=samples(statuses(1), statuses(1, 2, 3)))
    (one,) = [each for each in found if each.code == "NBI014"]
    assert one.message == (
        f"{BATCH}[0].id reads one element of {BATCH}, which had up to 3 elements in the samples. "
        "A later request with the same key is dropped as a duplicate, even if its other elements "
        "are new."
    )
    assert one.remedy == (
        "Have the sender put one event in each request, choose another parameter, or choose the "
        f"whole array {BATCH}."
    )


def test_a_key_on_a_whole_object_is_seen_in_its_parameters() -> None:
    """An object is no parameter of its own in the samples, and there all the same."""
    draft = spec(authorization=JWT, deduplication={"parameters": ["body.customer"]})
    seen = samples({"customer": {"id": 1}})
    profiles = {each.label: each for each in profile_of([each.flat() for each in seen])}
    assert key_advice(draft, profiles) == []


def test_a_trigger_that_matches_nothing_is_found() -> None:
    """With the conditions that no example shows to hold."""
    found = lint(sound(triggers=trigger({**HIGH, "value": "urgent"})), samples=CAPTURED)
    assert [each.code for each in found] == ["NBI007", "NBI012"]
    assert "none of 5 samples" in found[0].message


@pytest.mark.parametrize(
    ("when", "place"),
    [
        ({"parameter": "body.no", "operator": "exists"}, "triggers[0].when.any[1].parameter"),
        (
            {**HIGH, "value": {"parameter": "body.no"}},
            "triggers[0].when.any[1].value.parameter",
        ),
        (
            {"parameter": "body.no[*].x", "operator": "contains", "value": 1},
            "triggers[0].when.any[1].parameter",
        ),
    ],
)
def test_a_parameter_that_was_never_seen_is_found(when: dict[str, Any], place: str) -> None:
    """Wherever a leaf reads it; from the samples, and from what a published spec keeps."""
    draft = sound(triggers=trigger({"any": [HIGH, when]}))
    published = draft.model_copy(
        update={
            "parameters": tuple(
                each.observed() for each in profile_of([each.flat() for each in CAPTURED])
            )
        }
    )
    for found in (lint(draft, samples=CAPTURED), lint(published)):
        assert [(each.code, each.place) for each in found if each.code != "NBI012"] == [
            ("NBI008", place)
        ]


def test_to_ask_whether_it_is_missing_is_no_mistake() -> None:
    """A guard against a parameter that never came is meant."""
    when = {"all": [HIGH, {"parameter": "body.test", "operator": "missing"}]}
    codes = [each.code for each in lint(sound(triggers=trigger(when)), samples=CAPTURED)]
    assert codes == ["NBI012"]


def test_keys_that_silence_a_trigger_are_counted() -> None:
    """In the samples: a filtered request first, one that would match after it."""
    draft = sound(deduplication={"parameters": ["body.id"]})
    seen = samples({"id": 1, "priority": "low"}, {"id": 1, "priority": "high"}, {"id": 2})
    (found,) = [each for each in lint(draft, samples=seen) if each.code == "NBI009"]
    assert "happens to 1 key." in found.message


def test_a_key_with_all_that_decides_silences_nothing() -> None:
    """Requests with one key have one outcome then; unless the clock decides, too."""
    key = {"parameters": ["body.id", "body.priority"]}
    assert lint(sound(deduplication=key), samples=CAPTURED) == []
    timed = {
        "parameter": "body.priority", "operator": "in_last", "value": "P1D", "type": "datetime",
    }  # fmt: skip
    found = lint(sound(deduplication=key, triggers=trigger({"any": [HIGH, timed]})))
    assert "NBI009" in [each.code for each in found]


def test_a_secret_that_is_not_there_is_named() -> None:
    """Only where somebody says where to look."""
    found = advice("NBI010", lint(sound(), samples=CAPTURED, secrets={}))
    assert "env:LINT_KEY" in found.message


def test_personal_data_that_an_example_keeps_is_named_and_not_shown() -> None:
    """A value that decides is kept; the advice does not repeat it."""
    when = {"parameter": "body.email", "operator": "exists"}
    draft = spec(
        authorization=JWT,
        deduplication={"parameters": ["body.email"], "claims": "triggered"},
        triggers=trigger(when),
    )
    seen = samples({"email": "ada@example.com", "phone": "+44 20 7946 0000"}, {"id": 1})
    complete = draft.model_copy(update={"examples": choose_examples(seen, draft)})
    (found,) = [each for each in lint(complete) if each.code == "NBI011"]
    assert found.place == "examples[0]"
    assert "body.email" in found.message
    assert "ada@" not in str(found)


def test_without_examples_that_is_all_that_is_said_of_them() -> None:
    """One sentence, not one for each condition."""
    bare = sound().model_copy(update={"examples": ()})
    assert advice("NBI013", lint(bare)).place == "examples"


def test_nothing_is_said_of_samples_that_are_not_there() -> None:
    """A draft without samples gets no advice about what they show."""
    bare = spec(authorization=JWT, triggers=trigger(HIGH))
    assert [each.code for each in lint(bare, samples=Samples())] == ["NBI013"]
