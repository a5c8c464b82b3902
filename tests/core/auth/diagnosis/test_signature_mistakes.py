"""The usual mistakes in signing, each undone."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.diagnosis.signature_mistakes import (
    Variant,
    Wanted,
    body_variants,
    explain_signature,
    given_twice,
    missing_header,
    secret_variants,
    timed_variants,
)
from nbincoming.core.auth.signatures import sign
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import json_text
from tests.core.strategies import documents

HEX = Wanted("x-sign", "sha256", "hex")


def mistakes(variants: list[Variant], value: bytes) -> list[str]:
    """Return what is said of a value."""
    return [variant.mistake for variant in variants if variant.value == value]


@pytest.mark.parametrize(
    ("here", "there", "words"),
    [
        (b"key", b"key", ""),
        (b" key\n", b"key", "the secret had no white space at its ends"),
        (b'"key"', b"key", "the secret had no quotes around it"),
        (b"'key'", b"key", "the secret had no quotes around it"),
        (b"key", b"key\n", "the secret ended in a line break"),
        (b"key", b"key\r\n", "the secret ended in a line break"),
        (b"whsec_a2V5", b"a2V5", "the secret were used without its prefix whsec_"),
        (b"whsec_a2V5", b"key", "the secret were decoded from base64"),
        (b"a2V5", b"key", "the secret were decoded from base64"),
        (b"6b6579", b"key", "the secret were decoded from hexadecimal"),
    ],
)
def test_a_secret_has_forms(here: bytes, there: bytes, words: str) -> None:
    """What stands here, and what the sender used."""
    assert words in mistakes(secret_variants(here), there)


@given(secret=st.binary(min_size=1))
def test_the_right_form_comes_first_and_each_once(secret: bytes) -> None:
    """So that a mistake is never said where there is none."""
    variants = secret_variants(secret)
    assert variants[0] == Variant(secret)
    assert len({variant.value for variant in variants}) == len(variants)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b'{"b": "\xc3\xa9", "a": 1}\n', ""),
        (b'{"b": "\xc3\xa9", "a": 1}', "without white space around it"),
        (b'{"b": "\xc3\xa9", "a": 1}\n\n', "with a line break at its end"),
        (b'{"b":"\xc3\xa9","a":1}', "as compact JSON"),
        (b'{"a":1,"b":"\\u00e9"}', "as compact JSON, escaped to ASCII, members sorted"),
        (b'{"a": 1, "b": "\xc3\xa9"}', "as JSON with spaces after commas and colons, members sor"),
        (b'{\n  "b": "\xc3\xa9",\n  "a": 1\n}', "as JSON indented by 2"),
    ],
)
def test_a_body_has_forms(value: bytes, words: str) -> None:
    """What came, and what its sender signed."""
    said = mistakes(body_variants(b'{"b": "\xc3\xa9", "a": 1}\n'), value)
    assert len(said) == 1
    assert words in said[0]


@given(document=documents)
def test_a_rewritten_body_is_the_same_value(document: Any) -> None:
    """Forms differ in how they are written, not in what they say."""
    body = json_text(document).encode()
    for variant in body_variants(body):
        assert json.loads(variant.value) == json.loads(body)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100, b"x" * 1_048_577])
def test_what_is_no_json_or_too_large_is_not_rewritten(body: bytes) -> None:
    """It is tried as it came."""
    assert not any("JSON" in variant.mistake for variant in body_variants(body))


def test_times_in_other_headers_may_have_been_signed_along() -> None:
    """In seconds or in milliseconds, each once."""
    stamps = [(b"a", b"1795000000"), (b"b", b" 1795000000123 "), (b"c", b"17"), (b"d", b"x")]
    request = Request("POST", "/", tuple(stamps), b"{}", 0)
    values = [variant.value for variant in timed_variants(request, [Variant(b"{}")], None)]
    assert values == [b"{}", b"1795000000123.{}", b"1795000000.{}"]


def signed(written: bytes, name: bytes = b"X-Sign") -> Request:
    """Make a request with a signature."""
    return Request("POST", "/", ((name, written),), b"{}", 0)


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64", "base64url"])
def test_a_signature_is_found_however_it_is_written(digest: Any, encoding: str) -> None:
    """Its length tells by what it was made."""
    made = sign(b"key", b"{}", digest)
    write: dict[str, bytes] = {
        "hex": made.hex().encode(),
        "base64": base64.b64encode(made),
        "base64url": base64.urlsafe_b64encode(made).rstrip(b"="),
    }
    found = explain_signature(signed(write[encoding]), HEX, [Variant(b"key")], [Variant(b"{}")])
    assert found is not None
    assert any("were made by" in each for each in found) is (digest != "sha256")
    assert any("were written in" in each for each in found) is (encoding != "hex")


def test_the_fewest_mistakes_are_said() -> None:
    """The right way before a roundabout one; none where it is right."""
    right = signed(sign(b"key", b"{}").hex().encode())
    keys = [Variant(b"key", "it rained"), Variant(b"key")]
    assert explain_signature(right, HEX, keys, [Variant(b"{}")]) == []
    assert explain_signature(right, HEX, keys[:1], [Variant(b"{}")]) == ["it rained"]
    assert explain_signature(right, HEX, [Variant(b"other")], [Variant(b"{}")]) is None


def test_findings_name_the_header() -> None:
    """And what was there instead."""
    assert str(missing_header("x-a")) == "The header x-a is missing. Send it."
    assert "but x-b is there" in str(missing_header("x-a", instead="x-b"))
    assert "x-a is given 3 times" in str(given_twice("x-a", 3))
