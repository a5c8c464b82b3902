"""Decide what happens to a request: authorize, decode, match the triggers, compute the key.

:meth:`Gateway.judge` has no side effects and never raises. Then the inbox claims the candidate's
deduplication key, which is the only side effect, and :func:`answer` makes the HTTP response.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, assert_never

from nbincoming.core.auth.verification import Secrets, compile_handshake, compile_verify
from nbincoming.core.conditions.evaluation import Scope, compile_condition
from nbincoming.core.deduplication import OWN_HASH_LABEL, check_own_hash, compile_key
from nbincoming.core.outcomes import (
    Accepted,
    Candidate,
    Challenge,
    Claim,
    Duplicate,
    Filtered,
    Outcome,
    Rejected,
)
from nbincoming.core.request.headers import header_parameters
from nbincoming.core.request.labels import parse
from nbincoming.core.request.message import Request, Response
from nbincoming.core.request.reading import body_too_large, check_headers, decode
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.model import Spec
from nbincoming.errors import (
    InboxUnavailable,
    MethodNotAllowed,
    Refusal,
    UnknownEndpoint,
)

#: The path of an endpoint, as on the marketing platform that nbincoming imitates.
ENDPOINT_PATH: Final = "/automation-endpoint/endpoints/authorized/{endpoint}/trigger"
_ENDPOINT: Final = re.compile(
    "/automation-endpoint/endpoints/authorized/"
    "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/trigger"
)


OK_RESPONSE: Final = Response(200, (("Content-Type", "text/plain; charset=utf-8"),), b"OK")
DUPLICATE_RESPONSE: Final = Response(204)


def endpoint_path(endpoint: str) -> str:
    """Return the path of an endpoint."""
    return ENDPOINT_PATH.format(endpoint=endpoint)


def endpoint_of(path: str) -> str | None:
    """Return the UUID in an endpoint's path; None for any other path."""
    match = _ENDPOINT.fullmatch(normal_path(path))
    return match[1] if match else None


def normal_path(path: str) -> str:
    """Drop the slash at the end of a path, which some senders add to every URL."""
    return path[:-1] if path.endswith("/") else path


class Gateway:
    """A spec compiled to judge requests.

    Parameters
    ----------
    spec
        A validated spec, published or draft.
    secrets
        The values of the secrets that it names.

    Raises
    ------
    SecretError
        If secrets are missing or unusable.
    """

    def __init__(self, spec: Spec, secrets: Secrets) -> None:
        self.spec = spec
        self._verify = compile_verify(spec.authorization, secrets)
        self._handshake = compile_handshake(spec.authorization, secrets)
        self._rules = Rules(spec)
        # Copied, because a field of a pydantic model takes several times as long to read.
        self._max_body_bytes = spec.max_body_bytes

    def judge(self, request: Request) -> Candidate | Challenge | Rejected:
        """Judge a request; never raises."""
        try:
            if request.method != "POST":
                return self._answer_handshake(request)
            if len(request.body) > self._max_body_bytes:
                raise body_too_large(self._max_body_bytes)
            self._verify(request)
            return self._rules.consider(request)
        except Refusal as refusal:
            return Rejected(refusal)

    def _answer_handshake(self, request: Request) -> Challenge:
        if request.method == "GET" and self._handshake is not None:
            return Challenge(self._handshake(request))
        allowed = "POST" if self._handshake is None else "GET, POST"
        raise MethodNotAllowed(
            f"This endpoint does not answer {request.method[:20]!r}. Use {allowed}.",
            headers=(("Allow", allowed),),
        )


class Rules:
    """The compiled rules of a spec that apply after authorization."""

    def __init__(self, spec: Spec) -> None:
        deduplication, labels = spec.deduplication, spec.labels()
        # Copied, because a field of a pydantic model takes several times as long to read.
        self._endpoint, self._version, self._limits = spec.endpoint, spec.version, spec.limits
        self._deduplication = deduplication
        self._key_space = spec.key_space
        self._key: Callable[[Scope], str | None] = lambda _: None
        if deduplication is not None:
            self._key = compile_key(deduplication)
            self._window_ms, self._anchor = deduplication.window_ms, deduplication.anchor
            self._every_request_claims = deduplication.claims == "every_request"
        self._has_own_hash = OWN_HASH_LABEL in labels
        self._reads_headers = any(parse(label)[0] == "headers" for label in labels)
        self._triggers = [
            (trigger.name, compile_condition(trigger.when, spec.zone)) for trigger in spec.triggers
        ]

    def consider(self, request: Request) -> Candidate:
        """Judge an authorized request.

        Raises
        ------
        Refusal
            If its body is not JSON or is too large, or a header cannot be used.
        """
        check_headers(request.headers)
        if self._has_own_hash and self._deduplication is not None:
            check_own_hash(request, self._deduplication)
        body = decode(request.body, limits=self._limits)
        scope = {"body": body}
        if self._reads_headers:
            scope["headers"] = header_parameters(request.headers)
        now_ms = request.received_at_ms
        triggers = tuple([name for name, test in self._triggers if test(scope, now_ms)])
        wanted = bool(triggers) or not self._triggers
        key, claim = self._key(scope), None
        if key is not None and (wanted or self._every_request_claims):
            claim = Claim(self._key_space, key, self._window_ms, self._anchor)
        return Candidate(self._endpoint, self._version, request, body, key, claim, triggers, wanted)


def judge(request: Request, spec: Spec, secrets: Secrets) -> Candidate | Challenge | Rejected:
    """Judge one request; make a :class:`Gateway` to judge more than one.

    Raises
    ------
    SecretError
        If the secrets cannot be used.
    """
    return Gateway(spec, secrets).judge(request)


def unknown_endpoint() -> UnknownEndpoint:
    """Return the refusal for a URL that is not a published endpoint."""
    return UnknownEndpoint(
        "No published endpoint has this URL. Check the URL. The endpoint of a draft answers only "
        "while the draft retrieves data."
    )


def inbox_unavailable(retry_after_s: int = 5) -> InboxUnavailable:
    """Return the refusal for a request that could not be stored."""
    return InboxUnavailable(
        "The request could not be stored, so it was not accepted. Send it again later.",
        headers=(("Retry-After", str(retry_after_s)),),
    )


def answer(outcome: Outcome) -> Response:
    """Return the response for an outcome."""
    match outcome:
        case Accepted() | Filtered():
            return OK_RESPONSE
        case Duplicate():
            return DUPLICATE_RESPONSE
        case Challenge(text=text):
            # nosniff: the sender wrote the challenge, so a browser must not run it.
            headers = (
                ("Content-Type", "text/plain; charset=utf-8"),
                ("X-Content-Type-Options", "nosniff"),
            )
            return Response(200, headers, text.encode("utf-8", "replace"))
        case Rejected(refusal=refusal):
            return refusal_response(refusal)
        case _:
            assert_never(outcome)


def refusal_response(refusal: Refusal) -> Response:
    """Write a refusal as ``application/problem+json`` (RFC 9457)."""
    problem = {
        "type": f"urn:nbincoming:problem:{refusal.slug}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
    }
    headers = (("Content-Type", "application/problem+json"), *refusal.headers)
    return Response(refusal.status, headers, json_text(problem).encode())
