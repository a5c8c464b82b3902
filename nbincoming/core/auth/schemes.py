"""The authorization schemes of a spec.

A spec contains only the names of secrets: ``env:COMPLAINTS_JWT_KEY``, ``file:/run/secrets/x``.
:mod:`nbincoming.core.auth.verification` checks requests against a scheme.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from nbincoming.core.auth.proofs.header_token import BasicCredentials, TokenInHeader
from nbincoming.core.auth.provider_scheme import ProviderScheme
from nbincoming.core.auth.scheme_fields import HeaderName, Scheme, SecretName
from nbincoming.core.auth.signature_schemes import Hmac, Meta, StandardWebhooks
from nbincoming.core.auth.token_keys import AlgorithmName
from nbincoming.core.auth.token_policy import LEEWAY_S, TokenPolicy
from nbincoming.core.auth.tokens import PERMISSION, PERMISSIONS_CLAIM
from nbincoming.core.problems import problems_of
from nbincoming.core.request.masking import is_secret_header
from nbincoming.errors import SpecError

_Scheme = TypeVar("_Scheme", bound="Scheme")


def _check_jwks_url(url: str) -> str:
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise ValueError("Write an https URL. Without TLS, an attacker could replace the keys.")
    if "@" in parts.netloc:
        raise ValueError("Write the URL without user and password. A spec never contains a secret.")
    return url


class NoAuthorization(Scheme):
    """No authorization: anyone who knows the URL may send."""

    scheme: Literal["none"] = "none"


class Jwt(Scheme):
    """A JSON Web Token in ``Authorization: Bearer``.

    Attributes
    ----------
    secrets : tuple of str
        Names of secrets, oldest to newest. Each is a shared secret (HS256 to HS512), a PEM
        public key or a JWKS. Add one to rotate.
    jwks_url : str, optional
        URL of the JWKS that the issuer publishes.
    algorithm : str
        The only algorithm that tokens may be signed with.
    permission : str or None
        The permission that tokens must grant; None if they need none.
    permissions_claim : str
        The claim that lists a token's permissions, an array of strings.
    audience, issuer : str, optional
        The required values of the claims ``aud`` and ``iss``.
    leeway_s : int
        How far the clocks of issuer and endpoint may differ, in seconds.
    """

    scheme: Literal["jwt"] = "jwt"
    secrets: tuple[SecretName, ...] = ()
    jwks_url: Annotated[str, AfterValidator(_check_jwks_url)] | None = None
    algorithm: AlgorithmName = "HS256"
    permission: str | None = PERMISSION
    permissions_claim: str = PERMISSIONS_CLAIM
    audience: str | None = None
    issuer: str | None = None
    leeway_s: Annotated[int, Field(ge=0, le=600)] = LEEWAY_S

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if not self.secrets and self.jwks_url is None:
            raise ValueError("No key is given. Name a secret in secrets, or set jwks_url.")
        if self.jwks_url is not None and self.algorithm.startswith("HS"):
            raise ValueError(
                f"{self.algorithm} uses a shared secret, which must not be published at a URL. "
                "Choose RS256, PS256, ES256 or EdDSA."
            )
        return self

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the scheme needs."""
        return (*self.secrets, *([self.jwks_url] if self.jwks_url else ()))

    def token_policy(self) -> TokenPolicy:
        """Return what this scheme requires of a token."""
        return TokenPolicy(
            algorithm=self.algorithm,
            permission=self.permission,
            permissions_claim=self.permissions_claim,
            leeway_s=self.leeway_s,
            audience=self.audience,
            issuer=self.issuer,
        )


