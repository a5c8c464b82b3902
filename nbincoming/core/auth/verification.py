"""The check of an authorization: a scheme and its secrets made into a function.

The drivers look secrets up; here they arrive as a mapping from name to bytes.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Final, Protocol, assert_never

from nbincoming.core.auth.schemes import (
    Authorization,
    Hmac,
    Jwt,
    Meta,
    NoAuthorization,
    StandardWebhooks,
)
from nbincoming.core.auth.signatures import (
    META_HEADER,
    META_PREFIX,
    standard_key,
    verify_hmac,
    verify_standard,
)
from nbincoming.core.auth.token_keys import TokenKey, prepare_keys
from nbincoming.core.auth.token_policy import check_times, ends_at_ms, verify_token
from nbincoming.core.auth.tokens import Token, bearer
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import Value
from nbincoming.errors import BadVerifyToken, Problem, SecretError

#: Tokens that are remembered: more than there are senders to one endpoint.
_MAX_KNOWN: Final = 256

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
        self._policy = authorization.token_policy()
        self._secrets = secrets
        self._refresh = getattr(secrets, "refresh", None)
        self._own = tuple(
            key
            for name in authorization.secrets
            for key in prepare_keys(found[name], authorization.algorithm)
        )
        self._url = authorization.jwks_url
        self._published: tuple[bytes, tuple[TokenKey, ...]] = (b"", ())
        #: Tokens that were good, by the header that brought them: the same one comes with each
        #: request for an hour, and all but its times stays true as long as the keys do. Of its
        #: times, the end alone can become untrue after it was good (the number).
        self._known: dict[
            bytes, tuple[Token, tuple[TokenKey, ...], Mapping[str, Value], int, int]
        ] = {}
        if self._url is not None:
            self._read_published(found.__getitem__)

    def __call__(self, request: Request) -> None:
        given = request.header(b"authorization")
        known = self._known.get(given[0]) if len(given) == 1 else None
        if known is not None:
            token, keys, claims, good_ms, end_ms = known
            if self._keys(token) == keys:  # else some were withdrawn
                if not good_ms <= request.received_at_ms < end_ms:
                    check_times(claims, self._policy, request.received_at_ms)
                return
        token = bearer(request)
        keys = self._keys(token)
        claims = verify_token(token, keys, self._policy, request.received_at_ms)
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        now_ms = request.received_at_ms
        self._known[given[0]] = token, keys, claims, now_ms, ends_at_ms(claims, self._policy)

    def _keys(self, token: Token) -> tuple[TokenKey, ...]:
        if self._url is None or token.algorithm != self._policy.algorithm:
            return self._own
        keys = self._own + self._read_published(self._secrets.__getitem__)
        unknown = token.key_id is not None and all(key.key_id != token.key_id for key in keys)
        if unknown and self._refresh is not None:
            # The issuer may have rotated its keys since they were fetched.
            keys = self._own + self._read_published(self._refresh)
        return keys

    def _read_published(self, look_up: Callable[[str], bytes]) -> tuple[TokenKey, ...]:
        raw, keys = self._published
        try:
            latest = look_up(str(self._url))
            if latest != raw:
                self._published = latest, keys  # so that what is unusable is tried but once
                keys = prepare_keys(latest, self._policy.algorithm)
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
