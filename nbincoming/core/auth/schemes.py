"""Who may call an endpoint: the schemes, as a spec names them.

A spec names its secrets (``env:COMPLAINTS_JWT_KEY``, ``file:/run/secrets/x``) and never
holds one. How a scheme is checked is in :mod:`nbincoming.core.auth.verification`.
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
        # Never quoted: what is wrong here is often the secret itself.
        raise ValueError(
            "This is not the name of a secret. Write env:NAME for an environment variable, or "
            "file:/path for a file; a spec never holds the secret itself."
        )
    return name


def _check_header_name(name: str) -> str:
    if not HEADER_NAME.fullmatch(name):
        raise ValueError("This is not a header's name. Write one such as X-Signature.")
    return name.lower()


def _check_jwks_url(url: str) -> str:
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise ValueError("Write an https URL. Keys fetched without TLS can be replaced on the way.")
    if "@" in parts.netloc:
        raise ValueError("Write the URL without a user and password; a spec never holds a secret.")
    return url


SecretName = Annotated[str, AfterValidator(_check_secret_name)]
HeaderName = Annotated[str, AfterValidator(_check_header_name)]


class Scheme(BaseModel):
    """What the schemes share."""

    # A wrong secret name may be the secret: validation never shows its input.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def data(self) -> dict[str, Value]:
        """Return the JSON form, without what is left at its default."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        return {"scheme": self.model_dump()["scheme"], **data}

    def secret_names(self) -> tuple[str, ...]:
        """Name the secrets that the scheme needs."""
        return ()

    def signed_headers(self) -> tuple[str, ...]:
        """Name the headers, in lower case, that the signature covers beside the body."""
        return ()


class NoAuthorization(Scheme):
    """Anyone who knows the URL may call."""

    scheme: Literal["none"] = "none"


class Jwt(Scheme):
    """A JSON Web Token in ``Authorization: Bearer``.

    Attributes
    ----------
    secrets : tuple of str
        Names of secrets, oldest to newest: each a shared secret (HS…), a PEM public key
        or a JWKS. Rotation is adding one.
    jwks_url : str, optional
        Where the issuer publishes its keys.
    algorithm : str
        The one algorithm that tokens must be signed by.
    permission : str or None
        What the claim `permissions_claim`, a list of strings, must contain.
    permissions_claim : str
        The claim's name.
    audience, issuer : str, optional
        What ``aud`` and ``iss`` must be.
    leeway_s : int
        How far two clocks may differ, in seconds.
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
            raise ValueError("A key is needed. Name a secret in secrets, or give jwks_url.")
        if self.jwks_url is not None and self.algorithm.startswith("HS"):
            raise ValueError(
                f"{self.algorithm} uses a shared secret, which no URL may publish. "
                "Choose RS256, PS256, ES256 or EdDSA."
            )
        return self

    def secret_names(self) -> tuple[str, ...]:
        """Name the secrets that the scheme needs."""
        return (*self.secrets, *([self.jwks_url] if self.jwks_url else ()))

    def token_policy(self) -> TokenPolicy:
        """Return what a token must fulfil."""
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
        Name of the secret that the handshake must carry.
    """

    scheme: Literal["meta"] = "meta"
    secrets: Annotated[tuple[SecretName, ...], Field(min_length=1)]
    verify_token: SecretName | None = None

    def secret_names(self) -> tuple[str, ...]:
        """Name the secrets that the scheme needs."""
        return (*self.secrets, *([self.verify_token] if self.verify_token else ()))


class Hmac(Scheme):
    """Anyone's HMAC over the raw body.

    Attributes
    ----------
    secrets : tuple of str
        Names of secrets, oldest to newest.
    header : str
        The header that carries the signature.
    algorithm, prefix, encoding : str
        How it is made and written.
    timestamp_header : str, optional
        A header with seconds since the epoch, signed as ``<timestamp>.<body>``.
    tolerance_s : int
        How far that time may be from now.
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
        """Name the secrets that the scheme needs."""
        return self.secrets

    def signed_headers(self) -> tuple[str, ...]:
        """Name the headers, in lower case, that the signature covers beside the body."""
        return (self.timestamp_header,) if self.timestamp_header else ()


class StandardWebhooks(Scheme):
    """A signature as Standard Webhooks 1.0.0 defines it.

    Attributes
    ----------
    secrets : tuple of str
        Names of secrets of the form ``whsec_<base64>``, oldest to newest.
    tolerance_s : int
        How far the signed time may be from now.
    """

    scheme: Literal["standard-webhooks"] = "standard-webhooks"
    secrets: Annotated[tuple[SecretName, ...], Field(min_length=1)]
    tolerance_s: Annotated[int, Field(ge=1, le=86_400)] = DEFAULT_TOLERANCE_S

    def secret_names(self) -> tuple[str, ...]:
        """Name the secrets that the scheme needs."""
        return self.secrets

    def signed_headers(self) -> tuple[str, ...]:
        """Name the headers, in lower case, that the signature covers beside the body."""
        return ("webhook-id", "webhook-timestamp")


#: Any scheme, told apart by its ``scheme``.
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
    """Let anyone who knows the URL call."""
    return NoAuthorization()


def jwt(*, secret: str | Sequence[str] = (), **options: Any) -> Jwt:
    """Require a JSON Web Token; see :class:`Jwt` for the options.

    Parameters
    ----------
    secret
        Name of the secret, such as ``"env:COMPLAINTS_JWT_KEY"``, or several.

    Raises
    ------
    SpecError
        If something is not as the scheme needs it; here and in the other schemes.
    """
    return _scheme(Jwt, secret, options)


def meta(*, secret: str | Sequence[str], **options: Any) -> Meta:
    """Require Meta's signature; see :class:`Meta` for the options."""
    return _scheme(Meta, secret, options)


def hmac_signature(*, secret: str | Sequence[str], **options: Any) -> Hmac:
    """Require an HMAC in a header; see :class:`Hmac` for the options."""
    return _scheme(Hmac, secret, options)


def standard_webhooks(*, secret: str | Sequence[str], **options: Any) -> StandardWebhooks:
    """Require a Standard Webhooks signature; see :class:`StandardWebhooks`."""
    return _scheme(StandardWebhooks, secret, options)
