"""Proofs in words."""

from __future__ import annotations

from typing import Any

import pytest

from nbincoming.core.auth.proofs.wording import describe
from nbincoming.core.auth.schemes import basic, hmac_signature, provider


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        (basic(secret="env:A"), "user and password in `authorization`"),
        (
            hmac_signature(secret="env:A", header="X-S", algorithm="sha512", encoding="base64url"),
            "HMAC-SHA512 of the body in `x-s`, in Base64 for URLs",
        ),
        (
            provider("linear", secret="env:A"),
            "HMAC-SHA256 of the body in `linear-signature`, in hexadecimal; the time is "
            "`body.webhookTimestamp`",
        ),
        (provider("cloudevents", secret="env:A"), "a token in `authorization`, after `Bearer`"),
    ],
)
def test_a_proof_is_described(scheme: Any, words: str) -> None:
    """Where it is and what it covers."""
    assert describe(scheme.proof()) == words


def test_a_proof_without_words_is_a_fault_of_ours() -> None:
    """A new kind of proof needs its words."""
    with pytest.raises(TypeError, match="has no words"):
        describe(object())  # type: ignore[arg-type]
