"""Who may call an endpoint: the schemes as a spec names them, and their check.

A spec names its secrets (``env:COMPLAINTS_JWT_KEY``, ``file:/run/secrets/x``) and never
holds one. The drivers look them up; here they arrive as a mapping from name to bytes.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Protocol, Self, TypeAlias, TypeVar, assert_never
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from nbincoming.core.message import Request
from nbincoming.core.problems import problems_of
from nbincoming.core.signatures import (
    DEFAULT_TOLERANCE_S,
    META_HEADER,
    META_PREFIX,
    Digest,
    Encoding,
    standard_key,
    verify_hmac,
    verify_standard,
)
from nbincoming.core.tokens import (
    LEEWAY_S,
    PERMISSION,
    PERMISSIONS_CLAIM,
    AlgorithmName,
    Key,
    Rules,
    Token,
    bearer,
    prepare_keys,
    verify_token,
)
from nbincoming.core.values import Value
from nbincoming.errors import BadVerifyToken, Problem, SecretError, SpecError

_SECRET_NAME: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S(?:.*\S)?")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")

_Scheme = TypeVar("_Scheme", bound="Scheme")

#: Raises a refusal, or returns.
Verify = Callable[[Request], None]
#: Raises a refusal, or returns the challenge to answer by.
Handshake = Callable[[Request], str]


class Secrets(Protocol):
    """Where the values of secrets come from; a plain dict will do."""

    def __getitem__(self, name: str, /) -> bytes:
        """Return a secret's value, or raise KeyError."""


class RefreshableSecrets(Secrets, Protocol):
    """Secrets that can be fetched anew, such as a JWKS behind a URL."""

    def refresh(self, name: str) -> bytes:
        """Fetch a value again, unless that was done a moment ago, and return it.

        A LookupError or an OSError leaves the keys in force that there were.
        """


def _check_secret_name(name: str) -> str:
    if not _SECRET_NAME.fullmatch(name):
        # Never quoted: what is wrong here is often the secret itself.
        raise ValueError(
            "This is not the name of a secret. Write env:NAME for an environment variable, or "
            "file:/path for a file; a spec never holds the secret itself."
        )
    return name


