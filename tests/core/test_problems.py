"""Problems of a spec: all at once, each with its place, none with a secret."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.schemes import (
    basic,
    header,
    hmac_signature,
    jwt,
    meta,
    provider,
    standard_webhooks,
)
from nbincoming.core.problems import place_text, problems_of
from nbincoming.core.spec.model import spec_from_data
from nbincoming.errors import SpecError

SPEC = {
    "schema_version": 1,
    "name": "complaints",
    "endpoint": "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d",
}
LEAF = {"parameter": "body.a", "operator": "equals", "value": 1}


def problems(**members: Any) -> dict[str, str]:
    """The problems of a spec that is good but for some members: message by place."""
    with pytest.raises(SpecError) as raised:
        spec_from_data({**SPEC, **members})
    found = {problem.place: problem.message for problem in raised.value.problems}
    assert len(found) == len(raised.value.problems)
    assert all(message.endswith((".", "?", "!")) for message in found.values())
    return found


def when(condition: Any) -> dict[str, Any]:
    return {"triggers": [{"name": "urgent", "when": condition}]}


# --- places --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"bogus": 1}, "bogus"),
        ({"two words": 1}, '["two words"]'),
        ({"a.b": 1}, '["a.b"]'),
        ({"authorization": {"scheme": "jwt", "secret": "x"}}, "authorization.secret"),
        ({"authorization": {"scheme": "jwt", "secrets": ["x"]}}, "authorization.secrets[0]"),
        ({"deduplication": {"parameters": ["body.a", "b"]}}, "deduplication.parameters[1]"),
        ({"deduplication": {"parameters": ["body.a"], "window": "7d"}}, "deduplication.window"),
        (when({"parameter": "a", "operator": "exists"}), "triggers[0].when.parameter"),
        (when({"all": [LEAF, {**LEAF, "operator": "is"}]}), "triggers[0].when.all[1].operator"),
        (when({"any": [{"not": {**LEAF, "x": 1}}]}), "triggers[0].when.any[0].not.x"),
        (when({"not": {**LEAF, "value": [1]}}), "triggers[0].when.not.value"),
        (when({"parameter": "body.a", "operator": "equals"}), "triggers[0].when.value"),
        (when({"all": []}), "triggers[0].when.all"),
        (when(5), "triggers[0].when"),
        (
            when({**LEAF, "operator": "any_element", "value": {**LEAF, "operator": "no"}}),
            "triggers[0].when.value.operator",
        ),
        ({"parameters": [{"label": "body.a"}]}, "parameters[0].kinds"),
        ({"examples": [{"headers": [["a"]]}]}, "examples[0].headers[0][1]"),
    ],
)
def test_a_problem_names_its_place(members: dict[str, Any], place: str) -> None:
    """The place is the path through the file that a person would write."""
    assert place in problems(**members)


def test_a_place_is_a_path_of_readable_length() -> None:
    """Neither a tag of a union nor an endless name gets into it."""
    assert place_text(("triggers", 0, "when", "<All>", "all", 1)) == "triggers[0].when.all[1]"
    assert place_text(("authorization", "jwt", "secrets", 0)) == "authorization.secrets[0]"
    assert len(place_text(("x" * 5_000,))) == 80
    assert place_text(()) == ""


def test_all_problems_are_told_at_once() -> None:
    """A form shows all its red fields, not the first."""
    found = problems(
        name="../x",
        endpoint="1",
        icon=5,
        bogus=True,
        version="1",
        time_zone="Mars/Olympus",
        max_depth=0,
        deduplication={"parameters": ["x"], "anchor": "never"},
        triggers=[{"when": {"all": [{"parameter": "body.a", "operator": "equls", "value": 1}]}}],
    )
    assert set(found) == {
        "name", "endpoint", "icon", "bogus", "version", "time_zone", "max_depth",
        "deduplication.parameters[0]", "deduplication.anchor", "triggers[0].name",
        "triggers[0].when.all[0].operator",
    }  # fmt: skip


def test_a_group_with_a_bad_part_is_not_called_empty() -> None:
    """One mistake is one problem."""
    found = problems(**when({"all": [{**LEAF, "operator": "equls"}]}))
    assert list(found) == ["triggers[0].when.all[0].operator"]


# --- messages ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"bogus": 1}, "This field is unknown. Remove it, or check its spelling."),
        ({"triggers": [{"when": LEAF}]}, "This field is required. Add it."),
        ({"triggers": 5}, "Write a list, in brackets."),
        ({"triggers": [5]}, "Write an object, in braces."),
        ({"deduplication": [5]}, "Write an object, in braces."),
        ({"deduplication": {"parameters": []}}, "Choose one parameter or more"),
        ({"deduplication": {"parameters": ["body"] * 6}}, "Give at most 5; 6 are given."),
        (when({"any": []}), "could never be true"),
        (when(5), "Write a condition:"),
        (when({**LEAF, "operator": "equls"}), "Did you mean equals"),
        ({"authorization": {"scheme": "digest"}}, "Write one of 'none', 'jwt', 'meta'"),
        ({"authorization": {}}, "with the member 'scheme'"),
        ({"authorization": {"scheme": "meta", "secrets": []}}, "Name a secret, such as env:NAME"),
        ({"max_depth": 151}, "less than or equal to 150; 151 was given."),
        ({"max_depth": True}, "valid integer; True was given."),
        ({"icon": "x" * 500}, "An icon is an emoji of at most 16 characters, or an image"),
        ({"digest": "x" * 500}, "x…"),
    ],
)
def test_a_message_says_what_to_do(members: dict[str, Any], message: str) -> None:
    """What was given, what is needed, what to do; in short."""
    (found,) = problems(**members).values()
    assert message in found
    assert len(found) < 400


def test_a_number_is_shown_as_the_spec_writes_it() -> None:
    """Nobody wrote Decimal('1.5') in a file, and no number fills the screen."""
    with pytest.raises(SpecError) as raised:
        spec_from_data({**SPEC, "max_depth": 10**6_000, "max_parameters": 10**30})
    assert "10000000000000000000000000000000 was" not in str(raised.value)
    assert "; 1e6000 was given." in str(raised.value)


def test_problems_outside_a_known_list_are_told_plainly() -> None:
    """A list that some later field calls too short has a message, too."""
    from pydantic import BaseModel, Field, ValidationError

    class Later(BaseModel):
        colours: list[str] = Field(min_length=1)

    with pytest.raises(ValidationError) as raised:
        Later(colours=[])
    (problem,) = problems_of(raised.value)
    assert (problem.place, problem.message) == ("colours", "Give one or more.")


# --- secrets typed by mistake ----------------------------------------------------------

DECOY = "decoy"
RIGHT = (
    "env:", "file:", "none", "jwt", "meta", "hmac", "standard-webhooks", "header", "basic",
    "provider",
)  # fmt: skip
typed = st.text(min_size=1).filter(lambda text: not text.startswith(RIGHT))
SCHEMES: list[Any] = [
    lambda secret: {"scheme": "jwt", "secrets": [secret]},
    lambda secret: {"scheme": "meta", "secrets": ["env:KEY", secret]},
    lambda secret: {"scheme": "meta", "secrets": ["env:KEY"], "verify_token": secret},
    lambda secret: {"scheme": "hmac", "header": "x-a", "secrets": [secret]},
    lambda secret: {"scheme": "standard-webhooks", "secrets": [secret]},
    lambda secret: {"scheme": "header", "header": "x-token", "secrets": [secret]},
    lambda secret: {"scheme": "basic", "secrets": [secret]},
    lambda secret: {"scheme": "provider", "provider": "slack", "secrets": [secret]},
    lambda secret: {
        "scheme": "provider", "provider": "meta", "secrets": ["env:KEY"], "verify_token": secret
    },
    lambda secret: {"scheme": "jwt", "secrets": secret},
    lambda secret: {"scheme": "jwt", "secrets": {"key": secret}},
    lambda secret: {"scheme": "jwt", "secrets": [[secret]]},
    lambda secret: {"scheme": "jwt", "secrets": [{"value": secret}]},
    lambda secret: {"scheme": "meta", "secrets": ["env:KEY"], "verify_token": [secret]},
    lambda secret: {"scheme": "jwt", "secret": secret},
    lambda secret: {"scheme": "jwt", "key": secret, "secrets": []},
    lambda secret: {"scheme": secret},
    lambda secret: {"scheme": [secret]},
    lambda secret: {"secrets": [secret]},
    lambda secret: secret,
    lambda secret: [secret],
]  # fmt: skip


def refusal(authorization: Any) -> str:
    with pytest.raises(SpecError) as raised:
        spec_from_data({**SPEC, "authorization": authorization})
    assert raised.value.__cause__ is None
    return str(raised.value)


@pytest.mark.parametrize("scheme", SCHEMES)
@given(secret=typed)
def test_a_secret_typed_into_the_spec_is_not_repeated(scheme: Any, secret: str) -> None:
    """Whatever stands where a secret's name belongs, the message is the same."""
    assert refusal(scheme(secret)) == refusal(scheme(DECOY))


