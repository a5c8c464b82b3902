"""``nbincoming send``: examples posted as their spec asks, answers compared."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nbincoming import files
from nbincoming.cli import commands
from nbincoming.core.examples import example_request, expectation
from nbincoming.core.gateway import Rules, endpoint_path
from nbincoming.core.spec.evidence import Example
from nbincoming.core.spec.model import spec_from_data
from nbincoming.errors import SecretError
from tests.serve.running import ENDPOINT, SECRET, SECRET_NAME, complaint, make_spec, serving
from tests.servers import HOST, free_port
from tests.servers.receiver import Answer, HttpReceiver

JSON = [["content-type", "application/json"]]
STANDARD = "whsec_" + base64.b64encode(SECRET.encode()).decode()
SCHEMES: dict[str, dict[str, Any]] = {
    "none": {"scheme": "none"},
    "jwt": {"scheme": "jwt", "secrets": [SECRET_NAME]},
    "meta": {"scheme": "meta", "secrets": [SECRET_NAME]},
    "hmac": {
        "scheme": "hmac", "header": "x-signature", "secrets": [SECRET_NAME],
        "timestamp_header": "x-time",
    },
    "standard": {"scheme": "standard-webhooks", "secrets": [SECRET_NAME]},
    "header": {"scheme": "header", "header": "x-api-key", "secrets": [SECRET_NAME]},
    "twilio": {"scheme": "provider", "provider": "twilio", "secrets": [SECRET_NAME]},
    "square": {
        "scheme": "provider", "provider": "square", "secrets": [SECRET_NAME],
        "url": "https://hooks.example.com/in",
    },
}  # fmt: skip


def publish(folder: Path, *examples: dict[str, Any], **changes: Any) -> Path:
    """Publish a spec with examples; their outcomes are worked out."""
    spec = make_spec(**changes)
    made = []
    for given in examples:
        draft = Example.model_validate(
            {"headers": JSON, "received_at_ms": 0, "outcome": "accepted", **given}
        )
        found = expectation(example_request(draft, spec), Rules(spec))
        made.append({**draft.model_dump(mode="json"), **found})
    return files.publish(spec_from_data({**spec.data(), "examples": made}), folder)[1]


FIRST = {"name": "first", "body": complaint(1).decode()}
SAME_KEY = {"name": "same key", "body": complaint(1, priority="low").decode()}
CALM = {"name": "calm", "body": complaint(2, priority="low").decode()}
BROKEN = {"name": "broken", "body": "{"}


def send(path: Path, *arguments: str, code: int = 0) -> Result:
    """Run the command."""
    done = CliRunner().invoke(commands, ["send", str(path), *arguments])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    """Run a server that answers as it is told."""
    receiver = HttpReceiver()
    yield receiver
    receiver.close()


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_a_real_server_agrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """Signed as the spec asks, each example is answered as the spec says."""
    secret = STANDARD if scheme == "standard" else SECRET
    monkeypatch.setenv("COMPLAINTS_JWT_KEY", secret)
    path = publish(tmp_path, FIRST, SAME_KEY, CALM, BROKEN, authorization=SCHEMES[scheme])
    with serving(path, "--inbox", "memory:", cwd=tmp_path, COMPLAINTS_JWT_KEY=secret) as served:
        url = f"http://{HOST}:{served.port}"
        assert send(path, "--to", url).stdout.splitlines() == [
            "✓ first: expected accepted (200), got 200",
            "✓ same key: expected duplicate (204), got 204",
            "✓ calm: expected filtered (200), got 200",
            "✓ broken: expected rejected (400 bad-json), got 400 bad-json",
        ]


def test_a_proof_in_the_body_is_made(tmp_path: Path, receiver: HttpReceiver) -> None:
    """Mailgun's signature replaces that of the example."""
    scheme = {"scheme": "provider", "provider": "mailgun", "secrets": [SECRET_NAME]}
    path = publish(tmp_path, FIRST, authorization=scheme)
    receiver.answer = Answer(200, b"OK")
    environment = {"COMPLAINTS_JWT_KEY": SECRET}
    arguments = ["send", str(path), "--to", f"http://{HOST}:{receiver.port}"]
    assert CliRunner().invoke(commands, arguments, env=environment).exit_code == 0
    ((_, body),) = receiver.requests
    signature = json.loads(body).pop("signature")
    assert set(signature) == {"timestamp", "token", "signature"}


