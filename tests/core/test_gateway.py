"""The request path: what is judged in which order, and how each outcome is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from nbincoming.core.auth.schemes import Jwt, meta
from nbincoming.core.conditions.builder import P
from nbincoming.core.deduplication import Deduplication
from nbincoming.core.gateway import (
    Gateway,
    Rules,
    answer,
    endpoint_of,
    endpoint_path,
    inbox_unavailable,
    judge,
    normal_path,
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
from nbincoming.core.request.message import Request
from nbincoming.core.spec.model import Spec, Trigger
from nbincoming.errors import BadVerifyToken, Refusal, SecretError
from tests.core.strategies import requests

ENDPOINT = "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d"
NOW_MS = 1_795_000_000_000
JSON = (b"Content-Type", b"application/json")
META = meta(secret="env:APP", verify_token="env:VERIFY")
JWT = Jwt(secrets=("env:KEY",))
OWN_HASH = Deduplication(parameters=("headers.x-deduplication-hash", "headers.x"))
SECRETS = {"env:APP": b"an app secret", "env:VERIFY": b"a verify token", "env:KEY": b"k" * 40}


def spec(**members: Any) -> Spec:
    """Make a spec."""
    return Spec(name="x", endpoint=ENDPOINT, **members)


def ask(of: Spec, body: bytes = b'{"a": 1}', method: str = "POST", **options: Any) -> Any:
    """Judge a request."""
    headers = options.get("headers", (JSON,))
    target = endpoint_path(ENDPOINT) + options.get("query", "")
    return judge(Request(method, target, headers, body, NOW_MS), of, SECRETS)


def refused(judged: Any) -> Refusal:
    """Return why a request was refused."""
    assert isinstance(judged, Rejected)
    return judged.refusal


def told(judged: Any) -> Any:
    """Return what can be compared of what was judged."""
    return str(judged.refusal) if isinstance(judged, Rejected) else judged


def test_a_path_names_its_endpoint() -> None:
    """There and back."""
    assert endpoint_of(endpoint_path(ENDPOINT)) == ENDPOINT
    for path in ("/", endpoint_path("X" * 36), endpoint_path(ENDPOINT) + "//", endpoint_path("")):
        assert endpoint_of(path) is None


def test_a_slash_at_the_end_changes_no_address() -> None:
    """Some senders add one to every URL."""
    assert endpoint_of(endpoint_path(ENDPOINT) + "/") == ENDPOINT
    assert normal_path("/a/b/") == normal_path("/a/b") == "/a/b"


@given(request=requests)
def test_whatever_comes_is_judged(request: Request) -> None:
    """Nothing is raised, and each outcome has an answer."""
    for scheme in ({}, {"authorization": META}):
        judged = judge(request, spec(**scheme), SECRETS)
        outcome: Outcome = Filtered() if isinstance(judged, Candidate) else judged
        assert answer(outcome).status in (200, 400, 401, 403, 405, 413, 415)


def test_the_case_of_a_header_in_a_label_does_not_matter() -> None:
    """A key and a condition match whatever the case, in the spec and in the request."""
    when = {"parameter": "headers.X-GitHub-Event", "operator": "equals", "value": "push"}
    judged_by = spec(
        deduplication={"parameters": ["headers.X-Delivery-Id"]},
        triggers=[{"name": "push", "when": when}],
    )
    extra = ((b"x-GITHUB-event", b"push"), (b"X-Delivery-ID", b"d1"))
    judged = ask(judged_by, headers=(JSON, *extra))
    assert isinstance(judged, Candidate)
    assert judged.triggers == ("push",)
    assert judged.key is not None


def test_only_unusable_secrets_are_raised() -> None:
    """They are the user's to mend, not the sender's."""
    with pytest.raises(SecretError, match="env:APP"):
        Gateway(spec(authorization=META), {})


@pytest.mark.parametrize(
    ("scheme", "method", "allowed"),
    [
        ({}, "GET", "POST"),
        ({}, "DELETE", "POST"),
        ({"authorization": META}, "PUT", "GET, POST"),
    ],
)
def test_another_method_is_told_which_ones_there_are(
    scheme: Any, method: str, allowed: str
) -> None:
    """Meta's scheme answers GET, too."""
    refusal = refused(ask(spec(**scheme), method=method))
    assert refusal.status == 405
    assert refusal.headers == (("Allow", allowed),)
    assert allowed in refusal.detail


def test_size_comes_before_authorization_and_authorization_before_the_body() -> None:
    """Nobody has us hash or parse for nothing, and a stranger learns nothing of the body."""
    strict = spec(authorization=META, max_body_bytes=10)
    assert refused(ask(strict, b"x" * 11)).status == 413
    assert refused(ask(strict, b"{")).status == 401
    assert refused(ask(spec(), b"{")).status == 400


