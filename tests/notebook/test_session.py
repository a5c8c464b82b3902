"""The endpoint in the kernel: where it listens, what it answers, when it captures."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

import nbincoming as nbi
from nbincoming.core.request.values import json_text
from nbincoming.errors import ListenerError
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.notebook import session as module
from nbincoming.notebook.integration import Integration
from nbincoming.notebook.listener import shared
from nbincoming.notebook.sending import post
from nbincoming.notebook.session import wait_until
from nbincoming.notebook.wizard.state import Change
from tests.notebook.conftest import Make

WAIT_S = 60  # only a bound
SECRET, KEY = "env:ORDERS_TEST_KEY", "a key of more than thirty-two bytes in all"


@pytest.fixture
def inc(make: Make) -> Integration:
    """An integration that listens."""
    made = make()
    made.listen()
    return made


def send(inc: Integration, body: Any = None, **headers: str) -> int:
    """Post a body to an integration."""
    return post(inc.url, json_text({} if body is None else body).encode(), headers)


def ask(inc: Integration, method: str, query: str = "") -> http.client.HTTPResponse:
    """Send a request without a body, and read all of its answer."""
    url = urlsplit(inc.url)
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=WAIT_S)
    try:
        connection.request(method, url.path + query)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def when(inc: Integration, holds: Callable[[], bool]) -> bool:
    """Wait until something holds that comes with a change of the state."""
    held = threading.Event()
    stop = inc.store.watch(lambda: held.set() if holds() else None)
    try:
        return holds() or held.wait(WAIT_S)
    finally:
        stop()


# --- windows -----------------------------------------------------------------------------


def test_a_window_lets_the_draft_answer(inc: Integration) -> None:
    """While it is open requests are answered and captured, before and after they get 404."""
    assert send(inc) == 404
    inc.open_window(60)
    assert send(inc) == 200
    inc.close_window()
    assert send(inc) == 404
    assert [sample.status for sample in inc.samples] == [200]


def test_a_window_closes_after_so_many_requests(inc: Integration) -> None:
    """Those that were refused do not count, and are captured all the same."""
    inc.open_window(60, count=2)
    assert [send(inc), post(inc.url, b"{", {}), send(inc), send(inc)] == [200, 400, 200, 404]
    assert [sample.status for sample in inc.samples] == [200, 400, 200]
    assert inc.state.notice == "3 requests retrieved."


def test_a_handshake_is_no_request_that_was_waited_for(inc: Integration) -> None:
    """Meta subscribes before it sends; the window stays open for the data."""
    inc.set_secret(SECRET, KEY)
    inc.set_secret("env:VERIFY", "please")
    inc.authorization = nbi.meta(secret=SECRET, verify_token="env:VERIFY")
    inc.open_window(60, count=1)
    query = "?hub.mode=subscribe&hub.verify_token=please&hub.challenge=42"
    assert ask(inc, "GET", query).status == 200
    assert inc.state.window is not None
    mac = hmac.new(KEY.encode(), b"{}", hashlib.sha256).hexdigest()
    assert send(inc, **{"X-Hub-Signature-256": f"sha256={mac}"}) == 200
    assert inc.state.window is None
    assert [sample.outcome_name for sample in inc.samples] == ["challenge", "accepted"]


def test_a_window_without_a_count_stays_open(inc: Integration) -> None:
    """Samples are gathered until it is closed or its time is up."""
    inc.open_window(60)
    assert [send(inc) for _ in range(3)] == [200, 200, 200]
    assert inc.state.window is not None


def test_a_window_closes_when_its_time_is_up(inc: Integration) -> None:
    """By itself, with a sentence."""
    inc.open_window(0.02)
    assert when(inc, lambda: inc.state.window is None)
    assert inc.state.notice == "No request came."


def test_a_new_window_goes_before_the_old_one(inc: Integration) -> None:
    """The time of the old one does not close it, nor does whoever opened that."""
    old = inc.open_window(0.02)
    new = inc.open_window(60)
    assert inc.state.window is new
    inc._endpoint.close_window(old)
    assert inc.state.window is new


def test_closing_without_a_window_is_no_error(inc: Integration) -> None:
    """And changes nothing."""
    before = inc.state
    inc.close_window()
    assert inc.state is before


def test_keys_are_tried_out_anew_in_each_window(inc: Integration) -> None:
    """The same request is a duplicate within a window, and new in the next."""
    inc.deduplicate("body.id")
    for _ in range(2):
        inc.open_window(60)
        assert [send(inc, {"id": 1}), send(inc, {"id": 1})] == [200, 204]
        inc.close_window()


def test_the_draft_claims_nothing_of_the_published_version(inc: Integration) -> None:
    """What was captured before the publication is no duplicate afterwards, and no event."""
    inc.deduplicate("body.id")
    inc.open_window(60)
    assert send(inc, {"id": 1}) == 200
    inc.publish()
    assert [send(inc, {"id": 1}), send(inc, {"id": 1})] == [200, 204]
    assert len(inc.events()) == 1


def test_a_change_of_the_draft_counts_at_once(inc: Integration) -> None:
    """The next request of the open window is judged by it."""
    inc.open_window(60)
    assert send(inc, {"a": 1}) == 200
    inc.trigger("none", nbi.P.body.a == 2)
    send(inc, {"a": 1})
    assert [sample.outcome_name for sample in inc.samples] == ["accepted", "filtered"]


def test_requests_that_nobody_waited_for_are_counted(inc: Integration) -> None:
    """Until a window opens; they are not captured."""
    assert [send(inc), send(inc)] == [404, 404]
    assert inc.state.missed == 2
    inc.open_window(60)
    assert inc.state.missed == 0
    assert len(inc.samples) == 0


# --- the published version ---------------------------------------------------------------


@pytest.mark.parametrize(("method", "allowed"), [("GET", "POST"), ("PUT", "POST")])
def test_other_methods_are_refused(inc: Integration, method: str, allowed: str) -> None:
    """With the methods that are answered."""
    inc.publish()
    answer = ask(inc, method)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)


def closed(make: Make) -> Integration:
    """Publish with a secret, as another kernel did yesterday, and take it up without."""
    yesterday = make()
    yesterday.authorization = nbi.jwt(secret=SECRET)
    yesterday.set_secret(SECRET, KEY)
    yesterday.publish()
    yesterday.close()
    today = make()
    assert today is not yesterday
    today.listen()
    return today


def test_a_published_version_is_served_from_its_file(make: Make) -> None:
    """After a restart of the kernel it answers without being published again."""
    inc = closed(make)
    inc.set_secret(SECRET, KEY)
    assert send(inc, Authorization=f"Bearer {inc.token()}") == 200
    assert send(inc) == 401


def test_without_its_secret_a_published_version_is_not_ready(make: Make) -> None:
    """The sender is told to come again, and nothing of the reason; the wizard tells it."""
    inc = closed(make)
    answer = ask(inc, "POST")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    (problem,) = inc.state.problems["endpoint"]
    assert SECRET in problem.message


def test_a_secret_that_is_given_makes_it_ready(make: Make) -> None:
    """At once; and what the wizard said of it is gone."""
    inc = closed(make)
    assert send(inc) == 503
    inc.set_secret(SECRET, KEY)
    assert send(inc) == 401
    assert inc.state.problems.get("endpoint", ()) == ()


def test_a_secret_in_the_environment_makes_it_ready(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a word of code: the next request looks it up again."""
    inc = closed(make)
    assert send(inc) == 503
    monkeypatch.setenv("ORDERS_TEST_KEY", KEY)
    assert send(inc, Authorization=f"Bearer {inc.token()}") == 200