def test_a_key_in_force_is_explained(tmp_path: Path, receiver: HttpReceiver) -> None:
    """The second time they were sent before, which is a difference: exit code 1."""
    path = publish(tmp_path, FIRST, authorization=SCHEMES["none"])
    receiver.answer = Answer(204)
    done = send(path, "--to", f"http://{HOST}:{receiver.port}", code=1)
    assert "✗ first: expected accepted (200), got 204" in done.stdout
    assert "A duplicate: its key was sent before" in done.stdout


def test_a_refusal_is_quoted(tmp_path: Path, receiver: HttpReceiver) -> None:
    """What the problem says is what is wrong."""
    path = publish(tmp_path, FIRST, authorization=SCHEMES["none"])
    problem = {"type": "urn:nbincoming:problem:bad-token", "detail": "It is too old."}
    receiver.answer = Answer(401, json.dumps(problem).encode())
    done = send(path, "--to", f"http://{HOST}:{receiver.port}", code=1)
    assert "got 401 bad-token\n  It is too old." in done.stdout


def test_a_status_for_another_cause_is_a_difference(tmp_path: Path, receiver: HttpReceiver) -> None:
    """Two refusals with one status are not the same."""
    path = publish(tmp_path, BROKEN, authorization=SCHEMES["none"])
    receiver.answer = Answer(400, b'{"type": "urn:nbincoming:problem:too-deep"}')
    send(path, "--to", f"http://{HOST}:{receiver.port}", code=1)


def test_one_example_is_chosen(tmp_path: Path, receiver: HttpReceiver) -> None:
    """By its name; its body and headers are sent as they are."""
    path = publish(tmp_path, FIRST, CALM, authorization=SCHEMES["none"])
    receiver.answer = Answer(200, b"OK")
    send(path, "--to", f"http://{HOST}:{receiver.port}", "--example", "calm")
    ((headers, body),) = receiver.requests
    assert body == complaint(2, priority="low")
    assert headers["content-type"] == "application/json"


def test_an_unknown_example_is_wrong_use(tmp_path: Path) -> None:
    """The message lists those that there are."""
    done = send(publish(tmp_path, FIRST, CALM), "--example", "firts", code=2)
    assert "No example is named 'firts'. The spec has 'first', 'calm'." in done.output


def test_a_spec_without_examples_is_wrong_use(tmp_path: Path) -> None:
    """There is nothing to send."""
    assert "has no examples" in send(publish(tmp_path), code=2).output


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://host", "http://", "http://host:99999"])
def test_a_url_must_be_one(tmp_path: Path, url: str) -> None:
    """What is no http URL is named."""
    assert "is not a URL of a server" in send(publish(tmp_path, FIRST), "--to", url, code=2).output


@pytest.mark.parametrize("path", ["", "/", endpoint_path(ENDPOINT)])
def test_the_endpoints_path_may_be_left_out(
    tmp_path: Path, receiver: HttpReceiver, path: str
) -> None:
    """The address of the server is enough, and the whole one will do."""
    spec = publish(tmp_path, FIRST, authorization=SCHEMES["none"])
    receiver.answer = Answer(200, b"OK")
    send(spec, "--to", f"http://{HOST}:{receiver.port}{path}")
    assert len(receiver.requests) == 1
    assert receiver.paths == [endpoint_path(ENDPOINT)]


def test_no_answer_is_a_difference(tmp_path: Path) -> None:
    """With what to do; exit code 1."""
    path = publish(tmp_path, FIRST, authorization=SCHEMES["none"])
    done = send(path, "--to", f"http://{HOST}:{free_port()}", code=1)
    assert "got no answer" in done.stdout
    assert "Connection refused. Is `nbincoming serve` running there?" in done.stdout


def test_a_missing_secret_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent unsigned."""
    monkeypatch.delenv("COMPLAINTS_JWT_KEY", raising=False)
    done = CliRunner().invoke(commands, ["send", str(publish(tmp_path, FIRST))])
    assert isinstance(done.exception, SecretError)
    assert SECRET_NAME in str(done.exception)


def test_machines_read_the_same(tmp_path: Path, receiver: HttpReceiver) -> None:
    """As JSON, with the same exit code."""
    path = publish(tmp_path, FIRST, BROKEN, authorization=SCHEMES["none"])
    receiver.answer = Answer(200, b"OK")
    done = send(path, "--to", f"http://{HOST}:{receiver.port}", "--json", code=1)
    assert json.loads(done.stdout) == [
        {
            "example": "first",
            "ok": True,
            "expected": {"outcome": "accepted", "answer": "200"},
            "received": {"answer": "200", "detail": ""},
        },
        {
            "example": "broken",
            "ok": False,
            "expected": {"outcome": "rejected", "answer": "400 bad-json"},
            "received": {"answer": "200", "detail": ""},
        },
    ]
