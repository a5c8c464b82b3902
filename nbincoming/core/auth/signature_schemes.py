"""The authorization schemes with a signature that the user describes."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from nbincoming.core.auth.proofs.public_url import check_url
from nbincoming.core.auth.proofs.signature_format import SignatureFormat
from nbincoming.core.auth.proofs.template import parts_of, placeholders_of
from nbincoming.core.auth.scheme_fields import HeaderName, Scheme, SecretName
from nbincoming.core.auth.signatures import DEFAULT_TOLERANCE_S, Digest, Encoding, TimeFormat

#: Meta's signature, which GitHub and others use, too.
META_FORMAT: Final = SignatureFormat("x-hub-signature-256", prefix="sha256=")

#: Standard Webhooks 1.0.0.
STANDARD_FORMAT: Final = SignatureFormat(
    "webhook-signature",
    encoding="base64",
    prefix="v1,",
    signed="{id}.{timestamp}.{body}",
    separator=" ",
    id_header="webhook-id",
    timestamp_header="webhook-timestamp",
    secret_encoding="standard",
)

Tolerance = Annotated[int, Field(ge=1, le=86_400)]
PublicUrl = Annotated[str, AfterValidator(check_url)]


def _check_template(template: str) -> str:
    parts_of(template)
    return template


class Meta(Scheme):
    """Meta's ``X-Hub-Signature-256`` over the raw body, and its GET handshake.

    Attributes
    ----------
    secrets : tuple of str
        Names of app secrets, oldest to newest.
    verify_token : str
        Name of the secret that a handshake must contain.
    """

    scheme: Literal["meta"] = "meta"
    secrets: Annotated[tuple[SecretName, ...], Field(min_length=1)]
    verify_token: SecretName | None = None

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the scheme needs."""
        return (*self.secrets, *([self.verify_token] if self.verify_token else ()))

    def proof(self) -> SignatureFormat:
        """Return how the signature is made."""
        return META_FORMAT


class Hmac(Scheme):
    """An HMAC in a header of any name, over the raw body or what a template says.

    Attributes
    ----------
    secrets : tuple of str
        Names of secrets, oldest to newest.
    header : str
        The header that carries the signature.
    algorithm, prefix, encoding : str
        The hash function, the text before the signature, and the signature's encoding.
    timestamp_header : str, optional
        A header with the time of signing. If set, ``<timestamp>.<body>`` is signed by default.
    tolerance_s : int
        How far that time may be from now, in seconds.
    signed : str, optional
        What is signed, such as ``v0:{timestamp}:{body}``. It may contain ``{body}``,
        ``{timestamp}``, ``{id}``, ``{method}``, ``{path}``, ``{url}`` and ``{header:NAME}``.
    separator : str
        What separates several signatures in the header, or its members.
    member : str, optional
        The member of the header with the signature: ``v1`` in ``t=1700000000,v1=5257a8``.
    timestamp_member : str, optional
        The member of the header with the time: ``t`` in the same example.
    timestamp_format : str
        How the time is written: ``s`` and ``ms`` since the epoch, or ``iso8601``.
    id_header : str, optional
        The header with the id that ``{id}`` stands for.
    secret_encoding : str
        How the secret is written: as ``text``, or encoded in ``hex`` or ``base64``.
    url : str, optional
        What ``{url}`` stands for: the URL that is entered at the sender, or ``forwarded`` for what
        ``X-Forwarded-Proto`` and ``X-Forwarded-Host`` say. By default ``https://`` and the Host.
    """

    scheme: Literal["hmac"] = "hmac"
    secrets: Annotated[tuple[SecretName, ...], Field(min_length=1)]
    header: HeaderName
    algorithm: Digest = "sha256"
    prefix: Annotated[str, Field(max_length=40)] = ""
    encoding: Encoding = "hex"
    timestamp_header: HeaderName | None = None
    tolerance_s: Tolerance = DEFAULT_TOLERANCE_S
    signed: Annotated[str, Field(max_length=400), AfterValidator(_check_template)] | None = None
    separator: Literal["", ",", ";", " "] = ""
    member: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] | None = None
    timestamp_member: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] | None = None
    timestamp_format: TimeFormat = "s"
    id_header: HeaderName | None = None
    secret_encoding: Literal["text", "hex", "base64"] = "text"
    url: PublicUrl | None = None

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        if self.timestamp_header and self.timestamp_member:
            raise ValueError("Set timestamp_header or timestamp_member, not both.")
        if self.timestamp_member and not self.member:
            raise ValueError("Set member, too: the member of the header with the signature.")
        if self.timestamp_member and self.timestamp_member == self.member:
            raise ValueError("One member cannot be both the signature and the time.")
        used = placeholders_of(self._template())
        for placeholder, is_set, members in (
            ("timestamp", self._is_timed(), "timestamp_header or timestamp_member"),
            ("id", self.id_header is not None, "id_header"),
            ("url", self.url is not None, "url"),
        ):
            if is_set and placeholder not in used:
                raise ValueError(
                    f"signed does not contain {{{placeholder}}}, so {members} has no effect. Add "
                    f"{{{placeholder}}}, or remove {members}."
                )
            if placeholder in used and not is_set and placeholder != "url":
                raise ValueError(f"signed contains {{{placeholder}}}. Set {members}, too.")
        return self

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the scheme needs."""
        return self.secrets

    def proof(self) -> SignatureFormat:
        """Return how the signature is made."""
        return SignatureFormat(
            self.header,
            self.algorithm,
            self.encoding,
            self.prefix,
            self._template(),
            separator=self.separator,
            member=self.member,
            timestamp_header=self.timestamp_header,
            timestamp_member=self.timestamp_member,
            timestamp_format=self.timestamp_format,
            tolerance_s=self.tolerance_s,
            id_header=self.id_header,
            secret_encoding=self.secret_encoding,
            url=self.url,
        )

    def _is_timed(self) -> bool:
        return self.timestamp_header is not None or self.timestamp_member is not None

    def _template(self) -> str:
        return self.signed or ("{timestamp}.{body}" if self._is_timed() else "{body}")


class StandardWebhooks(Scheme):
    """A signature by Standard Webhooks 1.0.0.

    Attributes
    ----------
    secrets : tuple of str
        Names of secrets of the form ``whsec_<base64>``, oldest to newest.
    tolerance_s : int
        How far the signed time may be from now, in seconds.
    """

    scheme: Literal["standard-webhooks"] = "standard-webhooks"
    secrets: Annotated[tuple[SecretName, ...], Field(min_length=1)]
    tolerance_s: Tolerance = DEFAULT_TOLERANCE_S

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the scheme needs."""
        return self.secrets

    def proof(self) -> SignatureFormat:
        """Return how the signature is made."""
        return replace(STANDARD_FORMAT, tolerance_s=self.tolerance_s)
