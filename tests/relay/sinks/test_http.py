"""The HTTP sink, against a receiver that verifies, refuses, hangs and redirects."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate

import pytest
from standardwebhooks.webhooks import Webhook

from nbincoming.relay.sinks import http
from nbincoming.relay.sinks.opening import open_sink
from nbincoming.relay.sinks.sink import (
    SinkError,
    Undelivered,
)
from tests.relay.sinks.contract import SinkContract, event, events
from tests.servers import HOST, free_port
from tests.servers.proxy import Proxy
from tests.servers.receiver import Answer, HttpReceiver

SECRET = b"whsec_" + base64.b64encode(b"a key of 24 bytes and so")


class SignedReceiver:
    """A receiver that takes only what the official library verifies, behind a wire."""

    def __init__(self) -> None:
        self.server = HttpReceiver()
        self.wire = Proxy(self.server.port)
        self.url = f"http://{HOST}:{self.wire.port}/hook?tenant=7#env:HOOK"
        self.secrets = {"env:HOOK": SECRET}

    def texts(self, count: int) -> list[bytes]:
        """Return the bodies, verified."""
        self.server.wait_for(count)
        return [json_line(verify(*each)) for each in self.server.requests]

    def go_away(self) -> None:
        """Cut the wire."""
        self.wire.cut()

    def come_back(self) -> None:
        """Mend it."""
        self.wire.mend()

    def close(self) -> None:
        """End it."""
        self.wire.close()
        self.server.close()


def verify(headers: dict[str, str], body: bytes) -> bytes:
    """Let the official library verify a delivery; return its body."""
    Webhook(SECRET.decode()).verify(body, headers)
    return body


def json_line(body: bytes) -> bytes:
    """Return a body that must be JSON."""
    json.loads(body)
    return body


@pytest.fixture
def receiver() -> Iterator[SignedReceiver]:
    """Run a receiver."""
    receiver = SignedReceiver()
    yield receiver
    receiver.close()


class TestHttpSink(SinkContract):
    """The contract."""


def failure(receiver: SignedReceiver, *answers: Answer, count: int = 1) -> Undelivered:
    """Deliver to a receiver that answers so; return what the sink says."""
    receiver.server.answers = list(answers)
    sink = open_sink(receiver.url, receiver.secrets)
    try:
        with pytest.raises(Undelivered) as caught:
            sink.deliver(events(count))
    finally:
        sink.close()
    return caught.value


def test_the_id_is_the_events_own(receiver: SignedReceiver) -> None:
    """The webhook's id is the idempotency key, the same at each try."""
    sink, given = open_sink(receiver.url, receiver.secrets), event()
    sink.deliver([given])
    sink.deliver([given])
    sink.close()
    headers = [headers for headers, _ in receiver.server.requests]
    assert [each["webhook-id"] for each in headers] == [given.id] * 2
    assert headers[0]["content-type"] == "application/cloudevents+json"


def test_a_forged_delivery_would_be_noticed(receiver: SignedReceiver) -> None:
    """The oracle refuses a body that was changed: it does verify."""
    sink = open_sink(receiver.url, receiver.secrets)
    sink.deliver([event()])
    sink.close()
    headers, body = receiver.server.requests[0]
    with pytest.raises(Exception, match="No matching signature"):
        verify(headers, body + b" ")


def test_without_a_secret_nothing_is_signed(receiver: SignedReceiver) -> None:
    """Id and time are sent all the same."""
    sink = open_sink(receiver.url.partition("#")[0], {})
    sink.deliver([event()])
    sink.close()
    ((headers, _),) = receiver.server.requests
    assert "webhook-signature" not in headers
    assert {"webhook-id", "webhook-timestamp"} <= headers.keys()


def test_connections_are_used_again(receiver: SignedReceiver) -> None:
    """Deliveries do not open a connection each, whether answers have bodies or not."""
    receiver.server.answers = [Answer(200, b"thanks"), Answer(204), Answer(202, b"later")]
    sink = open_sink(receiver.url, receiver.secrets)
    for each in events(5):
        sink.deliver([each])
    sink.close()
    assert receiver.server.connections == 1


@pytest.mark.parametrize("status", [400, 404, 409, 410, 413, 415, 422, 500, 501])
def test_a_refusal_is_of_the_event(receiver: SignedReceiver, status: int) -> None:
    """Such answers will not change for ever: the event may be given up on."""
    found = failure(receiver, Answer(status))
    assert found.is_refusal
    assert str(found) == f"HTTP {status}"


