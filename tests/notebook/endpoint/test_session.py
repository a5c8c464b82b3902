"""The endpoint of an integration in the kernel."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

import nbincoming as nbi
from nbincoming.clock import now_ms
from nbincoming.core.request.values import json_text
from nbincoming.errors import ListenerError
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.notebook.endpoint.sending import post
from nbincoming.notebook.integration import Integration
from nbincoming.notebook.listener.listener import shared
from nbincoming.notebook.wizard.state import SetMembers
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
    """Requests are answered and captured while it is open; before and after it they get 404."""
    assert send(inc) == 404
    inc.endpoint.open_window(60)
    assert send(inc) == 200
    inc.endpoint.close_window()
    assert send(inc) == 404
    assert [sample.status for sample in inc.samples] == [200]


def test_a_window_closes_after_so_many_requests(inc: Integration) -> None:
    """Refused requests do not count, but are captured."""
    inc.endpoint.open_window(60, count=2)
    assert [send(inc), post(inc.url, b"{", {}), send(inc), send(inc)] == [200, 400, 200, 404]
    assert [sample.status for sample in inc.samples] == [200, 400, 200]
    assert inc.state.notice == "3 requests retrieved."


def test_a_handshake_is_no_request_that_was_waited_for(inc: Integration) -> None:
    """Meta subscribes before it sends; the window stays open for the data."""
    inc.set_secret(SECRET, KEY)
    inc.set_secret("env:VERIFY", "please")
    inc.authorization = nbi.meta(secret=SECRET, verify_token="env:VERIFY")
    inc.endpoint.open_window(60, count=1)
    query = "?hub.mode=subscribe&hub.verify_token=please&hub.challenge=42"
    assert ask(inc, "GET", query).status == 200
    assert inc.state.window is not None
    mac = hmac.new(KEY.encode(), b"{}", hashlib.sha256).hexdigest()
    assert send(inc, **{"X-Hub-Signature-256": f"sha256={mac}"}) == 200
    assert inc.state.window is None
    assert [sample.outcome_name for sample in inc.samples] == ["challenge", "accepted"]


def test_a_window_without_a_count_stays_open(inc: Integration) -> None:
    """Samples are gathered until it is closed or its time is up."""
    inc.endpoint.open_window(60)
    assert [send(inc) for _ in range(3)] == [200, 200, 200]
    assert inc.state.window is not None


def test_a_window_closes_when_its_time_is_up(inc: Integration) -> None:
    """The window closes by itself, and the state says that no request came."""
    inc.endpoint.open_window(0.02)
    assert when(inc, lambda: inc.state.window is None)
    assert inc.state.notice == "No request came."


def test_a_new_window_goes_before_the_old_one(inc: Integration) -> None:
    """Neither the old window's timer nor whoever opened it closes the new one."""
    old = inc.endpoint.open_window(0.02)
    new = inc.endpoint.open_window(60)
    assert inc.state.window is new
    inc.endpoint.close_window(old)
    assert inc.state.window is new


def test_closing_without_a_window_is_no_error(inc: Integration) -> None:
    """Closing does nothing if no window is open."""
    before = inc.state
    inc.endpoint.close_window()
    assert inc.state is before


def test_keys_are_tried_out_anew_in_each_window(inc: Integration) -> None:
    """The same request is a duplicate within a window, and new in the next."""
    inc.deduplicate("body.id")
    for _ in range(2):
        inc.endpoint.open_window(60)
        assert [send(inc, {"id": 1}), send(inc, {"id": 1})] == [200, 204]
        inc.endpoint.close_window()


def test_the_draft_claims_nothing_of_the_published_version(inc: Integration) -> None:
    """A request captured before the publication makes neither a duplicate nor an event after it."""
    inc.deduplicate("body.id")
    inc.endpoint.open_window(60)
    assert send(inc, {"id": 1}) == 200
    inc.publish()
    assert [send(inc, {"id": 1}), send(inc, {"id": 1})] == [200, 204]
    assert len(inc.endpoint.events()) == 1


def test_a_change_of_the_draft_counts_at_once(inc: Integration) -> None:
    """The changed draft judges the next request of the open window."""
    inc.endpoint.open_window(60)
    assert send(inc, {"a": 1}) == 200
    inc.trigger("none", nbi.P.body.a == 2)
    send(inc, {"a": 1})
    assert [sample.outcome_name for sample in inc.samples] == ["accepted", "filtered"]


