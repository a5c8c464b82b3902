"""The inbox in Valkey: the contract, and what a server that comes and goes adds to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from nbincoming.core.outcomes import (
    Accepted,
    Duplicate,
)
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.opening import open_inbox
from nbincoming.inbox.redis.inbox import RedisInbox
from tests.inbox.contract import InboxContract, Sender, all_events, kinds
from tests.inbox.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server for the module."""
    server = Server(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def inbox(server: Server) -> Iterator[RedisInbox]:
    """Return an empty inbox."""
    with redis.Redis(port=server.port) as client:
        client.flushall()
    inbox = RedisInbox(server.url)
    yield inbox
    inbox.close()


@pytest.fixture
def send() -> Sender:
    """Make candidates of one integration."""
    return Sender()


class TestRedisInbox(InboxContract):
    """The contract."""

    @pytest.fixture
    def inbox(self, server: Server) -> Iterator[RedisInbox]:
        """Return an empty inbox."""
        with redis.Redis(port=server.port) as client:
            client.flushall()
        inbox = RedisInbox(server.url)
        yield inbox
        inbox.close()


def test_a_server_that_is_away_refuses_and_is_found_again(
    inbox: RedisInbox, server: Server, send: Sender
) -> None:
    """While it is away nothing is accepted; then keys and events are as they were."""
    inbox.claim([send("a")])
    server.kill()
    with pytest.raises(InboxUnavailable):
        inbox.claim([send("b")])
    server.start()
    assert kinds(inbox.claim([send("a"), send("b")])) == [Duplicate, Accepted]
    assert len(all_events(inbox)) == 2


def test_keys_of_an_integration_share_a_hash_tag(
    inbox: RedisInbox, server: Server, send: Sender
) -> None:
    """In a cluster all that a claim touches lies in one slot."""
    inbox.claim([send("a"), send(None)])
    with redis.Redis(port=server.port) as client:
        names = {name.decode() for name in client.scan_iter()} - {"nbi:integrations"}
    assert len(names) == 2
    assert all(name.startswith(f"nbi:{{{send.integration}}}:") for name in names)


def test_an_event_that_cannot_be_kept_holds_no_key(
    inbox: RedisInbox, server: Server, send: Sender
) -> None:
    """Where appending fails, its sender may come again, and is accepted then."""
    stream = f"nbi:{{{send.integration}}}:events"
    with redis.Redis(port=server.port) as client:
        client.set(stream, "in the way")
        with pytest.raises(InboxUnavailable):
            inbox.claim([send("a")])
        client.delete(stream)
    assert kinds(inbox.claim([send("a")])) == [Accepted]


def test_a_full_server_refuses_and_holds_no_key(
    inbox: RedisInbox, server: Server, send: Sender
) -> None:
    """Beyond ``maxmemory`` nothing is accepted; what was refused is accepted later."""
    inbox.claim([send("before")])  # the index has the integration
    with redis.Redis(port=server.port) as client:
        client.config_set("maxmemory", 1)
        for act in (lambda: inbox.claim([send("a")]), inbox.probe):
            with pytest.raises(InboxUnavailable):
                act()
        client.config_set("maxmemory", 0)
    inbox.probe()
    assert kinds(inbox.claim([send("a")])) == [Accepted]


def test_probing_says_whether_it_is_there(inbox: RedisInbox, server: Server) -> None:
    """A server that is away, or only a replica, takes no claims."""
    inbox.probe()
    with redis.Redis(port=server.port) as client:
        client.replicaof("127.0.0.1", server.port)
        with pytest.raises(InboxUnavailable):
            inbox.probe()
        client.replicaof("NO", "ONE")
    server.kill()
    with pytest.raises(InboxUnavailable):
        inbox.probe()
    server.start()
    inbox.probe()


def test_a_server_without_its_scripts_is_given_them_again(
    inbox: RedisInbox, server: Server, send: Sender
) -> None:
    """As after a restart of the server, or a flush of its scripts."""
    inbox.claim([send("a")])
    with redis.Redis(port=server.port) as client:
        client.script_flush()
    assert kinds(inbox.claim([send("a"), send("b")])) == [Duplicate, Accepted]


def test_keys_end_with_their_window(inbox: RedisInbox, server: Server, send: Sender) -> None:
    """A key stays for its window and a slack for clocks that differ, and then goes by itself."""
    inbox.claim([send("a", window_ms=60_000)])
    with redis.Redis(port=server.port) as client:
        (name,) = client.keys("*:key:*")
        assert 60_000 < client.pttl(name) <= 60_000 + 120_000


def test_a_url_opens_it(server: Server) -> None:
    """Schemes of Redis and of Valkey name the same."""
    for url in (server.url, server.url.replace("redis:", "valkey:")):
        inbox = open_inbox(url)
        assert inbox.claim([]) == []
        inbox.close()
