"""What happens to a request: the gateway's judgement, one claim, the answer; counted and logged.

Nothing here knows how bytes come and go: :mod:`nbincoming.serve.connection` and
:mod:`nbincoming.serve.app` do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from nbincoming.api_keys import ApiKeyError, KeyFile
from nbincoming.core.auth.login import LOGIN_PATH, login, login_unavailable
from nbincoming.core.auth.schemes import Jwt
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
from nbincoming.serve.claims import Claims, Told
from nbincoming.serve.rate import Rate
from nbincoming.serve.refusals import service_failed
from nbincoming.serve.routes import Catalogue, Route
from nbincoming.serve.settings import LogRequests

#: Told the answer, once, on the thread of the event loop.
Reply = Callable[[Response], None]

#: Largest body where there is no endpoint: that of a login.
OTHER_BODY_BYTES: Final = 16_384

_TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"),)
_WATCHED: Final = ("/healthz", "/readyz", "/metrics")
_NAMES: Final[dict[type, str]] = {
    Accepted: "accepted",
    Duplicate: "duplicate",
    Filtered: "filtered",
    Challenge: "challenge",
    Rejected: "refused",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Where API keys become tokens."""

    scheme: Jwt
    secret: bytes
    keys: KeyFile

    def answer(self, request: Request) -> Response:
        """Answer a login.

        Raises
        ------
        Refusal, ApiKeyError
            If the key is not in force; if the file of keys cannot be read.
        """
        return login(request, self.keys.records(), self.scheme, self.secret)


class Service:
    """Answers requests.

    Parameters
    ----------
    catalogue
        What is served, until :meth:`install` replaces it.
    claims
        Where keys are claimed.
    desk
        What answers logins; none without.
    requests_per_s
        For each endpoint in this process; None for no limit.
    log_requests
        Which requests get a line in the log.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        claims: Claims,
        desk: Desk | None = None,
        *,
        requests_per_s: float | None = None,
        log_requests: LogRequests = "refused",
    ) -> None:
        self._catalogue = catalogue
        self._desk = desk
        self.is_stopping = False
        self.inbox_is_up = True
        self._claims = claims
        self._requests_per_s = requests_per_s
        self._rates: dict[str, Rate] = {}
        self._log_all = log_requests == "all"
        self._log_refused = log_requests != "none"

    def install(self, catalogue: Catalogue, desk: Desk | None = None) -> None:
        """Serve something else from now on; requests that wait for the inbox end as they began."""
        self._catalogue, self._desk = catalogue, desk

    def close(self) -> None:
        """Make the claims that wait, then close the inbox."""
        self._claims.close()

    def max_body_bytes(self, path: str) -> int:
        """Return how large a body may be at a path."""
        route = self._catalogue.get(normal_path(path))
        return OTHER_BODY_BYTES if route is None else route.spec.max_body_bytes

    def handle(self, request: Request, place: Callable[[], Reply]) -> Response | None:
        """Answer a request.

        Parameters
        ----------
        place
            Called before this returns None: who is told the answer later.

        Returns
        -------
        Response or None
            The answer, where it is known at once.
        """
        began_s = time.perf_counter()
        # Nearly all endpoints are called without a query.
        route = self._catalogue.get(request.target) or self._catalogue.get(
            normal_path(request.path)
        )
        if route is None:
            return self._elsewhere(request)
        try:
            if self._requests_per_s is not None:
                self._rate(request.path, self._requests_per_s).take(began_s)
            judged = route.gateway.judge(request)
            outcome = (
                self._claims.claim(judged, partial(self._waiting, route, began_s, place))
                if isinstance(judged, Candidate)
                else judged
            )
        except Refusal as refusal:
            return self._finish(route, began_s, Rejected(refusal))
        except Exception:  # the outermost edge: logged and answered
            log.exception("A request failed", extra={"fields": {"integration": route.spec.name}})
            return self._finish(route, began_s, Rejected(service_failed()))
        return None if outcome is None else self._finish(route, began_s, outcome)

    def refuse(self, path: str, refusal: Refusal) -> Response:
        """Answer a request that never became whole."""
        route = self._catalogue.get(normal_path(path))
        if route is None:
            return self.refuse_unread(unknown_endpoint())
        return self._finish(route, time.perf_counter(), Rejected(refusal))

    def refuse_unread(self, refusal: Refusal) -> Response:
        """Answer what is for no endpoint, or was never read so far."""
        metrics.count("", "refused", refusal.status, 0.0)
        if self._log_refused and refusal.status != 404:  # a scanner would fill the log
            fields = {"status": refusal.status, "cause": refusal.slug}
            log.info("refused before it was a request", extra={"fields": fields})
        return refusal_response(refusal)

    def _waiting(self, route: Route, began_s: float, place: Callable[[], Reply]) -> Told:
        """Take a place for the answer, which is told when the claim is settled."""
        reply = place()
        return lambda settled: reply(self._finish(route, began_s, settled))

    def _finish(
        self, route: Route, began_s: float, outcome: Outcome | InboxUnavailable
    ) -> Response:
        if isinstance(outcome, InboxUnavailable):
            outcome = Rejected(outcome)
        response = answer(outcome)
        took_s = time.perf_counter() - began_s
        name, status = _NAMES[type(outcome)], response.status
        metrics.count(route.spec.name, name, status, took_s)
        if self._log_all or (status >= 400 and self._log_refused):
            _log(route, outcome, name, status, took_s)
        return response

    def _elsewhere(self, request: Request) -> Response:
        path = request.path
        try:
            if path == LOGIN_PATH and self._desk is not None:
                return self._desk.answer(request)
            if path not in _WATCHED:
                return self.refuse_unread(unknown_endpoint())
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

    def _rate(self, path: str, per_s: float) -> Rate:
        rate = self._rates.get(path)
        if rate is None:
            rate = self._rates[path] = Rate(per_s)
        return rate


def _log(route: Route, outcome: Outcome, name: str, status: int, took_s: float) -> None:
    fields: dict[str, object] = {
        "integration": route.spec.name,
        "version": route.spec.version,
        "outcome": name,
        "status": status,
        "took_ms": round(took_s * 1000, 3),
    }
    if isinstance(outcome, Accepted):
        fields |= {"event": outcome.event_id, "triggers": outcome.triggers}
    elif isinstance(outcome, Rejected):
        fields["cause"] = outcome.refusal.slug  # its text may quote the request
    log.info("request", extra={"fields": fields})