def test_requests_that_nobody_waited_for_are_counted(inc: Integration) -> None:
    """They are counted until a window opens, and are not captured."""
    assert [send(inc), send(inc)] == [404, 404]
    assert inc.state.missed == 2
    inc.endpoint.open_window(60)
    assert inc.state.missed == 0
    assert len(inc.samples) == 0


# --- the published version ---------------------------------------------------------------


@pytest.mark.parametrize(("method", "allowed"), [("GET", "POST"), ("PUT", "POST")])
def test_other_methods_are_refused(inc: Integration, method: str, allowed: str) -> None:
    """The answer is 405 with the methods that are allowed."""
    inc.publish()
    answer = ask(inc, method)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)


def closed(make: Make) -> Integration:
    """Publish with a secret, close, and open the integration again without the secret."""
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
    """The sender gets 503 with Retry-After and no reason; the wizard shows the reason."""
    inc = closed(make)
    answer = ask(inc, "POST")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    (problem,) = inc.state.problems["endpoint"]
    assert SECRET in problem.message


def test_a_secret_that_is_given_makes_it_ready(make: Make) -> None:
    """The endpoint answers at once, and the wizard no longer shows the problem."""
    inc = closed(make)
    assert send(inc) == 503
    inc.set_secret(SECRET, KEY)
    assert send(inc) == 401
    assert inc.state.problems.get("endpoint", ()) == ()


def test_a_secret_in_the_environment_makes_it_ready(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next request looks the secret up again, without any call."""
    inc = closed(make)
    assert send(inc) == 503
    monkeypatch.setenv("ORDERS_TEST_KEY", KEY)
    assert send(inc, Authorization=f"Bearer {inc.token()}") == 200


def test_a_new_value_of_a_secret_counts_at_once(make: Make) -> None:
    """Tokens signed with the old value are refused at once."""
    inc = closed(make)
    inc.set_secret(SECRET, KEY)
    old = inc.token()
    inc.set_secret(SECRET, KEY[::-1])
    assert send(inc, Authorization=f"Bearer {old}") == 401
    assert send(inc, Authorization=f"Bearer {inc.token()}") == 200


def test_what_an_inbox_raises_is_shown(inc: Integration, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender gets 500 without the cause; the card of incoming data shows the cause."""
    inc.publish()

    def fail(*_: object) -> None:
        raise RuntimeError("the cause")

    monkeypatch.setattr(MemoryInbox, "claim", fail)
    assert send(inc) == 500
    (shown,) = inc.state.refused
    assert (shown.what, shown.reason) == ("answered 500", "RuntimeError: the cause")


@pytest.mark.parametrize(
    ("line", "status"),
    [("X-A : secret", 400), ("X-A: secret" + "x" * 70_000, 431), ("Content-Length: 9999999", 413)],
)
def test_a_request_that_never_became_one_is_shown(inc: Integration, line: str, status: int) -> None:
    """The card of incoming data shows the status and the reason, but no content."""
    url = urlsplit(inc.url)
    with socket.create_connection((str(url.hostname), url.port), WAIT_S) as connection:
        connection.sendall(f"POST {url.path} HTTP/1.1\r\n{line}\r\n\r\n".encode())
        assert connection.recv(100).startswith(f"HTTP/1.1 {status} ".encode())
    (shown,) = inc.state.refused
    assert shown.what == f"refused with {status}"
    assert shown.reason.startswith("The ")
    assert "secret" not in shown.reason


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        (b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03", "refused with 400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "refused with 400"),
        (b"FOO %s HTTP/1.1\r\n\r\n", "refused with 400"),
        (b"POST %s HTTP/1.1\r\nX-A", "cut off"),
        (b"POST %s HTTP/1.1\r\nContent-Length: 9\r\n\r\n{", "cut off"),
    ],
)
def test_what_is_not_even_a_request_is_shown(inc: Integration, sent: bytes, what: str) -> None:
    """The analyst sees that something came, and why it is no sample."""
    url = urlsplit(inc.url)
    with socket.create_connection((str(url.hostname), url.port), WAIT_S) as connection:
        connection.sendall(sent.replace(b"%s", url.path.encode()))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1_000):
            pass
    assert when(inc, lambda: bool(inc.state.refused))
    (shown,) = inc.state.refused
    assert (shown.what, shown.count) == (what, 1)
    assert shown.reason.startswith("The ")