class HeaderToken(Scheme):
    """A token that is the same in every request, in a header.

    Attributes
    ----------
    secrets : tuple of str
        Names of the tokens that are accepted, oldest to newest.
    header : str
        The header that carries the token. Its name must be one whose values are masked.
    prefix : str
        What is before the token, such as ``Bearer`` and a space.
    """

    scheme: Literal["header"] = "header"
    secrets: Annotated[tuple[SecretName, ...], Field(min_length=1)]
    header: HeaderName
    prefix: Annotated[str, Field(max_length=40, pattern=r"^([!-~][ -~]*)?$")] = ""

    @field_validator("header")
    @classmethod
    def _check_masked(cls, header: str) -> str:
        if not is_secret_header(header):
            raise ValueError(
                "The values of a header of this name are shown in samples and events, and the "
                "token with them. Use a name such as Authorization, X-Api-Key or X-Webhook-Token."
            )
        return header

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the scheme needs."""
        return self.secrets

    def proof(self) -> TokenInHeader:
        """Return where the token is."""
        return TokenInHeader(self.header, self.prefix)


class Basic(Scheme):
    """A user with a password in ``Authorization: Basic``.

    Attributes
    ----------
    secrets : tuple of str
        Names of secrets of the form ``user:password``, oldest to newest.
    """

    scheme: Literal["basic"] = "basic"
    secrets: Annotated[tuple[SecretName, ...], Field(min_length=1)]

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the scheme needs."""
        return self.secrets

    def proof(self) -> BasicCredentials:
        """Return how user and password are sent."""
        return BasicCredentials()


#: The schemes of which each has a proof.
ProofScheme: TypeAlias = Meta | Hmac | StandardWebhooks | HeaderToken | Basic | ProviderScheme

#: Any scheme. The field ``scheme`` contains its name.
Authorization: TypeAlias = Annotated[
    NoAuthorization | Jwt | ProofScheme, Field(discriminator="scheme")
]


def _scheme(model: type[_Scheme], secret: str | Sequence[str], options: dict[str, Any]) -> _Scheme:
    secrets = (secret,) if isinstance(secret, str) else tuple(secret)
    try:
        return model.model_validate({"secrets": secrets, **options})
    except ValidationError as error:
        raise SpecError(problems_of(error), source="The authorization") from None


def no_authorization() -> NoAuthorization:
    """Let anyone who knows the URL send."""
    return NoAuthorization()


def jwt(*, secret: str | Sequence[str] = (), **options: Any) -> Jwt:
    """Require a JSON Web Token; see :class:`Jwt` for the options.

    Parameters
    ----------
    secret
        Name of the secret, such as ``"env:COMPLAINTS_JWT_KEY"``, or several names, oldest to
        newest.

    Raises
    ------
    SpecError
        If an option is invalid.
    """
    return _scheme(Jwt, secret, options)


def meta(*, secret: str | Sequence[str], **options: Any) -> Meta:
    """Require Meta's signature.

    See :class:`~nbincoming.core.auth.signature_schemes.Meta` for the options and :func:`jwt` for
    errors.
    """
    return _scheme(Meta, secret, options)


def hmac_signature(*, secret: str | Sequence[str], **options: Any) -> Hmac:
    """Require an HMAC in a header.

    See :class:`~nbincoming.core.auth.signature_schemes.Hmac` for the options.
    """
    return _scheme(Hmac, secret, options)


def standard_webhooks(*, secret: str | Sequence[str], **options: Any) -> StandardWebhooks:
    """Require a Standard Webhooks signature.

    See :class:`~nbincoming.core.auth.signature_schemes.StandardWebhooks` for the options.
    """
    return _scheme(StandardWebhooks, secret, options)


def header(name: str, *, secret: str | Sequence[str], prefix: str = "") -> HeaderToken:
    """Require a token in a header; see :class:`HeaderToken`.

    Parameters
    ----------
    name
        The header, such as ``"X-Api-Key"``.
    secret
        Name of the token's secret, or several names, oldest to newest.
    prefix
        What is before the token, such as ``"Bearer "``.
    """
    return _scheme(HeaderToken, secret, {"header": name, "prefix": prefix})


def basic(*, secret: str | Sequence[str]) -> Basic:
    """Require a user with a password; the secret is ``user:password``."""
    return _scheme(Basic, secret, {})


def provider(name: str, *, secret: str | Sequence[str], **options: Any) -> ProviderScheme:
    """Require what a known sender sends; ``docs/providers.md`` lists the senders.

    See :class:`~nbincoming.core.auth.provider_scheme.ProviderScheme` for the options.

    Parameters
    ----------
    name
        The sender, such as ``"stripe"``.
    secret
        Name of the secret that the sender shows, or several names, oldest to newest.
    """
    return _scheme(ProviderScheme, secret, {"provider": name, **options})
