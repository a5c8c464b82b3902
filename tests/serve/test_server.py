"""`nbincoming serve` as a process: start, answers, limits, reload, stop."""

from __future__ import annotations

import hmac
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbincoming.core.gateway import endpoint_path
from nbincoming.core.login import LOGIN_PATH
from nbincoming.keys import KeyFile
from nbincoming.secrets import new_secret
from tests.serve.running import (
    ENDPOINT,
    SECRET,
    SECRET_NAME,
    WAIT_S,
    Served,
    complaint,
    headers,
    make_spec,
    publish,
    refused,
    serving,
)

PATH = endpoint_path(ENDPOINT)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    """Make a file of API keys."""
    return KeyFile(tmp_path_factory.mktemp("keys") / "keys.json")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, keys: KeyFile) -> Iterator[Served]:
    """Run one server for the tests that leave nothing behind."""
    folder = tmp_path_factory.mktemp("served")
    options = ["--keys", keys.path, "--request-timeout", "2", "--max-head-bytes", "4096"]
    with serving(publish(folder), *options, "--log-requests", "all", cwd=folder) as served:
        yield served


def raw(served: Served, *parts: bytes) -> bytes:
    """Send bytes and return all that comes until the connection ends."""
    with served.connect() as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        while data := connection.recv(65_536):
            answer += data
        return answer