def test_a_handshake_is_a_challenge() -> None:
    """Answered as it is, for no browser to run."""
    good = "?hub.mode=subscribe&hub.verify_token=a%20verify%20token&hub.challenge=<b>%ff"
    judged = ask(spec(authorization=META), method="GET", query=good)
    assert isinstance(judged, Challenge)
    response = answer(judged)
    assert (response.status, response.body) == (200, "<b>\ufffd".encode())
    assert ("X-Content-Type-Options", "nosniff") in response.headers
    wrong = ask(spec(authorization=META), method="GET", query="?hub.mode=subscribe")
    assert isinstance(refused(wrong), BadVerifyToken)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 415),
        (((b"content-type", b"text/json"),), 415),
        (((b"content-type", b"application/json;charset=latin-1"),), None),
        (((b"content-type", b"APPLICATION/Vnd.X+JSON"),), None),
        ((JSON, JSON), 400),
        ((JSON, (b"Authorization", b"a"), (b"authorization", b"b")), 400),
        ((JSON, (b"content-encoding", b"gzip")), 415),
        ((JSON, (b"content-encoding", b" Identity ")), None),
        ((JSON, (b"content-encoding", b"")), None),
    ],
)
def test_a_body_must_be_declared_to_be_json(headers: Any, status: int | None) -> None:
    """Once, and as it is."""
    judged = ask(spec(), headers=headers)
    assert (judged.refusal.status if isinstance(judged, Rejected) else None) == status


def test_a_candidate_names_what_it_matched() -> None:
    """The triggers in the order of the spec; without any trigger, everything is wanted."""
    triggers = (
        Trigger(name="one", when=P.body.a == 1),
        Trigger(name="two", when=P.body.a == 2),
        Trigger(name="some", when=P.body.a.exists()),
    )
    judged = ask(spec(triggers=triggers))
    assert (judged.triggers, judged.wanted) == (("one", "some"), True)
    judged = ask(spec(triggers=triggers), b"{}")
    assert (judged.triggers, judged.wanted) == ((), False)
    judged = ask(spec())
    assert (judged.triggers, judged.wanted, judged.version) == ((), True, 0)


@pytest.mark.parametrize(
    ("claims", "body", "owns"),
    [
        ("every_request", b'{"a": 2}', True),
        ("triggered", b'{"a": 2}', False),
        ("triggered", b'{"a": 1}', True),
        ("every_request", b"{}", False),
    ],
)
def test_a_key_is_claimed_by_those_who_own_one(claims: Any, body: bytes, owns: bool) -> None:
    """All that have the key, or only those that start something; without values there is none."""
    of = spec(
        deduplication=Deduplication(parameters=("body.a",), claims=claims),
        triggers=(Trigger(name="one", when=P.body.a == 1),),
    )
    judged = ask(of, body)
    assert (judged.key is None) is (body == b"{}")
    assert (judged.claim is not None) is owns
    if owns:
        assert judged.claim.key == judged.key
        assert judged.claim.space == of.key_space
        assert judged.claim.window_ms == 7 * 86_400_000


def test_outcomes_have_their_answers() -> None:
    """200 with OK, 204 with nothing, refusals as problems."""
    for outcome in (Accepted("id"), Filtered()):
        assert (answer(outcome).status, answer(outcome).body) == (200, b"OK")
    assert (answer(Duplicate(0, 0)).status, answer(Duplicate(0, 0)).body) == (204, b"")


@pytest.mark.parametrize("refusal", [unknown_endpoint(), inbox_unavailable(7)])
def test_a_refusal_is_a_problem(refusal: Refusal) -> None:
    """As RFC 9457 writes it, with the headers that the status asks for."""
    response = answer(Rejected(refusal))
    problem = json.loads(response.body)
    assert problem == {
        "type": f"urn:nbincoming:problem:{refusal.slug}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
    }
    assert response.status == refusal.status
    assert response.headers[0] == ("Content-Type", "application/problem+json")
    if refusal.status == 503:
        assert ("Retry-After", "7") in response.headers


def test_white_space_after_a_header_changes_no_answer() -> None:
    """Conditions, keys and the sender's own hash are the same with it and without."""
    judge_by = Rules(
        Spec(
            name="x",
            endpoint=ENDPOINT,
            deduplication=Deduplication(
                parameters=("headers.x-event-id", "headers.x-deduplication-hash")
            ),
            triggers=[{"name": "made", "when": (P.headers["x-event-type"] == "created")}],
        )
    )
    both = []
    for space in (b"", b" \t"):
        names = {
            b"content-type": b"application/json",
            b"x-event-type": b"created",
            b"x-event-id": b"e1",
            b"x-deduplication-hash": b"0f",
        }
        headers = tuple((name, value + space) for name, value in names.items())
        both.append(judge_by.consider(Request("POST", "/", headers, b"{}", 0)))
    assert both[0].triggers == both[1].triggers == ("made",)
    assert both[0].key == both[1].key
