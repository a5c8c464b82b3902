"""The authorization scheme of a known sender."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from nbincoming.core.auth.proofs.proof import Proof
from nbincoming.core.auth.providers import BY_NAME, Provider, near_names
from nbincoming.core.auth.scheme_fields import Scheme, SecretName
from nbincoming.core.auth.signature_schemes import PublicUrl, Tolerance


def _check_name(name: str) -> str:
    if name not in BY_NAME:
        near = " or ".join(near_names(name))
        # The name is not quoted, because it may be a secret that is in the wrong place.
        raise ValueError(
            "No provider has this name. "
            + (f"Did you mean {near}? " if near else "")
            + "docs/providers.md lists the names; hmac, header and basic suit other senders."
        )
    return name


class ProviderScheme(Scheme):
    """What a known sender sends, by the table of providers.

    Attributes
    ----------
    provider : str
        The sender's name in the table, such as ``stripe``.
    secrets : tuple of str
        Names of secrets, oldest to newest.
    url : str, optional
        For senders that sign the URL: the URL that is entered at the sender, or ``forwarded`` for
        what ``X-Forwarded-Proto`` and ``X-Forwarded-Host`` say. By default ``https://`` and the
        Host header.
    tolerance_s : int, optional
        For senders that sign a time: how far it may be from now, in seconds.
    verify_token : str, optional
        For Meta and WhatsApp: name of the secret that a handshake must contain.
    """

    scheme: Literal["provider"] = "provider"
    provider: Annotated[
        str, AfterValidator(_check_name), Field(json_schema_extra={"enum": list(BY_NAME)})
    ]
    secrets: Annotated[tuple[SecretName, ...], Field(min_length=1)]
    url: PublicUrl | None = None
    tolerance_s: Tolerance | None = None
    verify_token: SecretName | None = None

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        for member, has_effect, what in (
            ("url", self.row.signs_url, "does not sign the URL"),
            ("tolerance_s", self.row.signs_time, "does not sign a time"),
            ("verify_token", self.row.has_meta_handshake, "has no handshake with a verify token"),
        ):
            if getattr(self, member) is not None and not has_effect:
                raise ValueError(f"{self.row.title} {what}. Remove {member}.")
        return self

    @property
    def row(self) -> Provider:
        """The sender's row in the table."""
        return BY_NAME[self.provider]

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the scheme needs."""
        return (*self.secrets, *([self.verify_token] if self.verify_token else ()))

    def proof(self) -> Proof:
        """Return what the sender adds, with the options of this scheme."""
        return self.row.proof_with(url=self.url, tolerance_s=self.tolerance_s)
