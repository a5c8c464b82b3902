"""What carries credentials, and how it is hidden."""

from __future__ import annotations

import pytest

from nbincoming.core.request.masking import (
    MASK,
    is_secret,
    is_secret_header,
    is_secret_value,
    masked_headers,
    without_credentials,
)


@pytest.mark.parametrize(
    "name",
    [
        "authorization", "proxy-authorization", "cookie", "set-cookie", "x-hub-signature",
        "x-hub-signature-256", "webhook-signature", "stripe-signature", "x-shopify-hmac-sha256",
        "x-api-key", "x-apikey", "api_key", "apikey", "x-gitlab-token", "x-csrf-token",
        "x-amz-security-token", "x-secret", "x-password", "x-passwd", "x-credentials",
        "x-access-key", "ocp-apim-subscription-key", "x-goog-iap-jwt-assertion", "x-auth",
        "x-auth-key", "x-session-id", "dpop", "x-sig", "verif-hash", "x-parse-webhook-key",
        "x-functions-key", "x-origin-verify", "x-vercel-protection-bypass", "x-client-key",
        "x-amzn-oidc-data", "x-amzn-oidc-accesstoken", "x-license-key", "x-saml-response",
        "x-otp", "x-passcode", "ssl-client-cert", "x-xsrf", "key", "x_partner_key",
        "x-webhook-keys", "x-pass", "x_pw", "x-pin", "x-bearer", "pass",
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
        "x-request-key", "x-delivery-key", "x_transaction_key",
        "x-routing-key", "x-message-key", "surrogate-key", "sec-websocket-key", "x-monkey",
        "x-partition-key", "x-hotkeys", "x-keyword", "x-verified-at", "x-forwarded-for",
        "x-shopify-webhook-id", "x-atlassian-webhook-identifier", "traceparent", "x-pinned",
        "x-passenger", "x-login", "x-hash", "x-pink",
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


@pytest.mark.parametrize(
    "value",
    [
        "Bearer abc", "bearer abc", "Basic dTpw", "Digest username=u", "ApiKey 5",
        "Token 0123456789abcdef", "AWS4-HMAC-SHA256 Credential=x",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJhbGciOiJkaXIifQ..aXY.Y3Q.dGFn",
        "token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "sk_live_abcdefgh", "whsec_c2VjcmV0", "ghp_" + "a" * 36, "github_pat_" + "a1" * 20,
        "glpat-abcdefghij0123456789", "xoxb-1234-5678", "AKIAIOSFODNN7EXAMPLE",
        "AIza" + "Sy" * 17 + "A", "shpat_" + "0a" * 16, f"SG.{'a' * 22}.{'b' * 43}",
        "sk-proj-" + "aB3_" * 5, "https://user:sesame@host/x", "postgresql+psycopg://u:p@h/d",
        "-----BEGIN PRIVATE KEY-----", '"Bearer abc"', 'Token token="0123456789abcdef"',
        "token=0123456789", "https://host/hook?id=7&access_token=0123456789",
        "v1, api-key=01234567",
        "client_secret=01234567", "password=longenough",
    ],
)  # fmt: skip
def test_a_value_that_looks_like_a_credential_is_masked_under_any_name(value: str) -> None:
    """Frames, logs, events and exports go by the same rule."""
    assert is_secret_value(value)
    assert is_secret_value(["push", value])
    assert masked_headers({"x-a": value, "x-b": ["push", value]}) == {"x-a": MASK, "x-b": MASK}
    assert without_credentials({"x-a": value, "x-event": "push"}) == {"x-event": "push"}


@pytest.mark.parametrize(
    "value",
    [
        "", "push", "application/json; charset=utf-8", "*/*", "GitHub-Hookshot/abc123",
        "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d", "1780999000", "2024-06-10T09:15:30Z",
        "d41d8cd98f00b204e9800998ecf8427e", "https://example.com:8080/a@b", "basic", "Basically so",
        "digest", "skill-based", "t=1,v1=2", "hooks.example.com:443", "eyJhbGciOiJIUzI1NiJ9",
        "gzip, deflate, br", "msg_2abc", "evt_1NG8Du2eZvKYlo2CUI79vXWy", "sk", "W/\"etag\"",
        "Basic annual", "Basic plan", "Digest complete", "Bearer of news", "Token expired",
        "npm_published", "npm_package.created", "pypi-release-1", "hf_event_created",
        "sg.api.example.com", "SG.example.com", "SK-2026-0001", "sk-order-0001", "xapp-started",
        "asiapacificsoutheast1", "ASIAPACIFICNORTHEAST", "https://example.com:8080/x@y",
        "token=push", "max-age=31536000; includeSubDomains", "tokens=01234567", "page_token=7",
        "AMERICA", "asia-east1", "hf", "Mozilla/5.0 (X11; Linux x86_64)",
    ],
)  # fmt: skip
def test_a_value_that_identifies_something_is_shown(value: str) -> None:
    """Ids, hashes, times and media types are what analysts look for."""
    assert not is_secret_value(value)
