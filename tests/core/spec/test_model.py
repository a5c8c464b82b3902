"""The published file: its canonical text, its digest, and what is refused."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jiter
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.moments import time_zone
from nbincoming.core.request.reading import (
    DEFAULT_LIMITS,
    Limits,
)
from nbincoming.core.request.values import json_text, same
from nbincoming.core.spec.evidence import Publication
from nbincoming.core.spec.model import SCHEMA_VERSION, Spec, read_spec, spec_from_data
from nbincoming.errors import SpecError
from tests.core.strategies import json_values, spec_data

COMPLAINTS: dict[str, Any] = {
    "schema_version": 1,
    "name": "complaints",
    "icon": "📨",
    "version": 0,
    "digest": "",
    "endpoint": "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d",
    "authorization": {"scheme": "jwt", "secrets": ["env:COMPLAINTS_JWT_KEY"]},
    "deduplication": {
        "parameters": ["body.complaint.id", "headers.x-event"],
        "window": "P7D",
        "anchor": "last_request",
        "claims": "every_request",
    },
    "triggers": [
        {
            "name": "urgent",
            "when": {
                "all": [
                    {"parameter": "body.complaint.priority", "operator": "equals", "value": "high"},
                    {"not": {"parameter": "body.test", "operator": "exists"}},
                    {
                        "parameter": "body.complaint.total",
                        "operator": "greater_than",
                        "value": {"parameter": "body.complaint.limit"},
                    },
                ]
            },
        },
        {
            "name": "large",
            "when": {"parameter": "body.n", "operator": "equals", "value": 12345678901234567890},
        },
    ],
    "time_zone": "Europe/Warsaw",
    "max_body_bytes": 1_048_576,
    "max_depth": 64,
    "max_parameters": 10_000,
    "parameters": [{"label": "body.complaint.id", "kinds": ["string"], "coverage": "28/40"}],
    "examples": [
        {
            "name": "accepted",
            "headers": [["content-type", "application/json"]],
            "body": {"complaint": {"id": "cmp-1"}},
            "received_at_ms": 1_718_010_930_000,
            "outcome": "accepted",
            "triggers": ["urgent"],
            "key": "0" * 64,
        }
    ],
}


def published(version: int = 1) -> Spec:
    return spec_from_data(COMPLAINTS).sealed(version=version)


def problems(text: str | bytes, **names: str) -> dict[str, str]:
    with pytest.raises(SpecError) as raised:
        read_spec(text, **names)
    return {problem.place: problem.message for problem in raised.value.problems}


def attempt(text: str) -> Spec | SpecError:
    try:
        return read_spec(text)
    except SpecError as error:
        return error


def without(member: str) -> dict[str, Any]:
    return {name: value for name, value in COMPLAINTS.items() if name != member}


# --- the canonical text ------------------------------------------------------------------


def test_the_canonical_text_is_the_models_own() -> None:
    """What is written in canonical form is written again as it was."""
    text = json.dumps(COMPLAINTS, indent=2, ensure_ascii=False) + "\n"
    assert json_text(read_spec(text).data(), indent=2) + "\n" == text


@given(spec_data)
def test_a_spec_reads_back_as_it_was_written(data: dict[str, Any]) -> None:
    """The text and the model are two forms of one thing."""
    spec = spec_from_data(data)
    if spec.version:
        spec = spec.sealed(version=spec.version)
    read = read_spec(spec.text())
    assert read == spec
    assert read.text() == spec.text()


@given(spec_data, st.integers(1, 9))
def test_a_published_spec_reads_back_with_its_digest(data: dict[str, Any], version: int) -> None:
    """Whatever it holds, the digest belongs to what is read."""
    spec = spec_from_data({**data, "version": 0}).sealed(version=version)
    assert read_spec(spec.text().encode()) == spec
    assert spec.version == version


def test_the_layout_of_a_file_does_not_matter() -> None:
    """White space and the order of members are no change."""
    data = published().data()
    shuffled = dict(reversed(data.items()))
    assert read_spec(json_text(shuffled)) == published()


def test_what_is_left_out_has_its_default() -> None:
    """Name and endpoint make a draft; the limits are the documented ones."""
    spec = spec_from_data({"name": "x", "endpoint": COMPLAINTS["endpoint"]})
    assert spec.schema_version == SCHEMA_VERSION
    assert spec.limits == DEFAULT_LIMITS == Limits(1_048_576, 64, 10_000)
    assert spec.zone == time_zone("UTC")
    assert (spec.version, spec.digest, spec.triggers, spec.deduplication) == (0, "", (), None)
    assert spec.authorization.data() == {"scheme": "none"}


def test_exact_numbers_stay_exact() -> None:
    """An operand of 20 digits survives the file."""
    leaf = published().data()["triggers"][1]["when"]
    assert json_text(leaf["value"]) == "12345678901234567890"


# --- the digest --------------------------------------------------------------------------


def test_the_digest_is_the_sha256_of_the_text_without_it() -> None:
    """Anyone can compute it: drop the member, write the text, hash it."""
    data = json.loads(published().text())
    digest = data.pop("digest")
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    assert digest == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_a_draft_has_no_digest() -> None:
    """Only what is published is sealed."""
    assert spec_from_data(COMPLAINTS).digest == ""
    assert read_spec(spec_from_data(COMPLAINTS).text()).version == 0


OTHER: dict[str, Any] = {
    "$schema": "https://example.com/incoming.schema.json",
    "name": "other",
    "icon": "🔥",
    "endpoint": "1b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d",
    "authorization": {"scheme": "none"},
    "deduplication": None,
    "triggers": [],
    "time_zone": "UTC",
    "max_body_bytes": 1_048_577,
    "max_depth": 65,
    "max_parameters": 10_001,
    "parameters": [],
    "examples": [],
    "version": 2,
    "published": {"at": "2024-06-10T09:15:30Z", "by": "Ada", "changes": "First"},
}


@pytest.mark.parametrize("member", OTHER)
def test_a_change_of_any_member_changes_the_digest(member: str) -> None:
    """Nothing in a published file can be edited unnoticed."""
    spec = published()
    data = {**spec.data(), member: OTHER[member]}
    assert spec_from_data({**data, "digest": ""}).computed_digest() != spec.digest
    assert list(problems(json_text(data))) == ["digest"]


def test_every_member_is_tried() -> None:
    """A new member of the spec has to come into the test above."""
    members = {field.alias or name for name, field in Spec.model_fields.items()}
    assert {*OTHER, "schema_version", "digest"} == members


@given(st.data())
def test_a_change_of_any_leaf_is_refused(data: st.DataObject) -> None:
    """Deep in a condition or in an example, too: refused, with a place."""
    tree = json.loads(published().text())
    node: Any = tree
    while True:
        key = data.draw(
            st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node)))
        )
        if not isinstance(node[key], dict | list) or not node[key]:
            break
        node = node[key]
    new = data.draw(json_values)
    if same(jiter.from_json(json_text([new]).encode(), float_mode="decimal")[0], node[key]):
        return
    node[key] = new
    read = attempt(json_text(tree))
    if isinstance(read, SpecError):
        assert all(problem.place for problem in read.problems)
    else:  # only a draft has no digest to fit
        assert (read.version, read.digest) == (0, "")


@pytest.mark.parametrize("digest", ["", "sha256:" + "0" * 64])
def test_a_digest_that_does_not_fit_is_refused(digest: str) -> None:
    """The message says what happened and what to do."""
    text = json_text({**published().data(), "digest": digest})
    found = problems(text)
    assert list(found) == ["digest"]
    assert "changed after it was published" in found["digest"]


def test_a_published_label_in_upper_case_is_named() -> None:
    """Its meaning has changed since it was published, so the file is not merely changed."""
    data = published().data()
    data["deduplication"]["parameters"] = ["headers.X-Event", "body.id"]
    data["triggers"][0]["when"] = {"parameter": "headers.X-Kind", "operator": "exists"}
    found = problems(json_text(data))
    assert set(found) == {"deduplication.parameters[0]", "triggers[0].when.parameter"}
    assert "'headers.X-Event' is read as 'headers.x-event'" in found["deduplication.parameters[0]"]


def test_a_draft_with_a_label_in_upper_case_is_read() -> None:
    """The label becomes canonical."""
    data = {**COMPLAINTS, "deduplication": {"parameters": ["headers.X-Event"]}}
    spec = read_spec(json_text(data))
    assert spec.deduplication is not None
    assert spec.deduplication.parameters == ("headers.x-event",)


def test_a_published_file_cannot_be_passed_off_as_a_draft() -> None:
    """A digest is checked in whatever file it stands."""
    text = json_text({**published().data(), "version": 0})
    assert list(problems(text)) == ["digest"]


@pytest.mark.parametrize(
    "digest", ["x", "sha256:0", "md5:" + "0" * 64, "sha256:" + "0" * 64 + "\n"]
)
def test_a_digest_has_its_form(digest: str) -> None:
    """Another algorithm is not guessed at."""
    assert list(problems(json_text({**COMPLAINTS, "digest": digest}))) == ["digest"]


# --- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON: EOF"),
        ("{", "not valid JSON"),
        ('{"name":"a","name":"b"}', 'Detected duplicate key "name"'),
        ('{"max_depth":NaN}', "at line 1 column"),
        ('{"name":"\ud800"}', "at line 1 column"),
        (b'{"name":"\xff"}', "at line 1 column"),
        ("[]", "not a JSON object"),
        ("5", "not a JSON object"),
        ("null", "not a JSON object"),
    ],
)
def test_what_is_not_a_json_object_is_no_spec(text: str | bytes, message: str) -> None:
    """The file is named, and the position where there is one."""
    assert message in problems(text, source="x.incoming.json")[""]


def test_the_source_is_named_in_the_message() -> None:
    """With several files on a command line, each says its own name."""
    with pytest.raises(SpecError, match=r"^x\.incoming\.json has 1 problem:"):
        read_spec("[]", source="x.incoming.json")


@pytest.mark.parametrize("version", [2, 3, 99, 10**30])
def test_a_newer_format_is_refused_as_such(version: int) -> None:
    """Other problems are not told: they would be guesses."""
    found = problems(json_text({"schema_version": version, "bogus": 1}))
    assert list(found) == ["schema_version"]
    assert "Upgrade nbincoming" in found["schema_version"]


@pytest.mark.parametrize("version", ["1", "2", 0, -1, "1.0", "true", "null", '"1"', "[1]"])
def test_what_is_no_version_is_refused(version: Any) -> None:
    """One is 1: neither text, nor true, nor a decimal."""
    text = json_text({**without("schema_version"), "schema_version": 7}).replace(
        '"schema_version":7', f'"schema_version":{version}'
    )
    if version == "1":
        assert read_spec(text)
    else:
        assert list(problems(text)) == ["schema_version"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("version", "1"),
        ("version", True),
        ("version", -1),
        ("max_depth", "64"),
        ("max_depth", 151),
        ("max_depth", 0),
        ("max_body_bytes", 1),
        ("max_body_bytes", 67_108_865),
        ("max_parameters", 0),
        ("max_parameters", 1_000_001),
        ("name", ""),
        ("name", ".hidden"),
        ("name", "../up"),
        ("name", "a/b"),
        ("name", "a b"),
        ("name", "a."),
        ("name", "a\n"),
        ("name", "x" * 81),
        ("name", None),
        ("icon", "x" * 17),
        ("endpoint", "0B6F1F2E-8A44-4C4E-9D3E-0D1F0A1B2C3D"),
        ("endpoint", "0b6f1f2e8a444c4e9d3e0d1f0a1b2c3d"),
        ("endpoint", "{0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d}"),
        ("endpoint", ""),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("time_zone", ""),
    ],
)
def test_a_member_has_its_type_and_its_bounds(member: str, value: Any) -> None:
    """Nothing is coerced in silence."""
    assert list(problems(json_text({**COMPLAINTS, member: value}))) == [member]


@pytest.mark.parametrize("member", ["name", "endpoint"])
def test_name_and_endpoint_are_required(member: str) -> None:
    """The one names the file, the other the address."""
    assert list(problems(json_text(without(member)))) == [member]


def test_triggers_have_names_of_their_own() -> None:
    """Two of one name could not be told apart in an event."""
    trigger = COMPLAINTS["triggers"][0]
    with pytest.raises(SpecError, match="Two triggers are named 'urgent'"):
        spec_from_data({**COMPLAINTS, "triggers": [trigger, trigger]})


def test_examples_have_names_of_their_own() -> None:
    """A failing example is told by its name."""
    example = COMPLAINTS["examples"][0]
    with pytest.raises(SpecError, match="Two examples are named 'accepted'"):
        spec_from_data({**COMPLAINTS, "examples": [example, example]})


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("headers", [["Cookie", "a=b"]]),
        ("headers", [["content-type", "a", "b"]]),
        ("outcome", "duplicate"),
        ("received_at_ms", "5"),
        ("received_at_ms", -1),
        ("key", "0" * 63),
        ("body", None),
        ("extra", 1),
    ],
)
def test_an_example_is_complete_and_holds_no_credentials(member: str, value: Any) -> None:
    """It must be run again anywhere, and read by anyone."""
    example = {**COMPLAINTS["examples"][0], member: value}
    (place,) = problems(json_text({**COMPLAINTS, "examples": [example]}))
    assert place.startswith(f"examples[0].{member}")


@pytest.mark.parametrize(
    ("member", "value"),
    [("label", "complaint.id"), ("kinds", ["float"]), ("coverage", "70 %"), ("extra", 1)],
)
def test_an_observed_parameter_is_in_form(member: str, value: Any) -> None:
    """A profile that nobody could read is refused."""
    observed = {**COMPLAINTS["parameters"][0], member: value}
    (place,) = problems(json_text({**COMPLAINTS, "parameters": [observed]}))
    assert place.startswith(f"parameters[0].{member}")


@pytest.mark.parametrize(
    "members",
    [
        {"icon": "\ud83d"},
        {"triggers": [{**COMPLAINTS["triggers"][0], "name": "\ud83d"}]},
        {"examples": [{**COMPLAINTS["examples"][0], "body": "\ud83d"}]},
        {"examples": [{**COMPLAINTS["examples"][0], "headers": [["x-a", "\ud83d"]]}]},
    ],
)
def test_a_text_that_no_file_can_hold_is_refused_early(members: dict[str, Any]) -> None:
    """A lone surrogate given in Python is a problem with a place, not a crash at publishing."""
    with pytest.raises(SpecError, match="This has a lone surrogate") as raised:
        spec_from_data({**COMPLAINTS, **members})
    assert all(problem.place for problem in raised.value.problems)


@given(spec_data, st.sampled_from([*OTHER, "digest"]), json_values)
def test_any_member_of_any_value_is_read_or_refused(
    data: dict[str, Any], member: str, value: Any
) -> None:
    """Reading is total: a spec, or a SpecError that names its places."""
    text = json_text({**data, member: value})
    read = attempt(text)
    if isinstance(read, SpecError):
        assert read.problems
    else:
        read = read.sealed(version=1)
        assert read_spec(read.text()) == read


@given(st.binary(max_size=80) | st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    """Nothing but a SpecError is raised, whatever the file holds."""
    with pytest.raises(SpecError):
        read_spec(text)


# --- what the drivers ask ------------------------------------------------------------------


def test_the_labels_that_decide_are_gathered() -> None:
    """Of keys, conditions and references; what decides nothing is left out."""
    assert spec_from_data(COMPLAINTS).labels() == {
        "body.complaint.id", "headers.x-event", "body.complaint.priority", "body.test",
        "body.complaint.total", "body.complaint.limit", "body.n",
    }  # fmt: skip
    assert spec_from_data({"name": "x", "endpoint": COMPLAINTS["endpoint"]}).labels() == set()


def test_the_key_space_is_the_integrations() -> None:
    """Without deduplication it is the endpoint alone."""
    spec = spec_from_data(COMPLAINTS)
    assert spec.deduplication is not None
    assert spec.key_space == spec.deduplication.key_space(spec.endpoint)
    assert spec_from_data({**COMPLAINTS, "deduplication": None}).key_space == spec.endpoint


def test_a_spec_does_not_change() -> None:
    """Sealing makes another one."""
    spec = spec_from_data(COMPLAINTS)
    sealed = spec.sealed(version=3)
    assert (spec.version, spec.digest) == (0, "")
    assert sealed.digest == sealed.computed_digest()
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"  # type: ignore[misc]


def test_a_spec_is_shown_on_one_line() -> None:
    """A notebook shows it below a cell; the whole is in the file."""
    draft = Spec(name="orders", endpoint="0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d")
    assert repr(draft) == str(draft) == "<Spec orders: draft>"
    sealed = draft.model_copy(update={"version": 2, "digest": "sha256:" + "a" * 64})
    assert repr(sealed) == "<Spec orders: version 2, sha256:aaaaaaaaaaaa…>"


# --- for people --------------------------------------------------------------------------


def with_body(body: Any) -> dict[str, Any]:
    """Write a spec with an example of this body."""
    example = {
        "name": "e", "headers": [], "body": body, "received_at_ms": 0, "outcome": "rejected",
    }  # fmt: skip
    return {"name": "x", "endpoint": COMPLAINTS["endpoint"], "examples": [example]}


def test_a_condition_stands_on_a_line() -> None:
    """A file is laid out for those who read it."""
    line = '{"parameter": "body.complaint.priority", "operator": "equals", "value": "high"}'
    assert f"          {line},\n" in published().text()


@given(st.lists(json_values, max_size=3) | st.dictionaries(st.text(max_size=3), json_values))
def test_a_body_is_shown_as_what_it_is(body: Any) -> None:
    """Where that says all: its text is the same when it is read again."""
    spec = spec_from_data(with_body(json_text(body)))
    assert same(spec.data()["examples"][0]["body"], body)
    assert read_spec(spec.text()) == spec
    assert spec_from_data(with_body(body)) == spec


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[1.0]", '{"a":1,"a":2}', '"{}"', ""])
def test_a_body_that_is_not_just_its_value_stays_a_text(text: str) -> None:
    """Its white space, its spelling of numbers and its faults are kept."""
    spec = spec_from_data(with_body(text))
    assert spec.data()["examples"][0]["body"] == text
    assert read_spec(spec.text()).examples[0].body == text


def test_a_publication_is_said_on_one_line() -> None:
    """When, by whom, and what changed, as far as that is known."""
    assert str(Publication.of(0)) == "1970-01-01T00:00:00.000Z"
    said = str(Publication.of(0, by="Ada\nB.", changes=" the  first\n"))
    assert said == "1970-01-01T00:00:00.000Z by Ada B.: the first"


def test_a_draft_of_a_version_has_no_trace_of_its_publication() -> None:
    """It is what the next version starts from."""
    draft = published().draft()
    assert (draft.version, draft.digest, draft.published) == (0, "", None)
    assert draft.sealed(version=1).draft() == draft