@given(secret=typed)
def test_a_secret_typed_into_the_code_is_not_repeated(secret: str) -> None:
    """The functions of the notebook are as silent as the file."""
    for make, options in (
        (jwt, {}),
        (meta, {}),
        (hmac_signature, {"header": "x-a"}),
        (standard_webhooks, {}),
        (basic, {}),
        (partial(header, "x-token"), {}),
        (partial(provider, "stripe"), {}),
    ):
        messages = []
        for given_secret in (secret, DECOY):
            with pytest.raises(SpecError) as raised:
                make(secret=given_secret, **options)  # type: ignore[operator]
            messages.append(str(raised.value))
        assert messages[0] == messages[1]


@given(st.integers(10**12, 10**13) | st.binary(min_size=12).filter(lambda b: not b.isascii()))
def test_a_secret_of_another_type_is_not_repeated(secret: Any) -> None:
    """A number or bytes typed for a name do not show, either."""
    message = refusal({"scheme": "jwt", "secrets": [secret]})
    assert str(secret) not in message
    assert repr(secret) not in message


@given(secret=typed)
def test_credentials_in_an_example_are_not_repeated(secret: str) -> None:
    """An example with a header that carries credentials is refused by the header's name."""
    example = {
        "name": "a",
        "headers": [["Authorization", secret], ["X-Event", "push"]],
        "body": "{}",
        "received_at_ms": 0,
        "outcome": "accepted",
    }
    (message,) = problems(examples=[example]).values()
    assert message == "An example must not contain credentials. Remove 'Authorization'."
