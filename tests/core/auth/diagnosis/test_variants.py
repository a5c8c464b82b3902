"""The forms of secrets and bodies that senders use by mistake."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.diagnosis.variants import (
    Variant,
    body_variants,
    secret_variants,
    timed_variants,
)
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import json_text
from tests.core.strategies import documents


def mistakes(variants: list[Variant], value: bytes) -> list[str]:
    """Return the mistakes listed for a value."""
    return [variant.mistake for variant in variants if variant.value == value]


@pytest.mark.parametrize(
    ("here", "there", "words"),
    [
        (b"key", b"key", ""),
        (b" key\n", b"key", "used the secret without the white space around it"),
        (b'"key"', b"key", "used the secret without the quotes around it"),
        (b"'key'", b"key", "used the secret without the quotes around it"),
        (b"key", b"key\n", "used the secret with a line break at its end"),
        (b"key", b"key\r\n", "used the secret with a line break at its end"),
        (b"whsec_a2V5", b"a2V5", "used the secret without its prefix whsec_"),
        (b"whsec_a2V5", b"key", "decoded the secret from base64"),
        (b"a2V5", b"key", "decoded the secret from base64"),
        (b"6b6579", b"key", "decoded the secret from hexadecimal"),
    ],
)
def test_a_secret_has_variants(here: bytes, there: bytes, words: str) -> None:
    """Each form of the secret is listed with its mistake."""
    assert words in mistakes(secret_variants(here), there)


@given(secret=st.binary(min_size=1))
def test_the_right_secret_comes_first_and_each_form_once(secret: bytes) -> None:
    """So a right secret is never reported as a mistake."""
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
def test_a_body_has_variants(value: bytes, words: str) -> None:
    """Each form of the body is listed with its mistake."""
    said = mistakes(body_variants(b'{"b": "\xc3\xa9", "a": 1}\n'), value)
    assert len(said) == 1
    assert words in said[0]


@given(document=documents)
def test_a_rewritten_body_is_the_same_value(document: Any) -> None:
    """Variants differ in their bytes, not in their JSON value."""
    body = json_text(document).encode()
    for variant in body_variants(body):
        assert json.loads(variant.value) == json.loads(body)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100, b"x" * 1_048_577])
def test_invalid_json_and_large_bodies_are_not_rewritten(body: bytes) -> None:
    """They have no variants with other JSON."""
    assert not any("JSON" in variant.mistake for variant in body_variants(body))


def test_times_in_any_header_are_tried() -> None:
    """Times in seconds and in milliseconds are tried, each once."""
    stamps = [(b"a", b"1795000000"), (b"b", b" 1795000000123 "), (b"c", b"17"), (b"d", b"x")]
    request = Request("POST", "/", tuple(stamps), b"{}", 0)
    values = [variant.value for variant in timed_variants(request, [Variant(b"{}")], None)]
    assert values == [b"{}", b"1795000000123.{}", b"1795000000.{}"]
