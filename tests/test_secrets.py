"""Where secrets come from, and that they go nowhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from nbincoming import secrets
from nbincoming.secrets import SecretStore, new_secret


def test_the_environment_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once: a value that changes later is not noticed until it is forgotten."""
    store = SecretStore()
    monkeypatch.setenv("NBI_TEST", "one")
    assert store["env:NBI_TEST"] == b"one"
    monkeypatch.setenv("NBI_TEST", "two")
    assert store["env:NBI_TEST"] == b"one"
    store.forget()
    assert store["env:NBI_TEST"] == b"two"


def test_a_file_loses_its_last_line_feed(tmp_path: Path) -> None:
    """An editor put it there."""
    (tmp_path / "secret").write_bytes(b"value\r\n")
    assert SecretStore()[f"file:{tmp_path}/secret"] == b"value"


@pytest.mark.parametrize("name", ["env:NBI_NOWHERE", "file:/nowhere/x", "other:x"])
def test_what_is_not_there_is_a_key_error(name: str) -> None:
    """And not in the store."""
    with pytest.raises(KeyError):
        SecretStore()[name]
    assert name not in SecretStore()


def test_what_is_given_goes_before_what_is_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """And never shows."""
    monkeypatch.setenv("NBI_TEST", "outside")
    store = SecretStore()
    store["env:NBI_TEST"] = "given"
    assert store["env:NBI_TEST"] == b"given"
    assert "given" not in repr(store)


def test_a_new_secret_is_long_enough_for_hs256() -> None:
    """And another one each time."""
    assert len(new_secret()) >= 32
    assert new_secret() != new_secret()


class Issuer:
    """A web server that publishes a key set."""

    def __init__(self) -> None:
        self.document: object = {"keys": [{"kty": "oct", "kid": "1"}]}
        self.asked = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                self.send_response(200 if issuer.document is not None else 500)
                self.end_headers()
                self.wfile.write(json.dumps(issuer.document).encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer on this machine."""
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until it is moved."""
    now = [1_000.0]
    monkeypatch.setattr(secrets.time, "monotonic", lambda: now[0])
    return now


def test_a_key_set_is_fetched_once_in_a_while(issuer: Issuer, clock: list[float]) -> None:
    """The same bytes are the same object, so that nothing is prepared again."""
    store = SecretStore()
    first = store[issuer.url]
    assert store[issuer.url] is first
    assert issuer.asked == 1
    clock[0] += secrets.JWKS_LIFETIME_S + 1
    assert store[issuer.url] is first
    assert issuer.asked == 2


def test_rotation_is_seen_on_refresh(issuer: Issuer, clock: list[float]) -> None:
    """But a sender with made-up key ids cannot make us hammer the issuer."""
    store = SecretStore()
    store[issuer.url]
    issuer.document = {"keys": [{"kty": "oct", "kid": "2"}]}
    assert b'"1"' in store.refresh(issuer.url)
    clock[0] += secrets.JWKS_PAUSE_S + 1
    assert b'"2"' in store.refresh(issuer.url)
    assert issuer.asked == 2


def test_an_issuer_that_is_away_leaves_the_old_keys(issuer: Issuer, clock: list[float]) -> None:
    """Only one that was never there is missing."""
    store = SecretStore()
    first = store[issuer.url]
    issuer.document = None
    clock[0] += secrets.JWKS_LIFETIME_S + 1
    assert store[issuer.url] == first
    with pytest.raises(KeyError):
        SecretStore()[issuer.url]