def request_bytes(body: bytes, *more: str, method: str = "POST", close: bool = True) -> bytes:
    """Write a good request."""
    lines = [f"{method} {PATH} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *more]
    lines += [f"{name}: {value}" for name, value in headers().items()]
    lines += ["Connection: close"] if close else []
    return "\r\n".join([*lines, "", ""]).encode() + body


# --- answers -----------------------------------------------------------------------


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


def test_another_method_is_405(served: Served) -> None:
    """The answer names the method that is taken."""
    answer = served.request("PUT", body=b"{}")
    assert (answer.status, answer.getheader("Allow")) == (405, "POST")


def test_a_large_body_is_413_before_it_is_sent(served: Served) -> None:
    """Its announced length is enough."""
    with served.connect() as connection:
        connection.sendall(request_bytes(b"").replace(b"Length: 0", b"Length: 2000000"))
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_large_chunked_body_is_413(served: Served) -> None:
    """One that announces nothing is counted as it comes, and the rest is thrown away."""
    head = request_bytes(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    answer = raw(served, head, chunk * 20, b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_chunked_body_is_joined(served: Served) -> None:
    """It is the same request as one with a length."""
    head = request_bytes(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    body = complaint("chunked")
    parts = [b"%x\r\n%b\r\n" % (1, body[n : n + 1]) for n in range(len(body))]
    assert raw(served, head, *parts, b"0\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert served.post(body) == 204


def test_a_trailer_is_no_header(served: Served) -> None:
    """A token that comes after the body authorizes nothing."""
    head = request_bytes(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    lines = head.split(b"\r\n")
    (token,) = (line for line in lines if line.startswith(b"Authorization"))
    chunks = b"2\r\n{}\r\n0\r\n" + token + b"\r\n\r\n"
    without = b"\r\n".join(line for line in lines if line != token)
    assert raw(served, without + chunks).startswith(b"HTTP/1.1 401 ")
    assert raw(served, head + chunks).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "again",
    [b"a: b\r\n" * 500, b"a: " + b"b" * 4_000, b"0;" + b"x" * 4_000],
    ids=["trailers", "trailer", "extension"],
)
def test_a_body_that_is_all_frame_is_431(served: Served, again: bytes) -> None:
    """Trailers and chunk extensions without an end are refused before they fill the memory."""
    head = request_bytes(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    first = b"2\r\n{}\r\n" + (b"" if again.startswith(b"0;") else b"0\r\n")
    with served.connect() as connection:
        connection.sendall(head + first)
        answer = b""
        while not answer:
            connection.sendall(again)
            if select.select([connection], [], [], 0.01)[0]:
                answer = connection.recv(1_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_requests_sent_ahead_are_answered_in_order(served: Served) -> None:
    """Pipelined requests get their answers in the order they came."""
    good, bad = request_bytes(complaint("p"), close=False), request_bytes(b"{", close=False)
    answer = raw(served, good + bad + good * 40 + request_bytes(b"["))
    statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 400, *[204] * 40, 400]


def test_expect_is_answered_before_the_body(served: Served) -> None:
    """A sender that waits for 100 Continue gets it."""
    body = complaint("expect")
    whole = request_bytes(body, "Expect: 100-continue")
    with served.connect() as connection:
        connection.sendall(whole[: -len(body)])
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_request_to_upgrade_is_answered_as_it_is(served: Served) -> None:
    """Java's client asks for HTTP/2 with each first request, and posts all the same."""
    whole = request_bytes(complaint("up"), "Upgrade: h2c", "HTTP2-Settings: x", close=False)
    answer = raw(served, whole.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\n\r\n", 1))
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ],
)
def test_what_is_not_http_is_400(served: Served, sent: bytes) -> None:
    """It never reaches the gateway, and the connection ends."""
    assert raw(served, sent).startswith(b"HTTP/1.1 400 ")


def test_repeated_authorization_is_refused(served: Served) -> None:
    """Whoever reads the first and whoever reads the last would see different requests."""
    answer = raw(served, request_bytes(b"{}", "Authorization: Bearer x"))
    assert answer.split(b" ")[1] in (b"400", b"401")


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"scheme": "meta", "secrets": [SECRET_NAME]}, "X-Hub-Signature-256"),
        ({"scheme": "hmac", "secrets": [SECRET_NAME], "header": "X-Signature"}, "X-Signature"),
    ],
    ids=["meta", "hmac"],
)
def test_a_repeated_signature_is_refused(tmp_path: Path, auth: object, header: str) -> None:
    """One that is right does not help a second one, wherever it stands."""
    body = complaint("signed")
    digest = hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    right = f"{header}: {'sha256=' if auth['scheme'] == 'meta' else ''}{digest}"  # type: ignore[index]
    wrong = right[:-4] + "0000"
    with serving(publish(tmp_path, authorization=auth), cwd=tmp_path) as served:
        for pair in ((right, wrong), (wrong, right), (right, right)):
            assert raw(served, request_bytes(body, *pair)).split(b" ")[1] == b"401"
        assert raw(served, request_bytes(body, right)).split(b" ")[1] == b"200"


# --- limits ------------------------------------------------------------------------


def test_a_large_head_is_431(served: Served) -> None:
    """One complete head beyond the limit is refused."""
    answer = raw(served, request_bytes(b"{}", "X: " + "x" * 5_000))
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_a_head_without_an_end_is_431(served: Served) -> None:
    """It is refused before it fills the memory."""
    assert raw(served, b"POST / HTTP/1.1\r\nX: " + b"x" * 5_000).startswith(b"HTTP/1.1 431 ")


def test_ten_thousand_headers_are_431(served: Served) -> None:
    """Many small ones are as bad as a large one."""
    assert raw(served, request_bytes(b"{}", *["a: b"] * 10_000)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "sent", [b"", b"POST / HTTP/1.1\r\n", request_bytes(b"{}")[:-1]], ids=["none", "head", "body"]
)
def test_a_slow_sender_is_408(served: Served, sent: bytes) -> None:
    """Whoever does not finish his request in time loses the connection."""
    assert raw(served, sent).startswith(b"HTTP/1.1 408 ")


def test_more_requests_than_allowed_are_429(tmp_path: Path) -> None:
    """The answer says when to come again; another second has room again."""
    with serving(publish(tmp_path), "--requests-per-s", "1", cwd=tmp_path) as served:
        assert served.post(complaint("r1")) == 200
        answer = served.request(body=complaint("r2"), sent=headers())
        assert (answer.status, answer.getheader("Retry-After")) == (429, "1")


def test_more_connections_than_allowed_are_503(tmp_path: Path) -> None:
    """Whoever comes beyond the limit is told to come again."""
    limit = ("--max-connections", "1")
    with serving(publish(tmp_path), *limit, cwd=tmp_path) as served, served.connect() as kept:
        kept.sendall(request_bytes(complaint("m1"), close=False))
        assert kept.recv(100).startswith(b"HTTP/1.1 200 ")
        answer = served.request(body=complaint("m2"), sent=headers())
        assert (answer.status, answer.getheader("Retry-After")) == (503, "1")


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


# --- the start ---------------------------------------------------------------------


def test_missing_secrets_are_named_at_once(tmp_path: Path) -> None:
    """All specs' missing secrets are in one message, and nothing is served."""
    for number in (1, 2):
        auth = {"scheme": "jwt", "secrets": [f"env:ABSENT_{number}"]}
        publish(tmp_path, name=f"s{number}", endpoint=f"{number}" + ENDPOINT[1:],
                authorization=auth)  # fmt: skip
    code, said = refused(tmp_path, cwd=tmp_path)
    assert code == 2
    assert "env:ABSENT_1" in said
    assert "env:ABSENT_2" in said


def test_a_sink_and_a_spec_that_lack_secrets_are_named_at_once(tmp_path: Path) -> None:
    """Whoever starts it sets all of them, and starts it once more."""
    auth = {"scheme": "jwt", "secrets": ["env:ABSENT_1"]}
    spec = publish(tmp_path, authorization=auth)
    code, said = refused(spec, "--sink", "https://127.0.0.1/x#env:ABSENT_2", cwd=tmp_path)
    assert (code, "env:ABSENT_1" in said, "env:ABSENT_2" in said) == (2, True, True)


def test_an_edited_file_is_refused(tmp_path: Path) -> None:
    """Its digest does not belong to its content."""
    path = publish(tmp_path)
    path.write_text(path.read_text().replace('"high"', '"low"'))
    code, said = refused(path, cwd=tmp_path, COMPLAINTS_JWT_KEY=SECRET)
    assert (code, "digest" in said) == (2, True)


def test_examples_that_disagree_are_refused(tmp_path: Path) -> None:
    """A spec that does not do here what it did there is not served."""
    spec = make_spec()
    wrong = spec.examples[0].model_copy(update={"outcome": "filtered", "triggers": ()})
    path = tmp_path / "x.incoming.json"
    path.write_text(spec.model_copy(update={"examples": (wrong,)}).sealed(version=1).text())
    code, said = refused(path, cwd=tmp_path, COMPLAINTS_JWT_KEY=SECRET)
    assert (code, "examples[0].outcome" in said) == (2, True)


def test_a_draft_is_refused(tmp_path: Path) -> None:
    """Only what was published is served."""
    path = tmp_path / "x.incoming.json"
    path.write_text(make_spec().text())
    code, said = refused(path, cwd=tmp_path, COMPLAINTS_JWT_KEY=SECRET)
    assert (code, "is a draft" in said) == (2, True)


def test_two_specs_of_one_endpoint_are_refused(tmp_path: Path) -> None:
    """It would be a matter of luck which one answers."""
    publish(tmp_path, name="one")
    publish(tmp_path, name="two")
    code, said = refused(tmp_path, cwd=tmp_path, COMPLAINTS_JWT_KEY=SECRET)
    assert (code, "same endpoint" in said) == (2, True)


def test_a_port_in_use_is_explained(served: Served, tmp_path: Path) -> None:
    """The message says which address, and what to do."""
    done = subprocess.run(
        [sys.executable, "-m", "nbincoming.cli", "serve", publish(tmp_path), "--port",
         str(served.port), "--inbox", "memory:"],
        env={"COMPLAINTS_JWT_KEY": SECRET}, capture_output=True, text=True, check=False,
        timeout=WAIT_S, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, "another --host or --port" in done.stderr) == (2, True)


def test_serving_imports_no_front_end(served: Served) -> None:
    """The process that serves production has neither a notebook nor a DataFrame in it."""
    loaded = subprocess.check_output(
        [sys.executable, "-c", "import sys, nbincoming.serve.worker, nbincoming.serve.server, "
         "nbincoming.commands.serve, nbincoming.serve.relay_process; print(*sys.modules)"],
        text=True,
    ).split()  # fmt: skip
    assert "nbincoming.history.replay" in loaded
    assert not {"pandas", "tornado", "ipywidgets", "IPython"} & set(loaded)
    (pid,) = served.children().values()
    maps = Path(f"/proc/{pid}/maps").read_text()
    assert "uvloop" in maps
    assert "pandas" not in maps


# --- several specs, reload ---------------------------------------------------------


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


def test_a_new_version_is_taken_and_a_bad_one_is_not(tmp_path: Path) -> None:
    """A changed file is served from then on; a broken one leaves the old in force."""
    path = publish(tmp_path)
    with serving(path, "--watch", "0.1", cwd=tmp_path) as served:
        assert served.post(complaint(1, priority="low")) == 200  # filtered, and owns its key
        publish(tmp_path, authorization={"scheme": "none"})
        served.wait_for("serving", version=2)
        assert served.post(complaint(2), sent={"Content-Type": "application/json"}) == 200
        path.write_text("{")
        served.wait_for("Specs were not reloaded; the old ones stay in force")
        assert served.post(complaint(3), sent={"Content-Type": "application/json"}) == 200


def test_metrics_say_that_all_is_well_where_it_is(tmp_path: Path) -> None:
    """A relay speaks for itself alone, old specs count no more, and nothing warns."""
    path = publish(tmp_path)
    with serving(path, "--watch", "0.1", "--sink", "jsonl:out.jsonl", cwd=tmp_path) as served:
        publish(tmp_path, authorization={"scheme": "none"})
        served.wait_for("serving", version=2)
        deadline_s, text = time.monotonic() + WAIT_S, ""
        while 'version="2"} 1.0' not in text or "nbincoming_relay_pending{" not in text:
            assert time.monotonic() < deadline_s, text
            text = served.request("GET", "/metrics").body.decode()  # type: ignore[attr-defined]
    assert 'version="1"} 0.0' in text
    assert "nbincoming_inbox_up 1.0" in text
    assert "nbincoming_last_reload_successful 1.0" in text
    assert not [line for line in served.lines if "Warning" in line["message"]]


def test_a_worker_that_dies_while_a_file_is_bad_serves_what_was_good(tmp_path: Path) -> None:
    """What is in force does not depend on what happens to lie on the disk just then."""
    path = publish(tmp_path)
    with serving(path, "--watch", "0.1", cwd=tmp_path) as served:
        path.write_text("{")
        served.wait_for("Specs were not reloaded; the old ones stay in force")
        (pid,) = served.children().values()
        os.kill(pid, signal.SIGKILL)
        served.wait_for("A process ended and is started again")
        assert served.post() == 200
        text = served.request("GET", "/metrics").body.decode()  # type: ignore[attr-defined]
    assert "nbincoming_last_reload_successful 0.0" in text
    assert "nbincoming_restarts 1.0" in text


def test_a_reload_that_would_close_the_login_is_refused(tmp_path: Path) -> None:
    """With ``--keys``, specs that leave no scheme to log in for are as bad as broken ones."""
    path = publish(tmp_path)
    options = ("--watch", "0.1", "--keys", tmp_path / "keys.json")
    with serving(path, *options, cwd=tmp_path) as served:
        publish(tmp_path, authorization={"scheme": "none"})
        served.wait_for("Specs were not reloaded; the old ones stay in force")
        assert served.post(sent={"Content-Type": "application/json"}) == 401


def test_sighup_reloads_secrets_too(tmp_path: Path) -> None:
    """Rotating a secret in a file takes a signal and no restart."""
    secret = tmp_path / "key"
    secret.write_text(SECRET)
    auth = {"scheme": "jwt", "secrets": [f"file:{secret}"]}
    with serving(publish(tmp_path, authorization=auth), "--watch", "0", cwd=tmp_path) as served:
        assert served.post(complaint(1)) == 200
        served.wait_for("serving")
        secret.write_text(new_secret())
        served.process.send_signal(signal.SIGHUP)
        served.wait_for("serving")
        assert served.post(complaint(2)) == 401


# --- the end -----------------------------------------------------------------------


def test_a_stop_finishes_what_is_in_flight(tmp_path: Path) -> None:
    """A request whose body is still coming is answered; then all processes end with 0."""
    with serving(publish(tmp_path), cwd=tmp_path) as served:
        whole = request_bytes(complaint("last"))
        with served.connect() as connection, served.connect() as idle:
            idle.sendall(request_bytes(complaint("idle"), close=False))
            assert idle.recv(1_000).endswith(b"OK")
            connection.sendall(whole[:-5])
            served.post(complaint("before"))  # so that the half was read, too
            served.process.send_signal(signal.SIGTERM)
            served.wait_for("Shutting down")
            assert idle.recv(1) == b""
            connection.sendall(whole[-5:])
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert served.stop() == 0
        assert served.children() == {}


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    """The others serve on meanwhile, and a new one takes its place."""
    with serving(publish(tmp_path), cwd=tmp_path) as served:
        (pid,) = served.children().values()
        os.kill(pid, signal.SIGKILL)
        served.wait_for("A process ended and is started again")
        assert served.post() == 200


def test_the_workers_end_with_their_parent(tmp_path: Path) -> None:
    """Also when it is killed, nobody holds the port."""
    served = Served(publish(tmp_path), "--workers", "2", cwd=tmp_path)
    served.stop(signal.SIGKILL)  # reads their log to its end, which is theirs
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", served.port), 1)
