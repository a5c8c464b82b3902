"""`nbincoming serve` answers: outcomes, several specs, health, metrics, the login."""

from __future__ import annotations

import json
from pathlib import Path

from nbincoming.api_keys import KeyFile
from nbincoming.core.auth.login import LOGIN_PATH
from nbincoming.core.gateway import endpoint_path
from tests.serve.running import (
    ENDPOINT,
    SECRET,
    Served,
    complaint,
    headers,
    publish,
    serving,
)

# --- outcomes ----------------------------------------------------------------------


def test_it_answers_as_the_notebook_does(served: Served) -> None:
    """Accepted, duplicate, filtered and refused have the statuses of the core."""
    assert served.post(complaint("a")) == 200
    assert served.post(complaint("a")) == 204
    assert served.post(complaint("b", priority="low")) == 200
    assert served.post(complaint("c"), sent={"Content-Type": "application/json"}) == 401
    assert served.post(b"{") == 400
    assert served.post(complaint("d"), sent=headers(**{"Content-Type": "text/plain"})) == 415


def test_an_unknown_path_is_404(served: Served) -> None:
    """Nothing is said about what there is."""
    answer = served.request(path="/automation-endpoint/x")
    assert answer.status == 404
    assert answer.getheader("Content-Type") == "application/problem+json"


def test_a_slash_at_the_end_of_the_path_changes_nothing(served: Served) -> None:
    """The endpoint answers, with and without a query, within the same limits."""
    path = endpoint_path(ENDPOINT) + "/"
    assert served.request(path=path, body=complaint("slash"), sent=headers()).status == 200
    answer = served.request(path=path + "?a=b", body=complaint("slash"), sent=headers())
    assert answer.status == 204
    large = complaint("large", text="x" * 20_000)  # more than is read where there is no endpoint
    assert served.request(path=path, body=large, sent=headers()).status == 200


def test_another_method_is_405(served: Served) -> None:
    """The answer names the method that is taken."""
    answer = served.request("PUT", body=b"{}")
    assert (answer.status, answer.getheader("Allow")) == (405, "POST")


def test_more_requests_than_allowed_are_429(tmp_path: Path) -> None:
    """The answer says when to come again; another second has room again."""
    with serving(publish(tmp_path), "--requests-per-s", "1", cwd=tmp_path) as served:
        assert served.post(complaint("r1")) == 200
        answer = served.request(body=complaint("r2"), sent=headers())
        assert (answer.status, answer.getheader("Retry-After")) == (429, "1")


def test_many_specs_are_served_by_one_process(tmp_path: Path) -> None:
    """Each endpoint has its own rules."""
    other = "0" + ENDPOINT[1:]
    publish(tmp_path, name="one")
    publish(tmp_path, name="two", endpoint=other, authorization={"scheme": "none"})
    with serving(tmp_path, cwd=tmp_path) as served:
        sent = {"Content-Type": "application/json"}
        assert served.post(complaint(), sent=sent) == 401
        answer = served.request(path=endpoint_path(other), body=complaint(), sent=sent)
        assert answer.status == 200


# --- watching ----------------------------------------------------------------------


def test_it_says_that_it_is_well(served: Served) -> None:
    """Liveness and readiness are plain texts."""
    for path in ("/healthz", "/readyz"):
        assert served.request("GET", path).status == 200
    assert served.request("POST", "/healthz").status == 405


def test_metrics_count_by_outcome(served: Served) -> None:
    """What became of requests can be asked for in Prometheus' format."""
    served.post(complaint("counted"))
    text = served.request("GET", "/metrics").body.decode()  # type: ignore[attr-defined]
    assert 'nbincoming_requests_total{integration="complaints",outcome="accepted"' in text
    assert 'nbincoming_request_seconds_bucket{integration="complaints",le="' in text
    assert 'nbincoming_spec{digest="sha256:' in text
    assert ENDPOINT not in text


def test_the_log_has_no_secret_no_body_and_no_address(served: Served) -> None:
    """A line tells what became of a request, and nothing of what it held."""
    sent = headers(Cookie="c00kie")
    served.post(complaint("s3cret-body"), sent=sent)
    line = served.wait_for("request", outcome="accepted")
    text = json.dumps([line, *served.lines])
    assert line["integration"] == "complaints"
    for held in ("s3cret-body", "c00kie", sent["Authorization"][7:], SECRET, ENDPOINT):
        assert held not in text


# --- login -------------------------------------------------------------------------


def test_a_login_gives_a_token_that_is_accepted(served: Served, keys: KeyFile) -> None:
    """An API key that was made a moment ago becomes a token for the endpoint."""
    sent = {"Content-Type": "application/json"}
    body = json.dumps({"apiKey": keys.add("shop", now_ms=0)}).encode()
    answer = served.request(path=LOGIN_PATH, body=body, sent=sent)
    assert answer.status == 200
    issued = json.loads(answer.body)["token"]  # type: ignore[attr-defined]
    sent["Authorization"] = f"Bearer {issued}"
    assert served.post(complaint("login"), sent=sent) == 200


def test_a_damaged_file_of_api_keys_lets_nobody_in(served: Served, keys: KeyFile) -> None:
    """The sender is told to come again; the endpoint goes on."""
    before = keys.path.read_bytes() if keys.path.exists() else b""
    keys.path.write_text("damaged")
    try:
        sent = {"Content-Type": "application/json"}
        answer = served.request(path=LOGIN_PATH, body=b'{"apiKey": "x"}', sent=sent)
        assert answer.status == 503
        assert served.post(complaint("damaged")) == 200
    finally:
        keys.path.write_bytes(before or b'{"keys": []}')


def test_a_wrong_api_key_is_401(served: Served) -> None:
    """Nobody else gets a token."""
    sent = {"Content-Type": "application/json"}
    assert served.request(path=LOGIN_PATH, body=b'{"apiKey": "x"}', sent=sent).status == 401
