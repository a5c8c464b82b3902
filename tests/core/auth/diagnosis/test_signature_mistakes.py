"""Which mistakes explain a wrong signature."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from nbincoming.core.auth.diagnosis.signature_mistakes import explain_signature
from nbincoming.core.auth.diagnosis.variants import Variant
from nbincoming.core.auth.proofs.signature_format import SignatureFormat
from nbincoming.core.auth.signatures import sign
from nbincoming.core.request.message import Request

HEX = SignatureFormat("x-sign", "sha256", "hex")


def signed(written: bytes, name: bytes = b"X-Sign") -> Request:
    """Make a request with a signature."""
    return Request("POST", "/", ((name, written),), b"{}", 0)


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64", "base64url"])
def test_a_signature_is_found_however_it_is_written(digest: Any, encoding: str) -> None:
    """Its length tells which digest made it."""
    made = sign(b"key", b"{}", digest)
    write: dict[str, bytes] = {
        "hex": made.hex().encode(),
        "base64": base64.b64encode(made),
        "base64url": base64.urlsafe_b64encode(made).rstrip(b"="),
    }
    found = explain_signature(signed(write[encoding]), HEX, [Variant(b"key")], [Variant(b"{}")])
    assert found is not None
    assert any("signed with" in each for each in found) is (digest != "sha256")
    assert any("wrote the signature" in each for each in found) is (encoding != "hex")


def test_the_fewest_mistakes_are_reported() -> None:
    """A right signature has none, even if mistakes would explain it, too."""
    right = signed(sign(b"key", b"{}").hex().encode())
    keys = [Variant(b"key", "it rained"), Variant(b"key")]
    assert explain_signature(right, HEX, keys, [Variant(b"{}")]) == []
    assert explain_signature(right, HEX, keys[:1], [Variant(b"{}")]) == ["it rained"]
    assert explain_signature(right, HEX, [Variant(b"other")], [Variant(b"{}")]) is None
