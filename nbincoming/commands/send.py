"""``nbincoming send``."""

from __future__ import annotations

import http.client
import json
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import click

from nbincoming import files
from nbincoming.clock import now_ms
from nbincoming.core.auth.signing import signed
from nbincoming.core.examples import example_request
from nbincoming.core.gateway import answer, endpoint_path
from nbincoming.core.request.message import Request
from nbincoming.core.spec.evidence import Example
from nbincoming.core.spec.model import Spec
from nbincoming.errors import quote
from nbincoming.review.replay import replay
from nbincoming.secrets import SecretStore

#: Time limit for an answer.
_TIMEOUT_S = 30.0

#: Largest answer that is read; the server's have a few lines.
_MAX_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Sent:
    """An example that was sent, with the expected and the received answer.

    Attributes
    ----------
    name : str
        Name of the example.
    expected : str
        The outcome that the spec gives for it.
    expected_answer : str
        The answer for this outcome: its status, and the cause of a refusal.
    answer : str or None
        The received answer; None for none.
    detail : str
        The detail of a refusal, or why there is no answer.
    """

    name: str
    expected: str
    expected_answer: str
    answer: str | None
    detail: str

    @property
    def is_same(self) -> bool:
        """Whether the answer is the expected one."""
        return self.answer == self.expected_answer


@click.command()
@click.argument("path", metavar="SPEC", type=click.Path(exists=True, dir_okay=False))
@click.option("--to", default="http://127.0.0.1:8080", show_default=True, help="The server's URL.")
@click.option("--example", "names", multiple=True, help="Only this example; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def send(path: str, to: str, names: Sequence[str], as_json: bool) -> None:
    """Post the examples of a SPEC, with its authorization, and compare the answers.

    The expected answers are those that a server with an empty inbox gives to these requests.
    """
    spec = files.load(Path(path))
    url = _endpoint(to, spec)
    secrets = SecretStore()
    sent_ms = now_ms()
    examples = _chosen(spec, names)
    requests = [example_request(each, spec)._replace(received_at_ms=sent_ms) for each in examples]
    sent = [signed(spec.authorization, secrets, _addressed(each, url)) for each in requests]
    results = []
    for example, request, outcome in zip(examples, sent, replay(sent, spec), strict=True):
        wanted = answer(outcome)
        expected, _ = _read(wanted.status, wanted.body)
        results.append(
            Sent(
                example.name,
                type(outcome).__name__.lower(),
                expected,
                *_post(url, request),
            )
        )
    if as_json:
        click.echo(json.dumps([_data(each) for each in results], indent=2))
    else:
        for each in results:
            _print(each)
    if not all(each.is_same for each in results):
        sys.exit(1)


def _chosen(spec: Spec, names: Sequence[str]) -> list[Example]:
    if not spec.examples:
        raise click.UsageError(
            "The spec has no examples. Publish it from a notebook that has samples."
        )
    unknown = sorted(set(names) - {example.name for example in spec.examples})
    if unknown:
        known = ", ".join(quote(example.name) for example in spec.examples)
        raise click.UsageError(
            f"No example is named {', '.join(map(quote, unknown))}. The spec has {known}."
        )
    return [example for example in spec.examples if not names or example.name in names]


def _endpoint(to: str, spec: Spec) -> SplitResult:
    """Return the endpoint's URL; `to` may include its path."""
    parts = urlsplit(to)
    try:
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise click.UsageError(f"{quote(to)} is not a URL of a server. Give --to http://host:port.")
    path = endpoint_path(spec.endpoint)
    if parts.path.endswith(path):
        return parts
    return parts._replace(path=parts.path.rstrip("/") + path)


def _addressed(request: Request, url: SplitResult) -> Request:
    """Return the request as it is sent to a URL, which some senders sign."""
    target = f"{url.path}?{url.query}" if url.query else url.path
    hosts = [] if request.header(b"host") else [(b"Host", url.netloc.rpartition("@")[2].encode())]
    return request._replace(target=target, headers=(*request.headers, *hosts))


def _post(url: SplitResult, request: Request) -> tuple[str | None, str]:
    """Send a request unchanged; return the short form of the answer, and its detail."""
    kind: type[http.client.HTTPConnection] = http.client.HTTPConnection
    options: dict[str, Any] = {"timeout": _TIMEOUT_S}
    if url.scheme == "https":
        kind = http.client.HTTPSConnection
        options["context"] = ssl.create_default_context()
    connection = kind(url.hostname or "", url.port, **options)
    try:
        connection.putrequest("POST", request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name.decode("latin-1"), value)
        connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)
        response = connection.getresponse()
        return _read(response.status, response.read(_MAX_ANSWER_BYTES))
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return None, f"{reason}. Is `nbincoming serve` running there?"
    finally:
        connection.close()


def _read(status: int, body: bytes) -> tuple[str, str]:
    """Return the short form of an answer, and the detail of a problem (RFC 9457)."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return str(status), ""
    cause = str(problem.get("type", "")).rpartition(":")[2]
    return f"{status} {cause}".strip(), str(problem.get("detail", ""))


def _print(each: Sent) -> None:
    mark, received = "✓" if each.is_same else "✗", each.answer or "no answer"
    click.echo(
        f"{mark} {each.name}: expected {each.expected} ({each.expected_answer}), got {received}"
    )
    if each.is_same:
        return
    if each.answer == "204":
        click.echo("  A duplicate: its key was sent before, within the window.")
    elif each.detail:
        click.echo(f"  {each.detail}")


def _data(each: Sent) -> dict[str, Any]:
    return {
        "example": each.name,
        "ok": each.is_same,
        "expected": {"outcome": each.expected, "answer": each.expected_answer},
        "received": {"answer": each.answer, "detail": each.detail},
    }
