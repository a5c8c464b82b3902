"""An inbox in Valkey over connections that are encrypted, by one server and by a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbincoming.core.outcomes import (
    Accepted,
    Duplicate,
)
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.redis.inbox import RedisInbox
from nbincoming.inbox.redis.outbox import RedisOutbox
from nbincoming.tls import CAFileError
from tests.inbox.cluster import Cluster
from tests.inbox.contract import Sender, kinds
from tests.inbox.server import Server
from tests.servers import HOST
from tests.servers.certificates import Certificates
from tests.servers.terminator import Terminator


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make a certificate by an authority of its own."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def wire(valkey: Server, certificates: Certificates) -> Iterator[Terminator]:
    """Encrypt what goes to a server."""
    wire = Terminator(valkey.port, certificates)
    yield wire
    wire.close()


@pytest.fixture
def send() -> Sender:
    """Make candidates of one integration."""
    return Sender()


def claim(url: str, send: Sender) -> list[type]:
    """Claim by a client of its own."""
    inbox = RedisInbox(url)
    try:
        return kinds(inbox.claim([send("a")]))
    finally:
        inbox.close()


def test_an_authority_is_named_in_the_url_or_the_environment(
    wire: Terminator,
    certificates: Certificates,
    send: Sender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The option is that of the sinks; redis-py's own name for it does, too."""
    url = f"rediss://{HOST}:{wire.port}/0"
    for option in ("ssl.ca.location", "ssl_ca_certs"):
        found = claim(f"{url}?{option}={certificates.authority}", send)
        assert found in ([Accepted], [Duplicate])
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    assert claim(url, send) == [Duplicate]


def test_a_certificate_that_is_not_accepted_is_said(
    wire: Terminator, certificates: Certificates, send: Sender
) -> None:
    """By an unknown authority, or for another host; no password is in the message."""
    for url, reason in (
        (f"rediss://me:sesame@{HOST}:{wire.port}/0", "unable to get local issuer certificate"),
        (
            f"rediss://me:sesame@localhost:{wire.port}/0?ssl.ca.location={certificates.authority}",
            "Hostname mismatch",
        ),
    ):
        inbox = RedisInbox(url)
        with pytest.raises(InboxUnavailable, match=reason) as caught:
            inbox.probe()
        assert "sesame" not in str(caught.value)
        with pytest.raises(InboxUnavailable):
            inbox.claim([send("a")])
        inbox.close()


def test_a_cluster_is_spoken_to_over_encrypted_connections(
    tmp_path: Path, certificates: Certificates
) -> None:
    """To all of its servers, those that the URL does not name as well."""
    cluster = Cluster(tmp_path)
    wires = [Terminator(server.port, certificates) for server in cluster.servers]
    for server, wire in zip(cluster.servers, wires, strict=True):
        server.options += ("--cluster-announce-port", str(wire.port))
    url = f"rediss+cluster://{HOST}:{wires[0].port}"
    trusting = f"{url}?ssl.ca.location={certificates.authority}"
    try:
        cluster.start()
        senders = [Sender() for _ in range(64)]  # a dozen may leave a server out
        inbox, outbox = RedisInbox(trusting), RedisOutbox(trusting)
        assert kinds(inbox.claim([send("a") for send in senders])) == [Accepted] * 64
        assert outbox.count_pending("stdout") == 64
        owners = {id(owner) for name, owner in cluster.keys().items() if "events" in name}
        inbox.close()
        outbox.close()
        assert len(owners) == 3
        inbox = RedisInbox(url)
        with pytest.raises(InboxUnavailable, match="the certificate is not accepted"):
            inbox.probe()
        inbox.close()
    finally:
        cluster.kill()
        for wire in wires:
            wire.close()


def test_a_file_that_holds_no_authority_shows_at_once(tmp_path: Path) -> None:
    """And not as an inbox that is away."""
    with pytest.raises(CAFileError, match="No such file"):
        RedisInbox(f"rediss://{HOST}:1/0?ssl.ca.location={tmp_path}/none")
