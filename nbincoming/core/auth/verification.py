"""Turn a scheme and its secrets into functions that check requests."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol, TypeGuard

from nbincoming.core.auth.proofs.proof import Proof
from nbincoming.core.auth.provider_scheme import ProviderScheme
from nbincoming.core.auth.schemes import Authorization, Jwt, NoAuthorization
from nbincoming.core.auth.signature_schemes import Meta
from nbincoming.core.auth.token_keys import NoUsableKey, TokenKey, prepare_keys
from nbincoming.core.auth.token_policy import check_times, ends_at_ms, verify_token
from nbincoming.core.auth.tokens import Token, bearer
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import Value
from nbincoming.errors import BadVerifyToken, Problem, SecretError

#: How many verified tokens are cached. An endpoint usually has fewer senders.
_MAX_CACHED: Final = 256

#: Raises a refusal if the request is not authorized.
Verify = Callable[[Request], None]
#: Returns the challenge to answer with, or raises a refusal.
Handshake = Callable[[Request], str]


class Secrets(Protocol):
    """A mapping from the names of secrets to their values, such as a dict.

    It may have a method ``refresh(name)`` that fetches a value again, as of a JWKS behind a URL.
    If that raises LookupError or OSError, the previous value is still used.
    """

    def __getitem__(self, name: str, /) -> bytes:
        """Return a secret's value, or raise KeyError."""


def compile_verify(authorization: Authorization, secrets: Secrets) -> Verify:
    """Prepare a scheme's keys and return the function that checks requests.

    Raises
    ------
    SecretError
        If secrets are missing or unusable. The message lists their names, never their values.
    """
    found = _look_up(authorization, secrets)
    match authorization:
        case NoAuthorization():
            return lambda _: None
        case Jwt():
            return _JwtVerify(authorization, secrets, found)
        case _:
            proof: Proof = authorization.proof()
            keys = [proof.prepare(found[name]) for name in authorization.secrets]
            return lambda request: proof.verify(request, keys)


def compile_handshake(authorization: Authorization, secrets: Secrets) -> Handshake | None:
    """Return the function that answers a scheme's GET handshake; None if it has none."""
    if not shakes_hands(authorization):
        return None
    name = authorization.verify_token
    verify_token = b"" if name is None else secrets[name]
    return lambda request: check_handshake(request, verify_token)


def shakes_hands(authorization: Authorization) -> TypeGuard[Meta | ProviderScheme]:
    """Tell whether a scheme's sender tests the endpoint by Meta's GET handshake."""
    if isinstance(authorization, ProviderScheme):
        return authorization.row.has_meta_handshake
    return isinstance(authorization, Meta)


def check_handshake(request: Request, verify_token: bytes) -> str:
    """Check Meta's subscription handshake and return its challenge.

    Parameters
    ----------
    request
        The GET request.
    verify_token
        The token that it must contain. If empty, every handshake is refused.

    Raises
    ------
    BadVerifyToken
        If the mode, the token or the challenge is missing, wrong or given twice.
    """
    modes, tokens = request.query("hub.mode"), request.query("hub.verify_token")
    challenges = request.query("hub.challenge")
    if modes != ["subscribe"] or len(tokens) != 1 or len(challenges) != 1:
        raise BadVerifyToken(
            "A handshake needs hub.mode=subscribe, hub.verify_token and hub.challenge, each once."
        )
    given = tokens[0].encode("utf-8", "surrogateescape")
    if not verify_token or not hmac.compare_digest(given, verify_token):
        raise BadVerifyToken(
            "hub.verify_token is not the one set here. Enter the same token at the sender."
        )
    return challenges[0]


class _VerifiedToken(NamedTuple):
    token: Token
    keys: tuple[TokenKey, ...]
    claims: Mapping[str, Value]
    valid_from_ms: int
    valid_until_ms: int


class _JwtVerify:
    """Checks tokens with the keys of the secrets and of the JWKS URL."""

    def __init__(self, authorization: Jwt, secrets: Secrets, found: Mapping[str, bytes]) -> None:
        self._policy = authorization.token_policy()
        self._secrets = secrets
        self._refresh = getattr(secrets, "refresh", None)
        self._local_keys = tuple(
            key
            for name in authorization.secrets
            for key in prepare_keys(found[name], authorization.algorithm)
        )
        self._url = authorization.jwks_url
        self._published: tuple[bytes, tuple[TokenKey, ...]] = (b"", ())
        #: Verified tokens by header value. A sender repeats its token until it expires.
        self._cached: dict[bytes, _VerifiedToken] = {}
        if self._url is not None:
            self._read_published(found.__getitem__)

    def __call__(self, request: Request) -> None:
        given = request.header(b"authorization")
        cached = self._cached.get(given[0]) if len(given) == 1 else None
        if cached is not None:
            token, keys, claims, valid_from_ms, valid_until_ms = cached
            if self._keys(token) == keys:  # otherwise they were rotated
                if not valid_from_ms <= request.received_at_ms < valid_until_ms:
                    check_times(claims, self._policy, request.received_at_ms)
                return
        token = bearer(request)
        keys = self._keys(token)
        claims = verify_token(token, keys, self._policy, request.received_at_ms)
        if len(self._cached) >= _MAX_CACHED:
            self._cached.clear()
        now_ms = request.received_at_ms
        ends_ms = ends_at_ms(claims, self._policy)
        self._cached[given[0]] = _VerifiedToken(token, keys, claims, now_ms, ends_ms)

    def _keys(self, token: Token) -> tuple[TokenKey, ...]:
        if self._url is None or token.algorithm != self._policy.algorithm:
            return self._local_keys
        keys = self._local_keys + self._read_published(self._secrets.__getitem__)
        unknown = token.key_id is not None and all(key.key_id != token.key_id for key in keys)
        if unknown and self._refresh is not None:
            # The issuer may have added keys since the last fetch.
            keys = self._local_keys + self._read_published(self._refresh)
        return keys

    def _read_published(self, look_up: Callable[[str], bytes]) -> tuple[TokenKey, ...]:
        raw, keys = self._published
        try:
            latest = look_up(str(self._url))
        except (LookupError, OSError):
            return keys  # keep the previous keys
        if latest != raw:
            try:
                keys = prepare_keys(latest, self._policy.algorithm)
            except NoUsableKey:
                keys = ()
            except ValueError:
                pass  # keep the previous keys: this is no JWKS, but for example an error page
            self._published = latest, keys
        return keys


def _look_up(authorization: Authorization, secrets: Secrets) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    problems = []
    if isinstance(authorization, NoAuthorization):
        return found
    for name in authorization.secret_names():
        try:
            value = secrets[name]
            if not value:
                raise ValueError("is empty")
            if isinstance(authorization, Jwt):
                prepare_keys(value, authorization.algorithm)
            elif name in authorization.secrets:
                authorization.proof().prepare(value)
        except LookupError:
            what, _, where = name.partition(":")
            how = {
                "env": f"Set the environment variable {where}",
                "file": f"Write it to {where}",
            }.get(what, "Check that it can be fetched")
            problems.append(Problem(name, f"was not found. {how}, or set it in the notebook."))
        except ValueError as error:
            problems.append(Problem(name, f"{error}."))
        else:
            found[name] = value
    if problems:
        lines = "".join(f"\n  {problem.place} {problem.message}" for problem in problems)
        noun = "secret is" if len(problems) == 1 else "secrets are"
        raise SecretError(f"{len(problems)} {noun} not usable:{lines}")
    return found
