"""The exceptions of nbincoming.

A :class:`Refusal` is an answer to a *sender*: it has an HTTP status, and
:func:`nbincoming.core.gateway.judge` catches it. All other exceptions are for the *user* of the
library. Every message says what was given, what is needed and what to do. No message contains a
secret, a signature or a whole body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

#: Longest text that a message quotes, in characters.
QUOTE_LIMIT = 80


def quote(text: object) -> str:
    """Quote a value for a message, cut to :data:`QUOTE_LIMIT` characters."""
    shown = ascii(text)
    return shown if len(shown) <= QUOTE_LIMIT else shown[: QUOTE_LIMIT - 1] + "…"


def counted(number: int, noun: str) -> str:
    """Write a number and its noun: ``1 sample``, ``2 samples``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class NbIncomingError(Exception):
    """Base of all exceptions of nbincoming."""


# --- answers to a sender -----------------------------------------------------------


class Refusal(NbIncomingError):
    """A request is refused.

    Attributes
    ----------
    status : int
        HTTP status code of the answer.
    slug : str
        Stable name of the cause, the last part of the problem's ``type``.
    headers : tuple of (str, str)
        Headers that the status requires, such as ``Allow`` or ``WWW-Authenticate``.
    """

    status: ClassVar[int] = 400
    slug: ClassVar[str] = "refused"
    title: ClassVar[str] = "The request was refused"

    def __init__(self, detail: str, *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = headers


class BadJSON(Refusal):
    """The body is not the JSON that the endpoint accepts."""

    status = 400
    slug = "bad-json"
    title = "The body is not valid JSON"


class BadHeader(Refusal):
    """A header that may be sent once is sent twice, or its value cannot be used."""

    status = 400
    slug = "bad-header"
    title = "A header is unusable"


class TooDeep(Refusal):
    """The body is nested deeper than the limit."""

    status = 400
    slug = "too-deep"
    title = "The body is nested too deeply"


class TooManyParameters(Refusal):
    """The request has more parameters than the limit."""

    status = 400
    slug = "too-many-parameters"
    title = "The request has too many parameters"


class Unauthorized(Refusal):
    """Credentials are missing or wrong."""

    status = 401
    slug = "unauthorized"
    title = "The request is not authorized"


class MissingCredentials(Unauthorized):
    """The request has no credentials."""

    slug = "missing-credentials"


class BadToken(Unauthorized):
    """The bearer token is malformed, forged, expired or not yet valid."""

    slug = "bad-token"


class BadSignature(Unauthorized):
    """The signature does not match the request."""

    slug = "bad-signature"


class BadCredentials(Unauthorized):
    """The token or the password is wrong."""

    slug = "bad-credentials"


class BadApiKey(Unauthorized):
    """The API key of the login is unknown or revoked."""

    slug = "bad-api-key"


class LacksPermission(Refusal):
    """The credentials are valid but do not allow calling this endpoint."""

    status = 403
    slug = "lacks-permission"
    title = "The permission is missing"


class BadVerifyToken(Refusal):
    """The handshake does not have the expected verify token."""

    status = 403
    slug = "bad-verify-token"
    title = "The handshake failed"


class UnknownEndpoint(Refusal):
    """No endpoint has this URL, or it is a draft that is not retrieving data."""

    status = 404
    slug = "unknown-endpoint"
    title = "There is no such endpoint"


class MethodNotAllowed(Refusal):
    """The endpoint does not accept this method."""

    status = 405
    slug = "method-not-allowed"
    title = "The method is not allowed"


class BodyTooLarge(Refusal):
    """The body is larger than the limit."""

    status = 413
    slug = "body-too-large"
    title = "The body is too large"


class UnsupportedMediaType(Refusal):
    """The content type is not JSON."""

    status = 415
    slug = "unsupported-media-type"
    title = "The content type is not JSON"


class TooManyRequests(Refusal):
    """The sender exceeds the allowed rate."""

    status = 429
    slug = "too-many-requests"
    title = "Too many requests"


class InboxUnavailable(Refusal):
    """The inbox cannot be reached, so the event was not stored."""

    status = 503
    slug = "inbox-unavailable"
    title = "The inbox is unavailable"


class LoginUnavailable(Refusal):
    """The API keys cannot be read, so nobody can log in."""

    status = 503
    slug = "login-unavailable"
    title = "The login is unavailable"


# --- exceptions for the user -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a spec, and where.

    Attributes
    ----------
    place : str
        Path into the spec, such as ``triggers[0].when.all[1].parameter``; empty for
        the spec as a whole.
    message : str
        A sentence: what was given, what is needed, what to do.
    """

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class ProblemsError(NbIncomingError, ValueError):
    """Base of the exceptions that list all problems of an input."""

    def __init__(self, problems: Sequence[Problem], *, source: str) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"{source} has {counted(len(problems), 'problem')}:{lines}")


class SpecError(ProblemsError):
    """A spec, or a part of one, that cannot be used."""

    def __init__(self, problems: Sequence[Problem], *, source: str = "The spec") -> None:
        super().__init__(problems, source=source)


class SamplesError(ProblemsError):
    """A text from which no requests can be read."""

    def __init__(self, problems: Sequence[Problem], *, source: str = "The text") -> None:
        super().__init__(problems, source=source)


class LabelError(NbIncomingError, ValueError):
    """A text that is not the label of a parameter."""


class ConditionError(NbIncomingError, TypeError):
    """Conditions in Python are combined in a wrong way."""


class SentenceError(NbIncomingError, ValueError):
    """A text that is not a condition.

    Attributes
    ----------
    position : int
        Where the error is, in characters from 0.
    """

    def __init__(self, message: str, *, position: int) -> None:
        super().__init__(message)
        self.position = position


class SecretError(NbIncomingError, LookupError):
    """Secrets of a spec cannot be used. The message lists all of them."""


class ListenerError(NbIncomingError, OSError):
    """The listener cannot start."""


class MissingExtra(NbIncomingError, ImportError):
    """An optional part of nbincoming needs packages that are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs packages that are not installed. "
            f"Install them with: pip install 'nbincoming[{extra}]'"
        )
        self.extra = extra
