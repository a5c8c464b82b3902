"""The table of known senders: how each proves who it is, and how it is set up.

``docs/providers.md`` is made from it. A source is the sender's own page about its signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from nbincoming.core.auth.proofs.body_proofs import AdyenSignature, ClientState, MailgunSignature
from nbincoming.core.auth.proofs.header_token import TokenInHeader
from nbincoming.core.auth.proofs.proof import Proof
from nbincoming.core.auth.proofs.signature_format import SignatureFormat
from nbincoming.core.auth.proofs.template import placeholders_of
from nbincoming.core.auth.proofs.twilio import TwilioSignature
from nbincoming.core.auth.signature_schemes import META_FORMAT, STANDARD_FORMAT

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A known sender.

    Attributes
    ----------
    name : str
        Its name in a spec.
    title : str
        Its name for people.
    proof : Proof
        How it proves who it is.
    source : str
        The URL of its own description.
    key : tuple of str
        The labels that identify an event: a suggestion for the deduplication key.
    setup : str
        What to do at the sender.
    note : str
        What the proof does not protect.
    wrong_secrets : mapping of str to str
        How secrets start that are entered by mistake, and what they are.
    other_headers : mapping of str to str
        Headers that the sender uses for something else, and what their presence means.
    has_meta_handshake : bool
        Whether it tests the endpoint by Meta's GET handshake.
    """

    name: str
    title: str
    proof: Proof
    source: str
    key: tuple[str, ...]
    setup: str
    note: str = ""
    wrong_secrets: Mapping[str, str] = field(default_factory=lambda: _NONE)
    other_headers: Mapping[str, str] = field(default_factory=lambda: _NONE)
    has_meta_handshake: bool = False

    @property
    def signs_url(self) -> bool:
        """Whether the URL is signed, so that the option `url` has an effect."""
        if isinstance(self.proof, SignatureFormat):
            return "url" in placeholders_of(self.proof.signed)
        return isinstance(self.proof, TwilioSignature)

    @property
    def signs_time(self) -> bool:
        """Whether a time is signed, so that the option `tolerance_s` has an effect."""
        if isinstance(self.proof, SignatureFormat):
            in_body = self.proof.body_time_member is not None
            return in_body or "timestamp" in placeholders_of(self.proof.signed)
        return isinstance(self.proof, MailgunSignature)

    def proof_with(self, *, url: str | None = None, tolerance_s: int | None = None) -> Proof:
        """Return the proof with options that are not None."""
        options = {"url": url, "tolerance_s": tolerance_s}
        given = {name: value for name, value in options.items() if value is not None}
        # Proof is a protocol, and each proof is a dataclass with the options that it has.
        return replace(self.proof, **given) if given else self.proof  # type: ignore[type-var]


_TIMED: Final = SignatureFormat("", signed="{timestamp}.{body}", member="v1", timestamp_member="t")
_MAILED: Final = "x-twilio-email-event-webhook"
_OLD_HUB: Final = {"x-hub-signature": "The signature that came is the old one of SHA-1."}
_ACCESS_TOKEN: Final = "an access token"
_UNSIGNED_IDS: Final = "The signature covers the body and not the headers."