def _check_header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
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

    def rules(self) -> Rules:
        """Gather what a token must fulfil."""
        return Rules(
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


#: Any scheme, told apart by its ``scheme``.
Authorization: TypeAlias = Annotated[
    NoAuthorization | Jwt | Meta | Hmac | StandardWebhooks, Field(discriminator="scheme")
]


def compile_verify(authorization: Authorization, secrets: Secrets) -> Verify:
    """Prepare a scheme's keys and return its check.

    Raises
    ------
    SecretError
        If secrets are missing or unusable; all of them at once, none of their values.
    """
    found = _look_up(authorization, secrets)
    match authorization:
        case NoAuthorization():
            return lambda _: None
        case Jwt():
            return _JwtVerify(authorization, secrets, found)
        case Meta():
            values = [found[name] for name in authorization.secrets]
            return lambda request: verify_hmac(
                request, values, header=META_HEADER, prefix=META_PREFIX
            )
        case Hmac() as scheme:
            values = [found[name] for name in scheme.secrets]
            return lambda request: verify_hmac(
                request,
                values,
                header=scheme.header,
                digest=scheme.algorithm,
                prefix=scheme.prefix,
                encoding=scheme.encoding,
                timestamp_header=scheme.timestamp_header,
                tolerance_s=scheme.tolerance_s,
            )
        case StandardWebhooks(tolerance_s=tolerance_s):
            values = [found[name] for name in authorization.secrets]
            return lambda request: verify_standard(request, values, tolerance_s=tolerance_s)
        case _:
            assert_never(authorization)


def compile_handshake(authorization: Authorization, secrets: Secrets) -> Handshake | None:
    """Prepare the answer to a scheme's GET handshake; None where it has none."""
    if not isinstance(authorization, Meta):
        return None
    wanted = b"" if authorization.verify_token is None else secrets[authorization.verify_token]
    return lambda request: check_handshake(request, wanted)


def check_handshake(request: Request, verify_token: bytes) -> str:
    """Answer Meta's subscription handshake with its challenge.

    Parameters
    ----------
    request
        The GET request.
    verify_token
        What it must carry; where it is empty, nothing will do.

    Raises
    ------
    BadVerifyToken
        If the mode, the token or the challenge is missing, wrong or given twice.
    """
    modes, tokens = request.query("hub.mode"), request.query("hub.verify_token")
    challenges = request.query("hub.challenge")
    if modes != ["subscribe"] or len(tokens) != 1 or len(challenges) != 1:
        raise BadVerifyToken(
            "A handshake has hub.mode=subscribe, hub.verify_token and hub.challenge, each once."
        )
    given = tokens[0].encode("utf-8", "surrogateescape")
    if not verify_token or not hmac.compare_digest(given, verify_token):
        raise BadVerifyToken(
            "hub.verify_token is not the one set here. Enter the same one at the sender."
        )
    return challenges[0]


class _JwtVerify:
    """Checks tokens, by keys that are prepared once and by those that an issuer publishes."""

    def __init__(self, authorization: Jwt, secrets: Secrets, found: Mapping[str, bytes]) -> None:
        self._rules = authorization.rules()
        self._secrets = secrets
        self._refresh = getattr(secrets, "refresh", None)
        self._own = tuple(
            key
            for name in authorization.secrets
            for key in prepare_keys(found[name], authorization.algorithm)
        )
        self._url = authorization.jwks_url
        self._published: tuple[bytes, tuple[Key, ...]] = (b"", ())
        if self._url is not None:
            self._read_published(found.__getitem__)

    def __call__(self, request: Request) -> None:
        token = bearer(request)
        verify_token(token, self._keys(token), self._rules, request.received_at_ms)

    def _keys(self, token: Token) -> tuple[Key, ...]:
        if self._url is None or token.algorithm != self._rules.algorithm:
            return self._own
        keys = self._own + self._read_published(self._secrets.__getitem__)
        unknown = token.key_id is not None and all(key.key_id != token.key_id for key in keys)
        if unknown and self._refresh is not None:
            # The issuer may have rotated its keys since they were fetched.
            keys = self._own + self._read_published(self._refresh)
        return keys

    def _read_published(self, look_up: Callable[[str], bytes]) -> tuple[Key, ...]:
        raw, keys = self._published
        try:
            latest = look_up(str(self._url))
            if latest != raw:
                keys = prepare_keys(latest, self._rules.algorithm)
                self._published = latest, keys
        except (LookupError, OSError, ValueError):
            pass  # not there, or unusable: the keys before it stay in force
        return keys


def _look_up(authorization: Authorization, secrets: Secrets) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    problems = []
    for name in authorization.secret_names():
        try:
            value = secrets[name]
            if not value:
                raise ValueError("is empty")
            if isinstance(authorization, Jwt):
                prepare_keys(value, authorization.algorithm)
            elif isinstance(authorization, StandardWebhooks):
                standard_key(value)
        except LookupError:
            what, _, where = name.partition(":")
            how = {
                "env": f"Set the environment variable {where}",
                "file": f"Write it to {where}",
            }.get(what, "See that it can be fetched")
            problems.append(Problem(name, f"is not there. {how}, or give it in the notebook."))
        except ValueError as error:
            problems.append(Problem(name, f"{error}."))
        else:
            found[name] = value
    if problems:
        lines = "".join(f"\n  {problem.place} {problem.message}" for problem in problems)
        noun = "secret is" if len(problems) == 1 else "secrets are"
        raise SecretError(f"{len(problems)} {noun} not usable:{lines}")
    return found


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


__all__ = [
    "Authorization", "Hmac", "Jwt", "Meta", "NoAuthorization", "Scheme", "Secrets",
    "StandardWebhooks", "check_handshake", "compile_handshake",
    "compile_verify", "hmac_signature", "jwt", "meta",
    "no_authorization", "standard_webhooks",
]  # fmt: skip
