"""The authorization schemes of a spec.

A spec contains only the names of secrets: ``env:COMPLAINTS_JWT_KEY``, ``file:/run/secrets/x``.
:mod:`nbincoming.core.auth.verification` checks requests against a scheme.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from nbincoming.core.auth.signatures import DEFAULT_TOLERANCE_S, Digest, Encoding
from nbincoming.core.auth.token_keys import AlgorithmName
from nbincoming.core.auth.token_policy import LEEWAY_S, TokenPolicy
from nbincoming.core.auth.tokens import PERMISSION, PERMISSIONS_CLAIM
from nbincoming.core.problems import problems_of
from nbincoming.core.request.values import Value
from nbincoming.errors import SpecError

SECRET_NAME: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S(?:.*\S)?")
HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")

_Scheme = TypeVar("_Scheme", bound="Scheme")


def _check_secret_name(name: str) -> str:
    if not SECRET_NAME.fullmatch(name):
        # Do not quote the name: users often enter the secret itself.
        raise ValueError(
            "This is not the name of a secret. Write env:NAME for an environment variable, or "
            "file:/path for a file. A spec never contains the secret itself."
        )
    return name


def _check_header_name(name: str) -> str:
    if not HEADER_NAME.fullmatch(name):
        raise ValueError("This is not the name of a header. Write a name such as X-Signature.")
    return name.lower()


def _check_jwks_url(url: str) -> str:
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise ValueError("Write an https URL. Without TLS, an attacker could replace the keys.")
    if "@" in parts.netloc:
        raise ValueError("Write the URL without user and password. A spec never contains a secret.")
    return url


SecretName = Annotated[str, AfterValidator(_check_secret_name)]
HeaderName = Annotated[str, AfterValidator(_check_header_name)]


class Scheme(BaseModel):
    """The base class of all schemes."""

    # Errors do not show the input, because users may enter a secret instead of its name.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def data(self) -> dict[str, Value]:
        """Return the JSON form, without fields that have their default value."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        return {"scheme": self.model_dump()["scheme"], **data}

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the scheme needs."""
        return ()

    def signed_headers(self) -> tuple[str, ...]:
        """Return the headers, in lower case, that the signature covers besides the body."""
        return ()


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


class Hmac(Scheme):
    """An HMAC over the raw body, in a header of any name.

    Attributes
    ----------
    secrets : tuple of str
        Names of secrets, oldest to newest.
    header : str
        The header that carries the signature.
    algorithm, prefix, encoding : str
        The hash function, the text before the signature, and the signature's encoding.
    timestamp_header : str, optional
        A header with seconds since the epoch. If set, ``<timestamp>.<body>`` is signed.
    tolerance_s : int
        How far that time may be from now, in seconds.
    """

    scheme: Literal["hmac"] = "hmac"
    secrets: Annotated[tuple[SecretName, ...], Field(min_length=1)]
    header: HeaderName
    algorithm: Digest = "sha256"
    prefix: Annotated[str, Field(max_length=40)] = ""
    encoding: Encoding = "hex"
    timestamp_header: HeaderName | None = None
    tolerance_s: Annotated[int, Field(ge=1, le=86_400)] = DEFAULT_TOLERANCE_S

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the scheme needs."""
        return self.secrets

    def signed_headers(self) -> tuple[str, ...]:
        """Return the headers, in lower case, that the signature covers besides the body."""
        return (self.timestamp_header,) if self.timestamp_header else ()


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
    tolerance_s: Annotated[int, Field(ge=1, le=86_400)] = DEFAULT_TOLERANCE_S

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the scheme needs."""
        return self.secrets

    def signed_headers(self) -> tuple[str, ...]:
        """Return the headers, in lower case, that the signature covers besides the body."""
        return ("webhook-id", "webhook-timestamp")


#: Any scheme. The field ``scheme`` contains its name.
Authorization: TypeAlias = Annotated[
    NoAuthorization | Jwt | Meta | Hmac | StandardWebhooks, Field(discriminator="scheme")
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
    """Require Meta's signature; see :class:`Meta` for the options and :func:`jwt` for errors."""
    return _scheme(Meta, secret, options)


def hmac_signature(*, secret: str | Sequence[str], **options: Any) -> Hmac:
    """Require an HMAC in a header; see :class:`Hmac` for the options."""
    return _scheme(Hmac, secret, options)


def standard_webhooks(*, secret: str | Sequence[str], **options: Any) -> StandardWebhooks:
    """Require a Standard Webhooks signature; see :class:`StandardWebhooks`."""
    return _scheme(StandardWebhooks, secret, options)
