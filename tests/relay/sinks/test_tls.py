"""Sinks over connections that are encrypted: whom they trust, and what is said of others.

NATS and RabbitMQ encrypt by themselves. Valkey from PyPI, the mock broker of Kafka and the
receiver of webhooks are behind something that does it for them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from nbincoming.relay.sinks import kafka as kafka_module
from nbincoming.relay.sinks import nats as nats_module
from nbincoming.relay.sinks.opening import open_sink
from nbincoming.relay.sinks.sink import Sink, SinkError, Undelivered
from tests.inbox.server import Server
from tests.relay.sinks.contract import event
from tests.servers import HOST, WAIT_S
from tests.servers.certificates import Certificates
from tests.servers.kafka import KafkaServer
from tests.servers.nats import NatsServer
from tests.servers.rabbitmq import RabbitServer
from tests.servers.receiver import HttpReceiver
from tests.servers.terminator import Terminator

UNREACHED = {"Kafka: _TRANSPORT", "Kafka: no answer"}
KINDS = ["https", "rediss", "tls", "amqps", "kafka+ssl"]


class Receiver:
    """Something that a sink delivers to over an encrypted connection.

    Parameters
    ----------
    url
        With ``{host}`` for the host.
    certificates
        What it shows.
    ids
        Returns the ids of what came.
    """

    def __init__(self, url: str, certificates: Certificates, ids: Callable[[], list[str]]) -> None:
        self.url = url
        self.certificates = certificates
        self.ids = ids

    def at(self, host: str = HOST, ca_file: Path | None = None) -> str:
        """Return the sink's URL."""
        url = self.url.format(host=host)
        return url if ca_file is None else f"{url}?ssl.ca.location={ca_file}"


def id_of(text: bytes) -> str:
    """Return an event's id."""
    return str(json.loads(text)["id"])


