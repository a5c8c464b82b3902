"""What carries credentials, and how it is hidden."""

from __future__ import annotations

import pytest

from nbincoming.core.request.masking import (
    MASK,
    is_secret,
    is_secret_header,
    masked_headers,
)


@pytest.mark.parametrize(
    "name",
    [
        "authorization", "proxy-authorization", "cookie", "set-cookie", "x-hub-signature",
        "x-hub-signature-256", "webhook-signature", "stripe-signature", "x-shopify-hmac-sha256",
        "x-api-key", "x-apikey", "api_key", "apikey", "x-gitlab-token", "x-csrf-token",
        "x-amz-security-token", "x-secret", "x-password", "x-passwd", "x-credentials",
        "x-access-key", "ocp-apim-subscription-key", "x-goog-iap-jwt-assertion", "x-auth",
        "x-auth-key", "x-session-id", "dpop", "x-sig",
    ],
)  # fmt: skip
def test_headers_with_credentials_are_secret(name: str) -> None:
    """They are masked, and neither conditions nor keys may read them."""
    assert is_secret_header(name)
    assert is_secret(("headers", name))
    assert is_secret(("headers", name, 0))
    assert masked_headers({name: "s3cr3t", "x-event": "push"}) == {name: MASK, "x-event": "push"}
    assert masked_headers({name: ["s3cr3t", "t"]}) == {name: MASK}


@pytest.mark.parametrize(
    "name",
    [
        "content-type", "user-agent", "x-event", "x-event-key", "idempotency-key",
        "x-idempotency-key", "x-deduplication-hash", "x-github-event", "x-github-delivery",
        "webhook-id", "webhook-timestamp", "x-request-id", "x-author", "x-signal", "design",
    ],
)  # fmt: skip
def test_headers_that_tell_requests_apart_are_not_secret(name: str) -> None:
    """They are what conditions and keys are made of."""
    assert not is_secret_header(name)
    assert not is_secret(("headers", name))


def test_a_body_holds_no_secret_header() -> None:
    """A member of the body may have any name; all headers together are secret."""
    assert not is_secret(("body", "token"))
    assert not is_secret(("body",))
    assert is_secret(("headers",))