PROVIDERS: Final = (
    Provider(
        name="github",
        title="GitHub",
        proof=META_FORMAT,
        source="https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
        key=("headers.x-github-delivery",),
        setup="Settings → Webhooks → Add webhook. Choose the content type application/json. "
        "Enter a random text as the secret, and the same text here.",
        note=_UNSIGNED_IDS,
        wrong_secrets={"ghp_": _ACCESS_TOKEN, "github_pat_": _ACCESS_TOKEN},
        other_headers=_OLD_HUB,
    ),
    Provider(
        name="gitlab",
        title="GitLab",
        proof=TokenInHeader("x-gitlab-token"),
        source="https://docs.gitlab.com/user/project/integrations/webhooks/",
        key=("headers.idempotency-key",),
        setup="Settings → Webhooks → Add new webhook. Enter a random text as the secret token, and "
        "the same text here. For a signing token, use the provider standard-webhooks.",
        note="The token signs nothing: it is the same in every request.",
        wrong_secrets={"glpat-": _ACCESS_TOKEN},
        other_headers={"webhook-signature": "GitLab signs by a signing token: use the provider "
                       "standard-webhooks."},
    ),
    Provider(
        name="bitbucket",
        title="Bitbucket Cloud",
        proof=SignatureFormat("x-hub-signature", prefix="sha256="),
        source="https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
        key=("headers.x-request-uuid",),
        setup="Repository settings → Webhooks → Add webhook. Enter a random text as the secret, "
        "and the same text here.",
        note=_UNSIGNED_IDS,
    ),
    Provider(
        name="meta",
        title="Meta (Facebook, Instagram)",
        proof=META_FORMAT,
        source="https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
        key=("body.entry[0].id", "body.entry[0].time"),
        setup="App dashboard → Webhooks: enter the URL and the verify token. The secret is the app "
        "secret of App settings → Basic.",
        wrong_secrets={"EAA": _ACCESS_TOKEN},
        other_headers=_OLD_HUB,
        has_meta_handshake=True,
    ),
    Provider(
        name="whatsapp",
        title="WhatsApp Business Platform",
        proof=META_FORMAT,
        source="https://developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks",
        key=("body.entry[0].changes[0].value.messages[0].id",
             "body.entry[0].changes[0].value.statuses[0].id",
             "body.entry[0].changes[0].value.statuses[0].status"),
        setup="App dashboard → WhatsApp → Configuration: enter the URL and the verify token, and "
        "subscribe to messages. The secret is the app secret of App settings → Basic.",
        wrong_secrets={"EAA": _ACCESS_TOKEN},
        other_headers=_OLD_HUB,
        has_meta_handshake=True,
    ),
    Provider(
        name="slack",
        title="Slack",
        proof=SignatureFormat(
            "x-slack-signature", prefix="v0=", signed="v0:{timestamp}:{body}",
            timestamp_header="x-slack-request-timestamp",
        ),
        source="https://docs.slack.dev/authentication/verifying-requests-from-slack/",
        key=("body.event_id",),
        setup="App settings → Event Subscriptions: enter the URL. The secret is the signing secret "
        "of Basic Information → App Credentials.",
        wrong_secrets={"xoxb-": "a bot token", "xoxp-": "a user token", "xapp-": "an app token"},
    ),
    Provider(
        name="stripe",
        title="Stripe",
        proof=replace(_TIMED, header="stripe-signature"),
        source="https://docs.stripe.com/webhooks/signature",
        key=("body.id",),
        setup="Workbench → Webhooks → Add destination: enter the URL. The secret is the signing "
        "secret of this destination; it starts with whsec_ and is used with this prefix.",
        wrong_secrets={"sk_": "an API key", "rk_": "an API key", "pk_": "a publishable key"},
    ),
    Provider(
        name="shopify",
        title="Shopify",
        proof=SignatureFormat("x-shopify-hmac-sha256", encoding="base64"),
        source="https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
        key=("headers.x-shopify-event-id",),
        setup="Subscribe in the app's configuration or by the API. The secret is the client secret "
        "of the app; for webhooks made in the admin it is shown below their list.",
        note=_UNSIGNED_IDS,
        wrong_secrets={"shpat_": _ACCESS_TOKEN, "shpca_": _ACCESS_TOKEN},
    ),
    Provider(
        name="woocommerce",
        title="WooCommerce",
        proof=SignatureFormat("x-wc-webhook-signature", encoding="base64"),
        source="https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks/",
        key=("headers.x-wc-webhook-delivery-id",),
        setup="WooCommerce → Settings → Advanced → Webhooks → Add webhook. Enter a random text as "
        "the secret, and the same text here.",
        note=_UNSIGNED_IDS,
        wrong_secrets={"ck_": "a consumer key of the API", "cs_": "a consumer secret of the API"},
    ),
    Provider(
        name="twilio",
        title="Twilio",
        proof=TwilioSignature(),
        source="https://www.twilio.com/docs/usage/security#validating-requests",
        key=("body.MessageSid", "body.MessageStatus"),
        setup="Enter the URL at the phone number, the messaging service or the event sink. The "
        "secret is the auth token of the account. Behind a proxy, set url to the URL entered "
        "at Twilio.",
        wrong_secrets={"AC": "an account SID", "SK": "the SID of an API key"},
    ),
    Provider(
        name="sendgrid",
        title="Twilio SendGrid (event webhook)",
        proof=SignatureFormat(
            f"{_MAILED}-signature", "ecdsa-p256-sha256", "base64", signed="{timestamp}{body}",
            timestamp_header=f"{_MAILED}-timestamp",
        ),
        source="https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/"
        "getting-started-event-webhook-security-features",
        key=("body[0].sg_event_id",),
        setup="Settings → Mail Settings → Event Webhook: enter the URL and enable Signed Event "
        "Webhook. The secret is the verification key, a public key.",
        wrong_secrets={"SG.": "an API key"},
    ),
    Provider(
        name="mailgun",
        title="Mailgun",
        proof=MailgunSignature(),
        source="https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/"
        "securing-webhooks",
        key=("body.event-data.id",),
        setup="Sending → Webhooks: enter the URL. The secret is the HTTP webhook signing key of "
        "the account's API security page.",
        note="The signature is inside the body. It covers its own time and token, and nothing of "
        "the event: who sees a request can send another event with its signature for 5 minutes.",
        wrong_secrets={"pubkey-": "a public validation key"},
    ),
    Provider(
        name="zoom",
        title="Zoom",
        proof=SignatureFormat(
            "x-zm-signature", prefix="v0=", signed="v0:{timestamp}:{body}",
            timestamp_header="x-zm-request-timestamp",
        ),
        source="https://developers.zoom.us/docs/api/webhooks/#verify-webhook-events",
        key=("body.event", "body.event_ts", "body.payload.object.uuid"),
        setup="App Marketplace → your app → Features → Event Subscriptions: enter the URL. The "
        "secret is the secret token of the same page.",
    ),
    Provider(
        name="zendesk",
        title="Zendesk",
        proof=SignatureFormat(
            "x-zendesk-webhook-signature", encoding="base64", signed="{timestamp}{body}",
            timestamp_header="x-zendesk-webhook-signature-timestamp", timestamp_format="iso8601",
        ),
        source="https://developer.zendesk.com/documentation/webhooks/verifying/",
        key=("body.id",),
        setup="Admin Center → Apps and integrations → Webhooks → Create webhook. The secret is "
        "behind Reveal secret on the page of the webhook.",
    ),
    Provider(
        name="hubspot",
        title="HubSpot (signature v3)",
        proof=SignatureFormat(
            "x-hubspot-signature-v3", encoding="base64", signed="{method}{url}{body}{timestamp}",
            timestamp_header="x-hubspot-request-timestamp", timestamp_format="ms",
        ),
        source="https://developers.hubspot.com/docs/apps/legacy-apps/authentication/"
        "validating-requests",
        key=("body[0].eventId",),
        setup="App settings → Webhooks: enter the URL. The secret is the client secret of the "
        "app's Auth page. Behind a proxy, set url to the URL entered at HubSpot.",
        wrong_secrets={"pat-": _ACCESS_TOKEN},
        other_headers={"x-hubspot-signature": "HubSpot signed by version 1 or 2 only."},
    ),
    Provider(
        name="typeform",
        title="Typeform",
        proof=SignatureFormat("typeform-signature", encoding="base64", prefix="sha256="),
        source="https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
        key=("body.event_id",),
        setup="Form → Connect → Webhooks → Add a webhook. Enter a random text as the secret, and "
        "the same text here.",
        wrong_secrets={"tfp_": _ACCESS_TOKEN},
    ),
    Provider(
        name="calendly",
        title="Calendly",
        proof=replace(_TIMED, header="calendly-webhook-signature", tolerance_s=180),
        source="https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures",
        key=("body.event", "body.payload.uri", "body.created_at"),
        setup="Create the subscription by the API (POST /webhook_subscriptions), with the URL and "
        "a random text as signing_key. The secret is the same text.",
    ),
    Provider(
        name="linear",
        title="Linear",
        proof=SignatureFormat(
            "linear-signature", body_time_member="webhookTimestamp", timestamp_format="ms",
            tolerance_s=60,
        ),
        source="https://linear.app/developers/webhooks",
        key=("headers.linear-delivery",),
        setup="Settings → API → Webhooks → New webhook: enter the URL. The secret is the signing "
        "secret of its page.",
        note=_UNSIGNED_IDS,
        wrong_secrets={"lin_api_": "an API key", "lin_oauth_": _ACCESS_TOKEN},
    ),
    Provider(
        name="jira",
        title="Jira Cloud",
        proof=SignatureFormat("x-hub-signature", prefix="sha256="),
        source="https://developer.atlassian.com/cloud/jira/platform/webhooks/",
        key=("headers.x-atlassian-webhook-identifier",),
        setup="System settings → WebHooks → Create a WebHook: enter the URL and a random text as "
        "the secret, and the same text here. Webhooks of Connect and OAuth apps are not signed.",
        note=_UNSIGNED_IDS,
    ),
    Provider(
        name="pagerduty",
        title="PagerDuty (webhooks v3)",
        proof=SignatureFormat("x-pagerduty-signature", prefix="v1=", separator=","),
        source="https://developer.pagerduty.com/docs/verifying-webhook-signatures",
        key=("body.event.id",),
        setup="Integrations → Generic Webhooks (v3) → New Webhook: enter the URL. The secret is "
        "shown once, when the subscription is made.",
    ),
    Provider(
        name="square",
        title="Square",
        proof=SignatureFormat(
            "x-square-hmacsha256-signature", encoding="base64", signed="{url}{body}"
        ),
        source="https://developer.squareup.com/docs/webhooks/step3validate",
        key=("body.event_id",),
        setup="Developer console → your app → Webhooks → Subscriptions → Add subscription. The "
        "secret is the signature key of the subscription. Behind a proxy, set url to the "
        "notification URL.",
        wrong_secrets={"EAAA": _ACCESS_TOKEN},
        other_headers={"x-square-signature": "The signature that came is the old one of SHA-1."},
    ),
    Provider(
        name="paddle",
        title="Paddle Billing",
        proof=SignatureFormat(
            "paddle-signature", signed="{timestamp}:{body}", separator=";", member="h1",
            timestamp_member="ts",
        ),
        source="https://developer.paddle.com/webhooks/signature-verification",
        key=("body.event_id",),
        setup="Developer tools → Notifications → New destination: enter the URL. The secret is the "
        "secret key of the destination; it starts with pdl_ntfset_.",
        wrong_secrets={"pdl_live_apikey_": "an API key", "pdl_sdbx_apikey_": "an API key"},
    ),
    Provider(
        name="intercom",
        title="Intercom",
        proof=SignatureFormat("x-hub-signature", "sha1", prefix="sha1="),
        source="https://developers.intercom.com/docs/webhooks/setting-up-webhooks",
        key=("body.id",),
        setup="Developer Hub → your app → Webhooks: enter the URL and choose topics. The secret is "
        "the client secret of Basic information.",
    ),
    Provider(
        name="discord",
        title="Discord",
        proof=SignatureFormat(
            "x-signature-ed25519", "ed25519", signed="{timestamp}{body}",
            timestamp_header="x-signature-timestamp",
        ),
        source="https://docs.discord.com/developers/events/webhook-events",
        key=("body.id", "body.event.timestamp"),
        setup="Developer portal → your app: enter the URL at Webhooks or as the interactions "
        "endpoint. The secret is the public key of General Information.",
    ),
    Provider(
        name="telegram",
        title="Telegram (bots)",
        proof=TokenInHeader("x-telegram-bot-api-secret-token"),
        source="https://core.telegram.org/bots/api#setwebhook",
        key=("body.update_id",),
        setup="Call setWebhook with the URL and a random text as secret_token. The secret is the "
        "same text: letters, digits, _ and -.",
        note="The token signs nothing: it is the same in every request.",
    ),
    Provider(
        name="standard-webhooks",
        title="Standard Webhooks",
        proof=STANDARD_FORMAT,
        source="https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/"
        "standard-webhooks.md",
        key=("headers.webhook-id",),
        setup="The secret is the one that the sender shows; it starts with whsec_.",
        other_headers={"svix-signature": "The sender uses the names of Svix: use the provider "
                       "svix."},
    ),
    Provider(
        name="svix",
        title="Svix (Clerk, Resend and others)",
        proof=replace(
            STANDARD_FORMAT, header="svix-signature", id_header="svix-id",
            timestamp_header="svix-timestamp",
        ),
        source="https://docs.svix.com/receiving/verifying-payloads/how-manual",
        key=("headers.svix-id",),
        setup="The secret is the signing secret of the endpoint in the sender's dashboard; it "
        "starts with whsec_.",
        other_headers={"webhook-signature": "The sender uses the names of Standard Webhooks: use "
                       "the provider standard-webhooks."},
    ),
    Provider(
        name="adyen",
        title="Adyen (standard webhooks of payments)",
        proof=AdyenSignature(),
        source="https://docs.adyen.com/development-resources/webhooks/secure-webhooks/"
        "verify-hmac-signatures/",
        key=("body.notificationItems[0].NotificationRequestItem.pspReference",
             "body.notificationItems[0].NotificationRequestItem.eventCode",
             "body.notificationItems[0].NotificationRequestItem.success"),
        setup="Customer Area → Developers → Webhooks → Standard webhook: enter the URL and "
        "generate an HMAC key. The secret is this key, in hexadecimal.",
        note="The signature is inside the body. It covers eight fields of each item, and not the "
        "rest of it.",
        wrong_secrets={"AQE": "an API key"},
        other_headers={"hmacsignature": "The signature is in a header: use the provider "
                       "adyen-platforms."},
    ),
    Provider(
        name="adyen-platforms",
        title="Adyen (webhooks of platforms and banking)",
        proof=SignatureFormat("hmacsignature", encoding="base64", secret_encoding="hex"),
        source="https://docs.adyen.com/development-resources/webhooks/secure-webhooks/"
        "verify-hmac-signatures/",
        key=("body.type", "body.data.id", "body.timestamp"),
        setup="Customer Area → Developers → Webhooks → the webhook of your product: enter the URL "
        "and generate an HMAC key. The secret is this key, in hexadecimal.",
        wrong_secrets={"AQE": "an API key"},
    ),
    Provider(
        name="microsoft-graph",
        title="Microsoft Graph",
        proof=ClientState(),
        source="https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks",
        key=("body.value[0].subscriptionId", "body.value[0].resource", "body.value[0].changeType"),
        setup="Create the subscription by the API, with the URL as notificationUrl and a random "
        "text of at most 128 characters as clientState. The secret is the same text.",
        note="clientState signs nothing, and as a part of the body it is shown in samples and "
        "delivered with events.",
    ),
    Provider(
        name="azure-event-grid",
        title="Azure Event Grid",
        proof=TokenInHeader("x-webhook-token"),
        source="https://learn.microsoft.com/en-us/azure/event-grid/delivery-properties",
        key=("body[0].id",),
        setup="Event subscription → Delivery Properties: add the header X-Webhook-Token with a "
        "random text as a static, secret value. The secret is the same text.",
        note="The token signs nothing: it is the same in every request.",
    ),
    Provider(
        name="cloudevents",
        title="CloudEvents (webhook specification)",
        proof=TokenInHeader("authorization", "Bearer "),
        source="https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md",
        key=("body.source", "body.id"),
        setup="Enter the URL and the token at the sender. It sends the token as Authorization: "
        "Bearer. The secret is this token, without Bearer.",
        note="The token signs nothing: it is the same in every request.",
    ),
)  # fmt: skip

BY_NAME: Final[Mapping[str, Provider]] = MappingProxyType({row.name: row for row in PROVIDERS})


def near_names(name: str) -> list[str]:
    """Return the names in the table that resemble one that is not there."""
    text = name.lower().replace("_", "-").replace(" ", "-")
    within = [known for known in BY_NAME if text and (known in text or text in known)]
    return list(dict.fromkeys([*get_close_matches(text, BY_NAME, n=3), *within]))[:3]
