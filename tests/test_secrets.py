"""Where the values of secrets come from, and that they go nowhere."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nbincoming import secrets as module
from nbincoming.secrets import JWKS_LIFETIME_S, JWKS_PAUSE_S, SecretStore, new_secret

SESAME = b"sesame-open-sesame-open-sesame-open"


class Clock:
    """Stands in for the module ``time``."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Put the store's clock into the test's hands."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


class Issuer:
    """Publishes its keys over HTTP, and counts the requests.

    Attributes
    ----------
    answer : bytes or None
        What it answers; None for a status 503.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.rotate("first")
        self.gate = threading.Event()
        self.gate.set()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                issuer.gate.wait(60)
                if issuer.answer is None:
                    self.send_error(503)
                    return
                self.send_response(200)
                self.end_headers()
                self.wfile.write(issuer.answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"

    def rotate(self, key_id: str) -> None:
        """Publish another key."""
        self.keys = {"keys": [{"kty": "OKP", "kid": key_id}]}
        self.answer: bytes | None = json.dumps(self.keys).encode()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Start an issuer."""
    issuer = Issuer()
    thread = threading.Thread(target=issuer.server.serve_forever, args=(0.01,))
    thread.start()
    yield issuer
    issuer.gate.set()
    issuer.server.shutdown()
    thread.join()
    issuer.server.server_close()


def key_id(value: bytes) -> str:
    """Return the key ID in a JWKS."""
    (key,) = json.loads(value)["keys"]
    return str(key["kid"])


# --- memory, environment, files --------------------------------------------------------


@pytest.mark.parametrize(("given", "kept"), [("żółw", "żółw".encode()), (b"\xff", b"\xff")])
def test_a_value_that_is_set_is_kept(given: str | bytes, kept: bytes) -> None:
    """A string is stored as UTF-8, bytes unchanged, under any name."""
    store = SecretStore()
    store["env:NBI_TEST_KEY"] = given
    assert store["env:NBI_TEST_KEY"] == kept


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """``env:NAME`` is the environment variable NAME, byte by byte."""
    monkeypatch.setenv("NBI_TEST_KEY", "żółw \n")
    assert SecretStore()["env:NBI_TEST_KEY"] == "żółw \n".encode()


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"a", b"a"), (b"a\n", b"a"), (b"a\r\n", b"a"), (b"a\n\n", b"a\n"), (b" a \n", b" a ")],
)
def test_a_file_is_read_without_its_last_line_feed(
    tmp_path: Path, content: bytes, value: bytes
) -> None:
    """One line break at the end, which editors add, is removed; the rest is the secret."""
    path = tmp_path / "a secret"
    path.write_bytes(content)
    assert SecretStore()[f"file:{path}"] == value


def test_what_is_set_goes_before_what_is_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, issuer: Issuer
) -> None:
    """A value given in the notebook is used, whatever the environment and the network say."""
    monkeypatch.setenv("NBI_TEST_KEY", "outside")
    (tmp_path / "key").write_text("outside")
    store = SecretStore()
    for name in ("env:NBI_TEST_KEY", f"file:{tmp_path / 'key'}", issuer.url):
        store[name] = "inside"
        assert store[name] == b"inside"
    assert store.refresh(issuer.url) == b"inside"
    assert issuer.asked == 0


@pytest.mark.parametrize("name", ["env:NBI_TEST_KEY", "file:/nowhere/key", "vault:x", "", "x"])
def test_what_is_nowhere_is_a_key_error(name: str) -> None:
    """A missing secret, or a name of an unknown kind, raises KeyError."""
    with pytest.raises(KeyError) as caught:
        SecretStore()[name]
    assert caught.value.args == (name,)
    assert name not in SecretStore()


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    """A file that cannot be read raises KeyError."""
    assert f"file:{tmp_path}" not in SecretStore()


def test_a_value_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value stays the same until forget() is called."""
    monkeypatch.setenv("NBI_TEST_KEY", "old")
    store = SecretStore()
    assert store["env:NBI_TEST_KEY"] == b"old"
    monkeypatch.setenv("NBI_TEST_KEY", "new")
    assert store["env:NBI_TEST_KEY"] == b"old"
    store.forget()
    assert store["env:NBI_TEST_KEY"] == b"new"


def test_a_value_that_was_missing_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set after the error is found without a restart."""
    store = SecretStore()
    assert "env:NBI_TEST_KEY" not in store
    monkeypatch.setenv("NBI_TEST_KEY", "here now")
    assert "env:NBI_TEST_KEY" in store


def test_forgetting_keeps_what_was_given() -> None:
    """Values that were set in the store are not forgotten."""
    store = SecretStore()
    store["env:NBI_TEST_KEY"] = SESAME
    store.forget()
    assert store["env:NBI_TEST_KEY"] == SESAME


def test_a_value_never_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the store's repr nor an error contains the value of a secret."""
    monkeypatch.setenv("NBI_TEST_KEY", SESAME.decode())
    (tmp_path / "key").write_bytes(SESAME)
    store = SecretStore()
    store["env:GIVEN"] = SESAME
    for name in ("env:NBI_TEST_KEY", f"file:{tmp_path / 'key'}"):
        assert store[name] == SESAME
    with pytest.raises(KeyError) as caught:
        store["env:NBI_OTHER"]
    shown = repr(store) + str(store) + repr(caught.value) + f"{store!s}"
    assert "sesame" not in shown