def test_a_new_value_of_a_secret_counts_at_once(make: Make) -> None:
    """Tokens under the old one are refused from then on."""
    inc = closed(make)
    inc.set_secret(SECRET, KEY)
    old = inc.token()
    inc.set_secret(SECRET, KEY[::-1])
    assert send(inc, Authorization=f"Bearer {old}") == 401
    assert send(inc, Authorization=f"Bearer {inc.token()}") == 200


def test_what_an_inbox_raises_is_shown(inc: Integration, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender gets 500 without the cause, which is in the card of incoming data."""
    inc.publish()

    def fail(*_: object) -> None:
        raise RuntimeError("the cause")

    monkeypatch.setattr(MemoryInbox, "claim", fail)
    assert send(inc) == 500
    (problem,) = inc.state.problems["incoming"]
    assert "the cause" in problem.message


@pytest.mark.parametrize("draft_is_larger", [True, False])
def test_the_larger_limit_counts_at_the_door(inc: Integration, draft_is_larger: bool) -> None:
    """The listener lets in what the draft or the published version may take."""
    sizes = (1_000, 3_000) if draft_is_larger else (3_000, 1_000)
    for size in sizes:
        inc.store.dispatch(Change("endpoint", {"max_body_bytes": size}))
        if size == sizes[0]:
            inc.publish()
    inc._endpoint.mount()
    status = send(inc, {"a": "x" * 2_000})
    assert status == (413 if draft_is_larger else 200)  # the published version decides


# --- where it listens --------------------------------------------------------------------


def test_listening_again_changes_nothing(inc: Integration) -> None:
    """Running the cell again gives the same URL."""
    assert inc.listen() == inc.listen() == inc.url
    assert inc.listening


def test_two_integrations_share_one_listener(make: Make) -> None:
    """Each has its own path, captures its own requests and goes by its own draft."""
    one, two = make("one"), make("two")
    one.listen()
    two.listen()
    assert urlsplit(one.url).netloc == urlsplit(two.url).netloc
    one.open_window(60)
    assert [send(one, {"n": 1}), send(two, {"n": 2})] == [200, 404]
    assert [len(one.samples), len(two.samples)] == [1, 0]


def test_closing_one_leaves_the_other(make: Make) -> None:
    """The listener goes on for whoever is left."""
    one, two = make("one"), make("two")
    one.listen()
    two.listen()
    url = one.url
    one.close()
    two.publish()
    assert send(two) == 200
    assert post(url, b"{}", {}) == 404


def test_a_closed_endpoint_has_no_url(inc: Integration) -> None:
    """It says what to do."""
    inc.close()
    assert not inc.listening
    with pytest.raises(ListenerError, match="Call listen"):
        _ = inc.url


def test_another_host_is_joined(make: Make, kernel: None) -> None:
    """Where one integration chose an address, others listen there without being told."""
    one, two = make("one"), make("two")
    one.listen(host="localhost")
    two.listen()
    assert urlsplit(one.url).netloc == urlsplit(two.url).netloc
    three = make("three")
    three.listen_if_needed()
    assert three.listening


@pytest.mark.parametrize("options", [{"host": "localhost"}, {"port": 1}])
def test_another_place_than_the_kernels_is_refused(
    inc: Integration, options: dict[str, Any]
) -> None:
    """There is one listener; what asks for another is told where it is."""
    with pytest.raises(ListenerError, match="already serves"):
        inc.listen(**options)
    assert inc.listening


def test_a_listener_that_was_closed_is_started_again(inc: Integration, kernel: None) -> None:
    """Under another port, with the same path, and the wizard hears of it."""
    inc.listen()
    path = urlsplit(inc.url).path
    shared().close()
    assert not inc.listening
    told = threading.Event()
    inc.store.watch(told.set)
    inc.listen()
    assert urlsplit(inc.url).path == path
    assert told.wait(WAIT_S)
    assert send(inc) == 404


def test_changes_show_without_a_listener(inc: Integration, kernel: None) -> None:
    """Where its thread has ended, watchers are told by whoever makes the change."""
    inc.listen()
    shared().close()
    told: list[object] = []
    inc.store.watch(lambda: told.append(inc.draft.deduplication))
    inc.deduplicate("body.id")
    assert told[-1] is inc.draft.deduplication


# --- waiting -----------------------------------------------------------------------------


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ms = 0
        monkeypatch.setattr(module, "now_ms", lambda: self.now_ms)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, duration_s: float) -> None:
        self.now_ms += round(duration_s * 1000)


def test_waiting_ends_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Soon after, since it looks in short steps; what is left is shown meanwhile."""
    clock = Clock(monkeypatch)
    shown: list[float] = []
    wait_until(lambda: clock.now_ms >= 1_000, shown.append, ends_ms=90_000)
    assert clock.now_ms <= 1_100
    assert shown[0] == 90
    assert shown == sorted(shown, reverse=True)


def test_waiting_ends_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a step later."""
    clock = Clock(monkeypatch)
    wait_until(lambda: False, lambda _: None, ends_ms=1_234)
    assert clock.now_ms == 1_234


def test_what_is_done_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for a step."""
    clock = Clock(monkeypatch)
    wait_until(lambda: True, lambda _: None, ends_ms=1_234)
    assert clock.now_ms == 0