def refuse(inc: Integration) -> None:
    """Send a request that is refused before it can be judged."""
    url = urlsplit(inc.url)
    with socket.create_connection((str(url.hostname), url.port), WAIT_S) as connection:
        connection.sendall(f"POST {url.path} HTTP/1.1\r\nX-A : b\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_refused_requests_are_counted_until_one_is_taken(inc: Integration) -> None:
    """Then they are past; one that is refused after that is not."""
    inc.endpoint.open_window(60)
    before_ms = now_ms()
    for _ in range(3):
        refuse(inc)
    (shown,) = inc.state.refused
    assert (shown.count, shown.past) == (3, False)
    assert before_ms <= shown.last_ms <= now_ms()
    assert post(inc.url, b"{", {}) == 400
    assert not inc.state.refused[0].past
    assert send(inc) == 200
    assert [(each.count, each.past) for each in inc.state.refused] == [(3, True)]
    refuse(inc)
    assert [(each.count, each.past) for each in inc.state.refused] == [(4, False)]
    inc.endpoint.open_window(60)
    assert inc.state.refused == ()


@pytest.mark.parametrize("draft_is_larger", [True, False])
def test_the_larger_limit_counts_at_the_door(inc: Integration, draft_is_larger: bool) -> None:
    """The listener applies the larger of the draft's and the published version's limits."""
    sizes = (1_000, 3_000) if draft_is_larger else (3_000, 1_000)
    for size in sizes:
        inc.store.dispatch(SetMembers("endpoint", {"max_body_bytes": size}))
        if size == sizes[0]:
            inc.publish()
    inc.endpoint.update_body_limit()
    status = send(inc, {"a": "x" * 2_000})
    assert status == (413 if draft_is_larger else 200)  # the published version decides


# --- where it listens --------------------------------------------------------------------


def test_listening_again_changes_nothing(inc: Integration) -> None:
    """Running the cell again gives the same URL."""
    assert inc.listen() == inc.listen() == inc.url
    assert inc.endpoint.listening


def test_two_integrations_share_one_listener(make: Make) -> None:
    """Each has its own path, samples and draft."""
    one, two = make("one"), make("two")
    one.listen()
    two.listen()
    assert urlsplit(one.url).netloc == urlsplit(two.url).netloc
    one.endpoint.open_window(60)
    assert [send(one, {"n": 1}), send(two, {"n": 2})] == [200, 404]
    assert [len(one.samples), len(two.samples)] == [1, 0]


def test_closing_one_leaves_the_other(make: Make) -> None:
    """The listener still serves the other integration."""
    one, two = make("one"), make("two")
    one.listen()
    two.listen()
    url = one.url
    one.close()
    two.publish()
    assert send(two) == 200
    assert post(url, b"{}", {}) == 404


def test_a_closed_endpoint_has_no_url(inc: Integration) -> None:
    """The error says to make the integration again."""
    inc.close()
    assert not inc.endpoint.listening
    with pytest.raises(ListenerError, match=r"was closed\. Make it again"):
        _ = inc.url


def test_another_host_is_joined(make: Make, kernel: None) -> None:
    """Once one integration has chosen an address, others listen there by default."""
    one, two = make("one"), make("two")
    one.listen(host="localhost")
    two.listen()
    assert urlsplit(one.url).netloc == urlsplit(two.url).netloc
    three = make("three")
    three.endpoint.listen_if_needed()
    assert three.endpoint.listening


@pytest.mark.parametrize("options", [{"host": "localhost"}, {"port": 1}])
def test_another_place_than_the_kernels_is_refused(
    inc: Integration, options: dict[str, Any]
) -> None:
    """A kernel has one listener; asking for another address is an error that says its URL."""
    with pytest.raises(ListenerError, match="already serves"):
        inc.listen(**options)
    assert inc.endpoint.listening


def test_a_listener_that_was_closed_is_started_again(inc: Integration, kernel: None) -> None:
    """It gets another port and the same path, and watchers are called."""
    inc.listen()
    path = urlsplit(inc.url).path
    shared().close()
    assert not inc.endpoint.listening
    told = threading.Event()
    inc.store.watch(told.set)
    inc.listen()
    assert urlsplit(inc.url).path == path
    assert told.wait(WAIT_S)
    assert send(inc) == 404


def test_changes_show_without_a_listener(inc: Integration, kernel: None) -> None:
    """If the listener's thread has ended, the thread that makes the change calls the watchers."""
    inc.listen()
    shared().close()
    told: list[object] = []
    inc.store.watch(lambda: told.append(inc.draft.deduplication))
    inc.deduplicate("body.id")
    assert told[-1] is inc.draft.deduplication