def test_new_secrets_are_long_and_differ() -> None:
    """Each has 256 random bits, in characters that are safe in URLs and shells."""
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", secret) for secret in made)


# --- a JWKS behind a URL ---------------------------------------------------------------


def test_a_jwks_is_fetched(issuer: Issuer) -> None:
    """Its name is its URL, and its value is the JSON that is published there."""
    assert json.loads(SecretStore()[issuer.url]) == issuer.keys


def test_a_fetched_jwks_is_kept_for_a_while(issuer: Issuer, clock: Clock) -> None:
    """The issuer gets one request per lifetime, however often the value is read."""
    store = SecretStore()
    for _ in range(3):
        store[issuer.url]
    clock.now_s += JWKS_LIFETIME_S - 1
    store[issuer.url]
    assert issuer.asked == 1


def test_a_rotation_is_noticed_after_the_lifetime(issuer: Issuer, clock: Clock) -> None:
    """Withdrawn keys stay in force for one lifetime at most."""
    store = SecretStore()
    store[issuer.url]
    issuer.rotate("second")
    assert key_id(store[issuer.url]) == "first"
    clock.now_s += JWKS_LIFETIME_S
    assert key_id(store[issuer.url]) == "second"


def test_a_refresh_finds_a_rotation_at_once(issuer: Issuer, clock: Clock) -> None:
    """refresh() fetches before the lifetime is over."""
    store = SecretStore()
    store[issuer.url]
    issuer.rotate("second")
    clock.now_s += JWKS_PAUSE_S
    assert key_id(store.refresh(issuer.url)) == "second"
    assert key_id(store[issuer.url]) == "second"


def test_refreshing_is_throttled(issuer: Issuer, clock: Clock) -> None:
    """Tokens with invented key IDs cannot cause a fetch each."""
    store = SecretStore()
    store[issuer.url]
    for _ in range(100):
        store.refresh(issuer.url)
        clock.now_s += JWKS_PAUSE_S / 50
    assert issuer.asked <= 3


def test_the_same_keys_stay_the_same_object(issuer: Issuer, clock: Clock) -> None:
    """An identity test shows that nothing changed."""
    store = SecretStore()
    before = store[issuer.url]
    clock.now_s += JWKS_LIFETIME_S
    assert store[issuer.url] is before
    assert issuer.asked == 2


@pytest.mark.parametrize("answer", [None, b"<html>", b"\xff", b"[]", b""], ids=repr)
def test_an_outage_leaves_the_keys_in_force(
    issuer: Issuer, clock: Clock, answer: bytes | None
) -> None:
    """If the issuer returns something else, the previous keys stay in use."""
    store = SecretStore()
    store[issuer.url]
    issuer.answer = answer
    clock.now_s += JWKS_LIFETIME_S
    assert key_id(store[issuer.url]) == "first"
    assert key_id(store.refresh(issuer.url)) == "first"


@pytest.mark.parametrize("answer", [None, b"<html>", b"\xff", b"[]", b""], ids=repr)
def test_without_keys_from_the_start_there_is_none(
    issuer: Issuer, clock: Clock, answer: bytes | None
) -> None:
    """If the first fetch fails, the lookup raises KeyError."""
    issuer.answer = answer
    store = SecretStore()
    with pytest.raises(KeyError):
        store[issuer.url]
    assert issuer.url not in store


def test_an_issuer_that_is_out_is_not_hammered(issuer: Issuer, clock: Clock) -> None:
    """Without any keys the store fetches again after a pause, not at each lookup."""
    issuer.answer = None
    store = SecretStore()
    for _ in range(5):
        assert issuer.url not in store
    assert issuer.asked == 1
    issuer.rotate("back")
    clock.now_s += JWKS_PAUSE_S
    assert key_id(store[issuer.url]) == "back"


def test_forgetting_fetches_again(issuer: Issuer, clock: Clock) -> None:
    """After forget() the store fetches without waiting for the pause."""
    store = SecretStore()
    store[issuer.url]
    issuer.rotate("second")
    store.forget()
    assert key_id(store[issuer.url]) == "second"


def test_nobody_listening_is_no_jwks() -> None:
    """A closed port raises KeyError."""
    assert "http://127.0.0.1:9/jwks.json" not in SecretStore()


def test_a_slow_issuer_holds_up_nobody_else(issuer: Issuer, clock: Clock) -> None:
    """While one thread fetches, others get the previous keys, and other secrets."""
    store = SecretStore()
    store["env:GIVEN"] = SESAME
    store[issuer.url]
    clock.now_s += JWKS_LIFETIME_S
    issuer.rotate("second")
    issuer.gate.clear()
    slow = threading.Thread(target=lambda: store[issuer.url])
    slow.start()
    deadline_s = time.monotonic() + 60
    while issuer.asked < 2 and time.monotonic() < deadline_s:
        pass
    assert key_id(store[issuer.url]) == "first"
    assert store["env:GIVEN"] == SESAME
    issuer.gate.set()
    slow.join(60)
    assert key_id(store[issuer.url]) == "second"