def undelivered(sink: Sink) -> Undelivered:
    """Try to deliver until the server itself was reached; return the failure.

    Kafka's client tries one address of a host at a time, and may spend a whole delivery on one
    where nobody listens.
    """
    deadline_s = time.monotonic() + WAIT_S
    while True:
        with pytest.raises(Undelivered) as caught:
            sink.deliver([event()])
        if str(caught.value) not in UNREACHED or time.monotonic() > deadline_s:
            return caught.value


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make a certificate by an authority of its own."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make one by another authority."""
    return Certificates(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module")
def encrypted_nats(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[NatsServer]:
    """Run a NATS server that asks for encrypted connections."""
    server = NatsServer(tmp_path_factory.mktemp("nats"), certificates=certificates)
    yield server
    server.close()


@pytest.fixture(params=KINDS)
def receiver(
    request: pytest.FixtureRequest, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Receiver]:
    """Run one of each kind."""
    # How long is waited for a broker, and for a connection to end that never was.
    monkeypatch.setattr(kafka_module, "DELIVERY_TIMEOUT_S", 1.0)
    monkeypatch.setattr(nats_module, "_STEP_S", 1.0)
    name = f"events-{uuid4().hex[:8]}"
    match request.param:
        case "https":
            http = HttpReceiver()
            wire = Terminator(http.port, certificates)
            yield Receiver(
                f"https://{{host}}:{wire.port}/hook",
                certificates,
                lambda: [headers["webhook-id"] for headers, _ in http.requests],
            )
            wire.close()
            http.close()
        case "rediss":
            valkey: Server = request.getfixturevalue("valkey")
            wire = Terminator(valkey.port, certificates)

            def entries() -> list[str]:
                with redis.Redis(port=valkey.port) as client:
                    return [fields[b"id"].decode() for _, fields in client.xrange(name)]

            yield Receiver(f"rediss://{{host}}:{wire.port}/0/{name}", certificates, entries)
            wire.close()
        case "tls":
            nats: NatsServer = request.getfixturevalue("encrypted_nats")
            nats.create_stream(name)
            yield Receiver(
                f"tls://{{host}}:{nats.port}/{name}",
                certificates,
                lambda: [id_of(message.data) for message in nats.messages(name, 0)],
            )
        case "amqps":
            rabbitmq: RabbitServer = request.getfixturevalue("rabbitmq")
            rabbitmq.declare(name)
            yield Receiver(
                f"amqps://{{host}}:{rabbitmq.tls_port}/{name}",
                rabbitmq.certificates,
                lambda: [id_of(message.body) for message in rabbitmq.messages(name, 0)],
            )
        case "kafka+ssl":
            kafka = KafkaServer()
            kafka.create_topic(name)
            wire = Terminator(int(kafka.hosts.rpartition(":")[2]), certificates)
            kafka.advertise(wire.port)

            def records() -> list[str]:
                kafka.advertise(0)
                try:
                    return [id_of(record.value()) for record in kafka.records(name, 0)]
                finally:
                    kafka.advertise(wire.port)

            yield Receiver(f"kafka+ssl://{{host}}:{wire.port}/{name}", certificates, records)
            wire.close()
            kafka.close()


def test_an_authority_is_named_in_the_url(receiver: Receiver) -> None:
    """Then what it vouches for is delivered to."""
    sink, given = open_sink(receiver.at(ca_file=receiver.certificates.authority), {}), event()
    sink.deliver([given])
    sink.close()
    assert receiver.ids() == [given.id]


def test_an_authority_is_named_in_the_environment(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the variable that OpenSSL reads, for every kind."""
    monkeypatch.setenv("SSL_CERT_FILE", str(receiver.certificates.authority))
    sink, given = open_sink(receiver.at(), {}), event()
    sink.deliver([given])
    sink.close()
    assert receiver.ids() == [given.id]


@pytest.mark.parametrize("trusts", ["the system's", "another"])
def test_a_certificate_of_an_unknown_authority_is_not_accepted(
    receiver: Receiver, other: Certificates, trusts: str
) -> None:
    """The sink counts as away, nothing was sent, and what is right later delivers it."""
    url = receiver.at(ca_file=other.authority if trusts == "another" else None)
    sink, given = open_sink(url, {}), event()
    failure = undelivered(sink)
    sink.close()
    assert "the certificate is not accepted" in str(failure)
    assert not failure.is_refusal
    assert failure.delivered == 0
    assert receiver.ids() == []
    sink = open_sink(receiver.at(ca_file=receiver.certificates.authority), {})
    sink.deliver([given])
    sink.close()
    assert receiver.ids() == [given.id]


def test_a_certificate_for_another_host_is_not_accepted(receiver: Receiver) -> None:
    """Whoever has any certificate of the authority is not yet the one who was asked for."""
    sink = open_sink(receiver.at("localhost", receiver.certificates.authority), {})
    failure = undelivered(sink)
    sink.close()
    assert "the certificate is not accepted" in str(failure)
    assert not failure.is_refusal
    assert receiver.ids() == []


@pytest.mark.parametrize("credentials", ["user and password", "token", "none"])
def test_nothing_is_sent_in_the_clear(tmp_path: Path, credentials: str) -> None:
    """A NATS server, or whoever sits before it, may say that nothing is to be encrypted."""
    options = {"user and password": ("--user", "relay", "--pass", "sesame"),
               "token": ("--auth", "sesame"), "none": ()}[credentials]  # fmt: skip
    server = NatsServer(tmp_path, *options)
    user = "relay@" if credentials == "user and password" else ""
    secret = "" if credentials == "none" else "#env:NATS"
    sink = open_sink(f"tls://{user}{HOST}:{server.port}/events{secret}", {"env:NATS": b"sesame"})
    try:
        with pytest.raises(Undelivered, match="the server does not encrypt") as caught:
            sink.deliver([event()])
        assert not caught.value.is_refusal
    finally:
        sink.close()
        server.close()


@pytest.mark.parametrize(
    "url", ["https://h/x", "rediss://h/0/x", "tls://h/x", "amqps://h/x", "kafka+ssl://h/x"]
)
def test_a_file_that_holds_no_authority_shows_at_the_start(url: str, tmp_path: Path) -> None:
    """It is named, with what is wrong."""
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")
    for path, reason in (
        (empty, "no certificate in PEM"), (tmp_path / "none", "No such file"), ("", "none is named")
    ):  # fmt: skip
        with pytest.raises(SinkError, match=reason) as caught:
            open_sink(f"{url}?ssl.ca.location={path}", {})
        assert str(path)[:40] in str(caught.value)


@pytest.mark.parametrize("url", ["kafka://h/t", "nats://h/s", "amqp://h/q", "redis://h/0/s"])
def test_without_encryption_there_is_nobody_to_trust(url: str) -> None:
    """The option would promise what is not so."""
    with pytest.raises(SinkError, match=r"does not know 'ssl\.ca\.location'"):
        open_sink(f"{url}?ssl.ca.location=x", {})


def test_the_rest_of_a_query_is_the_receivers(certificates: Certificates) -> None:
    """The option of ours is taken out of an HTTP sink's URL."""
    http = HttpReceiver()
    wire = Terminator(http.port, certificates)
    option = f"ssl.ca.location={certificates.authority}"
    sink = open_sink(f"https://{HOST}:{wire.port}/hook?a=%20&{option}&b", {})
    sink.deliver([event()])
    sink.close()
    wire.close()
    http.close()
    assert http.paths == ["/hook?a=%20&b"]
