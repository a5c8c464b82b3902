"""Proofs inside a JSON body: Mailgun's and Adyen's signatures, Microsoft Graph's `clientState`.

The body is decoded to find them. Nothing else is done with it before they are checked.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from nbincoming.core.auth.proofs.json_body import json_body, json_object, member, scalar
from nbincoming.core.auth.signatures import (
    DEFAULT_TOLERANCE_S,
    bad_signature,
    check_time,
    encode_signature,
    have_common,
    missing_signature,
    sign,
    write_time,
)
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import Value, json_text


class BodyProof:
    """What the proofs inside a body have in common: no header carries or is covered by them."""

    __slots__ = ()

    def headers(self) -> tuple[str, ...]:
        """Return nothing: no header carries the proof."""
        return ()

    def signed_headers(self) -> tuple[str, ...]:
        """Return nothing: no header is signed."""
        return ()

    def prepare(self, secret: bytes) -> bytes:
        """Return the secret as it is; see `Proof.prepare`."""
        return secret


@dataclass(frozen=True, slots=True)
class MailgunSignature(BodyProof):
    """Mailgun's ``signature`` object: HMAC-SHA256 of its time and token.

    It does not cover the rest of the body. Whoever sees one request can reuse its signature for
    another body until its time is too old.
    """

    tolerance_s: int = DEFAULT_TOLERANCE_S

    def verify(self, request: Request, keys: Sequence[bytes]) -> None:
        """Check the signature in the body; see `Proof.verify`."""
        signature = member(json_body(request), "signature")
        stamp, token, given = (
            scalar(member(signature, name)) for name in ("timestamp", "token", "signature")
        )
        if not (stamp and token and given):
            raise missing_signature(
                "The body has no signature with timestamp, token and signature. Is it sent by a "
                "webhook of Mailgun?"
            )
        now_ms, place = request.received_at_ms, "body.signature.timestamp"
        check_time(stamp, now_ms, self.tolerance_s, place)
        macs = [encode_signature(sign(key, stamp + token), "hex") for key in keys]
        if not have_common(macs, [given.lower()]):
            raise bad_signature(
                "body.signature.signature does not match the time, the token and the secrets in "
                "force. Use the HTTP webhook signing key of this Mailgun account."
            )

    def sign(self, request: Request, key: bytes) -> Request:
        """Replace the signature in the body; see `Proof.sign`."""
        body = json_object(json_body(request))
        stamp = write_time(request.received_at_ms, "s")
        token = hashlib.sha256(request.body).hexdigest()[:50]
        mac = encode_signature(sign(key, (stamp + token).encode()), "hex").decode()
        body["signature"] = {"timestamp": stamp, "token": token, "signature": mac}
        return request._replace(body=json_text(body).encode())


#: The fields that Adyen signs, in this order.
_ADYEN_FIELDS: Final = (
    "pspReference", "originalReference", "merchantAccountCode", "merchantReference", "value",
    "currency", "eventCode", "success",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AdyenSignature(BodyProof):
    """Adyen's ``additionalData.hmacSignature`` in each of the body's ``notificationItems``.

    It covers eight fields of an item. Every item must have a right signature.
    """

    def prepare(self, secret: bytes) -> bytes:
        """Decode the key from hexadecimal; see `Proof.prepare`."""
        try:
            key = binascii.unhexlify(secret.strip())
        except ValueError:
            raise ValueError("is not hexadecimal, as Adyen writes HMAC keys") from None
        if not key:
            raise ValueError("is empty")
        return key

    def verify(self, request: Request, keys: Sequence[bytes]) -> None:
        """Check the signature of each item; see `Proof.verify`."""
        items = [
            member(each, "NotificationRequestItem") for each in adyen_items(json_body(request))
        ]
        for index, item in enumerate(items):
            given = scalar(member(member(item, "additionalData"), "hmacSignature"))
            place = f"body.notificationItems[{index}]"
            if not given:
                raise missing_signature(
                    f"{place} has no additionalData.hmacSignature. Generate an HMAC key for this "
                    "webhook at Adyen."
                )
            content = adyen_content(item)
            macs = [encode_signature(sign(key, content), "base64") for key in keys]
            if not have_common(macs, [given]):
                raise bad_signature(
                    f"The hmacSignature of {place} does not match the item and the secrets in "
                    "force. Use the HMAC key of this webhook."
                )

    def sign(self, request: Request, key: bytes) -> Request:
        """Sign each item in the body; see `Proof.sign`."""
        body = json_body(request)
        for each in adyen_items(body):
            item = json_object(member(each, "NotificationRequestItem"))
            mac = encode_signature(sign(key, adyen_content(item)), "base64").decode()
            data = member(item, "additionalData")
            item["additionalData"] = {
                **(data if isinstance(data, dict) else {}),
                "hmacSignature": mac,
            }
        return request._replace(body=json_text(body).encode())


def adyen_items(body: Value) -> list[Any]:
    """Return the items of a notification.

    Raises
    ------
    MissingCredentials
        If there are none, so that nothing is signed.
    """
    items = member(body, "notificationItems")
    if not isinstance(items, list) or not items:
        raise missing_signature(
            "The body has no notificationItems. Is it sent by a standard webhook of Adyen?"
        )
    return items


def adyen_content(item: Value) -> bytes:
    """Return what is signed of an item: its fields, joined by colons as they are."""
    amount = member(item, "amount")
    values = (
        member(amount if name in ("value", "currency") else item, name) for name in _ADYEN_FIELDS
    )
    return b":".join(scalar(value) or b"" for value in values)


@dataclass(frozen=True, slots=True)
class ClientState(BodyProof):
    """Microsoft Graph's `clientState`: a secret in each element of the body's ``value``.

    It is a secret that is sent with every notification, and it signs nothing.
    """

    def verify(self, request: Request, keys: Sequence[bytes]) -> None:
        """Check the secret in each notification; see `Proof.verify`."""
        for index, each in enumerate(_notifications(json_body(request))):
            given = scalar(member(each, "clientState"))
            if not given:
                raise missing_signature(
                    f"body.value[{index}] has no clientState. Set one when you subscribe."
                )
            if not have_common(keys, [given]):
                raise bad_signature(
                    f"The clientState of body.value[{index}] is not one of the secrets in force. "
                    "Subscribe with the same clientState."
                )

    def sign(self, request: Request, key: bytes) -> Request:
        """Set the secret in each notification; see `Proof.sign`."""
        body = json_body(request)
        try:
            state = key.decode()
        except UnicodeDecodeError:
            raise ValueError("is not text in UTF-8") from None
        for each in _notifications(body):
            json_object(each)["clientState"] = state
        return request._replace(body=json_text(body).encode())


def _notifications(body: Value) -> list[Any]:
    notifications = member(body, "value")
    if not isinstance(notifications, list) or not notifications:
        raise missing_signature(
            "The body has no notifications in value. Is it sent by Microsoft Graph?"
        )
    return notifications
