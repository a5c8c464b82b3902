"""Proofs inside a JSON body; tests/core/auth/test_providers.py has more of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.proofs.body_proofs import (
    AdyenSignature,
    ClientState,
    MailgunSignature,
    adyen_content,
)
from nbincoming.core.request.message import Request
from nbincoming.errors import MissingCredentials, Unauthorized

NOW_MS = 1_795_000_000_000


def request(body: Any) -> Request:
    """Make a request with a JSON body."""
    return Request("POST", "/", (), json.dumps(body).encode(), NOW_MS)


def test_a_mailgun_signature_is_for_its_time_and_token() -> None:
    """The time must be near; the rest of the body is not covered, as the row's note says."""
    proof = MailgunSignature()
    signed = proof.sign(request({"event-data": {"id": "1"}}), b"key")
    proof.verify(signed, [b"old", b"key"])
    body = json.loads(signed.body)
    for member, value in (("timestamp", "1795000001"), ("token", "x"), ("signature", "0" * 64)):
        changed = {**body, "signature": {**body["signature"], member: value}}
        with pytest.raises(Unauthorized):
            proof.verify(request(changed), [b"key"])
    with pytest.raises(Unauthorized, match="301 s old"):
        proof.verify(signed._replace(received_at_ms=NOW_MS + 301_000), [b"key"])


def test_a_mailgun_time_may_be_a_number() -> None:
    """Mailgun has sent both."""
    proof = MailgunSignature()
    body = json.loads(proof.sign(request({}), b"key").body)
    body["signature"]["timestamp"] = int(body["signature"]["timestamp"])
    proof.verify(request(body), [b"key"])


def test_what_adyen_signs_is_eight_fields() -> None:
    """A missing one is empty; a boolean is written as JSON writes it."""
    item = {"pspReference": "1", "amount": {"value": 5, "currency": "EUR"}, "success": True}
    assert adyen_content(item) == b"1::::5:EUR::true"
    assert adyen_content(None) == b":::::::"
    assert adyen_content({"pspReference": {"a": 1}, "amount": 5}) == b":::::::"


def test_a_client_state_must_be_text() -> None:
    """A JSON body can hold no other secret."""
    with pytest.raises(ValueError, match="not text in UTF-8"):
        ClientState().sign(request({"value": [{}]}), b"\xff")


@pytest.mark.parametrize("proof", [AdyenSignature(), ClientState()])
def test_entries_that_are_no_objects_cannot_be_signed(proof: Any) -> None:
    """As no sender makes such a body."""
    body = {"value": [5], "notificationItems": [{"NotificationRequestItem": 5}]}
    with pytest.raises(MissingCredentials, match="does not have the objects"):
        proof.sign(request(body), b"\x00")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["value", "clientState", "signature", "timestamp", "token", "notificationItems",
             "NotificationRequestItem", "additionalData", "hmacSignature", "amount"]
        ),
        inner,
        max_size=4,
    ),
)  # fmt: skip


@pytest.mark.parametrize("proof", [AdyenSignature(), ClientState(), MailgunSignature()])
@given(body=json_values)
def test_nothing_but_refusals_escapes(proof: Any, body: Any) -> None:
    """Whatever the members of the body are."""
    with pytest.raises(Unauthorized):
        proof.verify(request(body), [b"a long secret that no body contains"])