@pytest.mark.parametrize("status", [301, 308, 401, 403, 407, 408, 502, 503, 504])
def test_a_failure_on_the_way_leaves_it_in_doubt(receiver: SignedReceiver, status: int) -> None:
    """An outage, wrong credentials and a gateway's word may be about all events, or this one."""
    found = failure(receiver, Answer(status))
    assert (found.is_refusal, found.is_doubtful) == (False, True)


@pytest.mark.parametrize(
    "answer",
    [Answer(425), Answer(429), Answer(503, Retry_After="1"), Answer(403, Retry_After="1")],
    ids=["425", "429", "503 and when", "403 and when"],
)
def test_not_now_is_not_of_the_event(receiver: SignedReceiver, answer: Answer) -> None:
    """Whoever says "later" has nothing against it."""
    found = failure(receiver, answer)
    assert (found.is_refusal, found.is_doubtful) == (False, False)


def test_nobody_there_is_not_of_the_event() -> None:
    """It was not sent."""
    sink = open_sink(f"http://{HOST}:{free_port()}/", {})
    with pytest.raises(Undelivered) as caught:
        sink.deliver([event()])
    sink.close()
    assert (caught.value.is_refusal, caught.value.is_doubtful) == (False, False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: SignedReceiver, status: int) -> None:
    """A signed event goes where it was sent, and nowhere else."""
    elsewhere = HttpReceiver()
    try:
        found = failure(receiver, Answer(status, Location=f"http://{HOST}:{elsewhere.port}/"))
        assert elsewhere.requests == []
    finally:
        elsewhere.close()
    assert not found.is_refusal
    assert str(found) == f"HTTP {status}"


@pytest.mark.parametrize(
    ("value", "least_s", "most_s"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("99999999", 3_600, 3_600),
        (lambda: formatdate(time.time() + 100, usegmt=True), 90, 101),
        (lambda: formatdate(time.time() - 100, usegmt=True), 0, 0),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("", 0, 0),
    ],
)
def test_the_receiver_may_ask_for_a_pause(
    receiver: SignedReceiver, value: str | Callable[[], str], least_s: float, most_s: float
) -> None:
    """Retry-After in seconds or as a date is kept to, up to an hour; nonsense is passed over."""
    text = value if isinstance(value, str) else value()  # a date counts from when it is sent
    found = failure(receiver, Answer(429, Retry_After=text))
    assert least_s <= found.retry_after_s <= most_s


@pytest.mark.parametrize("status", [0, -1], ids=["hangs", "hangs up"])
def test_no_answer_leaves_it_in_doubt(
    receiver: SignedReceiver, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A receiver that hangs is waited for as long as it may take, and no longer."""
    monkeypatch.setattr(http, "DELIVERY_TIMEOUT_S", 0.3)
    began_s = time.monotonic()
    found = failure(receiver, Answer(status))
    assert (found.is_refusal, found.is_doubtful) == (False, True)
    assert time.monotonic() - began_s < 10


def test_a_body_that_never_ends_is_not_waited_for(
    receiver: SignedReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status says all, and each byte would be in time for itself."""
    monkeypatch.setattr(http, "DELIVERY_TIMEOUT_S", 1.0)
    receiver.server.answers = [Answer(200, b"x" * 200, pause_s=0.05)]
    sink = open_sink(receiver.url, receiver.secrets)
    sink.deliver(events(1))
    sink.close()
    assert receiver.server.sent_bytes < 100


def test_what_was_taken_before_a_failure_is_said(receiver: SignedReceiver) -> None:
    """So that it is not delivered again."""
    found = failure(receiver, Answer(), Answer(), Answer(500), count=4)
    assert found.delivered == 2
    assert len(receiver.server.requests) + len(receiver.server.refused) == 3


def test_no_message_holds_the_url(receiver: SignedReceiver) -> None:
    """A receiver's URL may have a token in it."""
    receiver.go_away()
    found = failure(receiver)
    assert "tenant" not in str(found)
    assert "hook" not in str(found)


def test_several_threads_may_deliver(receiver: SignedReceiver) -> None:
    """Up to `max_threads` integrations are delivered at the same time."""
    sink = open_sink(receiver.url, receiver.secrets)
    each = [events(20, integration=str(n)) for n in range(sink.max_threads)]
    threads = [threading.Thread(target=sink.deliver, args=(some,)) for some in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.close()
    found = [json.loads(body)["id"] for _, body in receiver.server.requests]
    for some in each:
        wanted = [one.id for one in some]
        assert [one for one in found if one in wanted] == wanted


def test_a_secret_that_is_none_is_said_and_not_shown() -> None:
    """Its name is in the message, its value is not."""
    with pytest.raises(SinkError, match="env:HOOK") as caught:
        open_sink("https://host/path#env:HOOK", {"env:HOOK": b"sesame!"})
    assert "sesame" not in str(caught.value)
