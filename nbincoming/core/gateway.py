"""The request path: authorize, decode, key and match, then answer.

``judge`` is pure and total: whatever the bytes, it returns a candidate, a challenge or a
rejection, and raises nothing. The one effect, claiming the key, is the inbox's; it lies
between ``judge`` and ``answer``.
"""

from __future__ import annotations

import re
from typing import Final, assert_never

from nbincoming.core.auth.verification import Secrets, compile_handshake, compile_verify
from nbincoming.core.conditions.evaluation import compile_condition
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
from nbincoming.core.request.message import Request, Response
from nbincoming.core.request.parameters import Parameters
from nbincoming.core.request.reading import body_too_large, checked_headers, decode
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.model import Spec
from nbincoming.errors import (
    InboxUnavailable,
    MethodNotAllowed,
    Refusal,
    UnknownEndpoint,
)

#: Where the platform that this re-creates puts its endpoints.
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
    """Return the UUID in a path, if it is an endpoint's."""
    match = _ENDPOINT.fullmatch(normal_path(path))
    return match[1] if match else None


def normal_path(path: str) -> str:
    """Drop the slash at the end of a path, which some senders add to every URL."""
    return path[:-1] if path.endswith("/") else path


class Gateway:
    """A spec made ready to judge requests.

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

    def judge(self, request: Request) -> Candidate | Challenge | Rejected:
        """Judge a request; nothing is raised, whatever it holds."""
        try:
            challenge = self._authorize(request)
            return challenge if challenge is not None else self._rules.consider(request)
        except Refusal as refusal:
            return Rejected(refusal)

    def _authorize(self, request: Request) -> Challenge | None:
        if request.method == "GET" and self._handshake is not None:
            return Challenge(self._handshake(request))
        if request.method != "POST":
            allowed = "POST" if self._handshake is None else "GET, POST"
            raise MethodNotAllowed(
                f"This endpoint does not answer {request.method[:20]!r}. Use {allowed}.",
                headers=(("Allow", allowed),),
            )
        if len(request.body) > self.spec.max_body_bytes:
            raise body_too_large(self.spec.max_body_bytes)
        self._verify(request)
        return None


class Rules:
    """The part of a spec that comes after authorization, made ready."""

    def __init__(self, spec: Spec) -> None:
        zone = spec.zone
        self._spec = spec
        self._limits = spec.limits
        self._space = spec.key_space
        self._key = compile_key(spec.deduplication) if spec.deduplication else None
        self._window_ms = spec.deduplication.window_ms if spec.deduplication else 0
        self._has_own_hash = (
            spec.deduplication is not None and OWN_HASH_LABEL in spec.deduplication.parameters
        )
        self._triggers = [
            (trigger.name, compile_condition(trigger.when, zone)) for trigger in spec.triggers
        ]

    def consider(self, request: Request) -> Candidate:
        """Judge an authorized request.

        Raises
        ------
        Refusal
            If it is not JSON, too large, or has an unusable header.
        """
        headers = checked_headers(request.headers)
        deduplication = self._spec.deduplication
        if deduplication is not None and self._has_own_hash:
            check_own_hash(request, deduplication)
        parameters = Parameters(decode(request.body, limits=self._limits), headers)
        scope = parameters.roots()
        now_ms = request.received_at_ms
        triggers = tuple([name for name, test in self._triggers if test(scope, now_ms)])
        wanted = bool(triggers) or not self._triggers
        key = claim = None
        if deduplication is not None and self._key is not None:
            key = self._key(scope)
            if key is not None and (wanted or deduplication.claims == "every_request"):
                claim = Claim(self._space, key, self._window_ms, deduplication.anchor)
        spec = self._spec
        return Candidate(
            spec.endpoint, spec.version, request, parameters, key, claim, triggers, wanted
        )


def judge(request: Request, spec: Spec, secrets: Secrets) -> Candidate | Challenge | Rejected:
    """Judge one request; make a :class:`Gateway` to judge more than one.

    Nothing but a :class:`~nbincoming.errors.SecretError` for unusable secrets is raised,
    whatever the request holds.
    """
    return Gateway(spec, secrets).judge(request)


def unknown_endpoint() -> UnknownEndpoint:
    """Make the refusal of an address that is no endpoint, or a draft's."""
    return UnknownEndpoint(
        "No published endpoint has this address. Check the URL; a draft answers only while it "
        "retrieves data."
    )


def inbox_unavailable(retry_after_s: int = 5) -> InboxUnavailable:
    """Make the refusal of a request that could not be kept."""
    return InboxUnavailable(
        "The request could not be stored, so it was not accepted. Send it again later.",
        headers=(("Retry-After", str(retry_after_s)),),
    )


def answer(outcome: Outcome) -> Response:
    """Answer a request by what became of it."""
    match outcome:
        case Accepted() | Filtered():
            return OK_RESPONSE
        case Duplicate():
            return DUPLICATE_RESPONSE
        case Challenge(text=text):
            # nosniff: the challenge is the sender's text, and no browser may run it.
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
