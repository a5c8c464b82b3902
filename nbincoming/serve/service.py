"""From a request to its answer: judge it, claim its key, count and log the outcome.

:mod:`nbincoming.serve.connection` and :mod:`nbincoming.serve.app` do the input and output.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from nbincoming.api_keys import ApiKeyError
from nbincoming.core.auth.login import LOGIN_PATH, TokenIssuer, login, login_unavailable
from nbincoming.core.gateway import (
    answer,
    normal_path,
    refusal_response,
    unknown_endpoint,
)
from nbincoming.core.outcomes import (
    Accepted,
    Candidate,
    Challenge,
    Duplicate,
    Filtered,
    Outcome,
    Rejected,
)
from nbincoming.core.request.message import Request, Response
from nbincoming.errors import InboxUnavailable, MethodNotAllowed, Refusal
from nbincoming.logs import log
from nbincoming.serve import metrics
from nbincoming.serve.claims import Claims
from nbincoming.serve.rate import Rate
from nbincoming.serve.refusals import service_failed
from nbincoming.serve.routes import Catalogue, Route
from nbincoming.serve.settings import LogRequests

#: Takes the answer; called once, on the thread of the event loop.
Reply = Callable[[Response], None]

#: Largest body at a path that is no endpoint. Only the login has a body.
OTHER_BODY_BYTES: Final = 16_384

_TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"),)

#: Paths that monitors ask for; they are answered even beyond the limit of connections.
WATCHED_PATHS: Final = ("/healthz", "/readyz", "/metrics")

_NAMES: Final[dict[type, str]] = {
    Accepted: "accepted",
    Duplicate: "duplicate",
    Filtered: "filtered",
    Challenge: "challenge",
    Rejected: "refused",
}


class Service:
    """Answers requests.

    Parameters
    ----------
    catalogue
        The specs that are served, until :meth:`install` replaces them.
    claims
        Claims keys and stores events.
    token_issuer
        Issues tokens at the login; None for no login.
    requests_per_s
        Limit for each endpoint in this process; None for no limit.
    log_requests
        Which requests get a line in the log.

    Attributes
    ----------
    is_stopping, inbox_is_up : bool
        Whether the server stops, and whether the inbox can be reached; ``/readyz`` reports
        them.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        claims: Claims,
        token_issuer: TokenIssuer | None = None,
        *,
        requests_per_s: float | None = None,
        log_requests: LogRequests = "refused",
    ) -> None:
        self._catalogue = catalogue
        self._token_issuer = token_issuer
        self.is_stopping = False
        self.inbox_is_up = True
        self._claims = claims
        self._requests_per_s = requests_per_s
        self._rates: dict[str, Rate] = {}  # by endpoint
        self._log_all = log_requests == "all"
        self._log_refused = log_requests != "none"

    def install(self, catalogue: Catalogue, token_issuer: TokenIssuer | None = None) -> None:
        """Serve other specs from now on; pending requests keep the old ones."""
        self._catalogue, self._token_issuer = catalogue, token_issuer

    def close(self) -> None:
        """Finish the pending claims, then close the inbox."""
        self._claims.close()

    def max_body_bytes(self, path: str) -> int:
        """Return how large a body may be at a path."""
        route = self._route(path)
        return OTHER_BODY_BYTES if route is None else route.max_body_bytes

    def handle(self, request: Request, reply: Reply) -> None:
        """Answer a request, either before this returns or after the inbox has stored it."""
        started_s = time.perf_counter()
        # Nearly all requests have no query; then the target is the path.
        route = self._catalogue.get(request.target) or self._route(request.path)
        if route is None:
            reply(self._answer_elsewhere(request))
            return
        try:
            if self._requests_per_s is not None:
                self._rate(route.spec.endpoint, self._requests_per_s).take(started_s)
            judged = route.gateway.judge(request)
            if isinstance(judged, Candidate):
                self._claims.claim(
                    judged, lambda result: reply(self._answer(route, result, started_s))
                )
                return
            response = self._answer(route, judged, started_s)
        except Refusal as refusal:
            response = self._answer(route, Rejected(refusal), started_s)
        except Exception:  # the outermost edge: logged and answered
            log.exception("A request failed", extra={"fields": {"integration": route.name}})
            response = self._answer(route, Rejected(service_failed()), started_s)
        reply(response)

    def refuse(self, refusal: Refusal, path: str | None = None) -> Response:
        """Answer a request that was not complete; `path` is None if it is not known."""
        route = None if path is None else self._route(path)
        if route is not None:
            return self._answer(route, Rejected(refusal), time.perf_counter())
        return self._refuse_elsewhere(refusal if path is None else unknown_endpoint())

    def _route(self, path: str) -> Route | None:
        return self._catalogue.get(path) or self._catalogue.get(normal_path(path))

    def _answer(
        self, route: Route, outcome: Outcome | InboxUnavailable, started_s: float
    ) -> Response:
        """Answer, count and log the outcome of a request at an endpoint."""
        if isinstance(outcome, InboxUnavailable):
            outcome = Rejected(outcome)
        response = answer(outcome)
        took_s = time.perf_counter() - started_s
        name, status = _NAMES[type(outcome)], response.status
        metrics.count(route.name, name, status, took_s)
        if self._log_all or (status >= 400 and self._log_refused):
            _log(route, outcome, name, status, took_s)
        return response

    def _answer_elsewhere(self, request: Request) -> Response:
        """Answer a request at a path that is no endpoint."""
        path = request.path
        try:
            if path == LOGIN_PATH and self._token_issuer is not None:
                return login(request, (self._token_issuer,))
            if path not in WATCHED_PATHS:
                return self._refuse_elsewhere(unknown_endpoint())
            if request.method not in ("GET", "HEAD"):
                raise MethodNotAllowed("Use GET.", headers=(("Allow", "GET, HEAD"),))
        except Refusal as refusal:
            return refusal_response(refusal)
        except ApiKeyError as error:
            log.error(str(error))
            return refusal_response(login_unavailable())
        if path == "/metrics":
            return Response(200, (("Content-Type", metrics.CONTENT_TYPE),), metrics.text())
        if path == "/readyz" and self.is_stopping:
            return Response(503, _TEXT, b"stopping")
        if path == "/readyz" and not self.inbox_is_up:
            return Response(503, _TEXT, b"the inbox cannot be reached")
        return Response(200, _TEXT, b"ok")

    def _refuse_elsewhere(self, refusal: Refusal) -> Response:
        """Refuse a request whose path is no endpoint, or is not known."""
        metrics.count("", "refused", refusal.status, 0.0)
        if self._log_refused and refusal.status != 404:  # scanners would fill the log
            fields = {"status": refusal.status, "cause": refusal.slug}
            log.info("A request was refused before it was complete", extra={"fields": fields})
        return refusal_response(refusal)

    def _rate(self, endpoint: str, per_s: float) -> Rate:
        rate = self._rates.get(endpoint)
        if rate is None:
            rate = self._rates[endpoint] = Rate(per_s)
        return rate


def _log(route: Route, outcome: Outcome, name: str, status: int, took_s: float) -> None:
    fields: dict[str, object] = {
        "integration": route.name,
        "version": route.spec.version,
        "outcome": name,
        "status": status,
        "took_ms": round(took_s * 1000, 3),
    }
    if isinstance(outcome, Accepted):
        fields["triggers"] = outcome.triggers
        if outcome.event_id is not None:
            fields["event"] = outcome.event_id
    elif isinstance(outcome, Rejected):
        fields["cause"] = outcome.refusal.slug  # its text may quote the request
    log.info("request", extra={"fields": fields})
