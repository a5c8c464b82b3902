"""The relay's side of an inbox in Valkey."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import redis

from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.redis import lease as redis_lease
from nbincoming.inbox.redis.inbox import RedisInbox
from nbincoming.inbox.redis.outbox import RedisOutbox
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import (
    SINK,
    OutboxContract,
    advance,
    fill,
    mark_dead,
    pending,
    send,
)
from tests.inbox.server import Server
from tests.inbox.sides import other, outbox

__all__ = ["other", "outbox", "send"]


@pytest.fixture
def url(valkey: Server) -> str:
    """Return where the inbox is."""
    return valkey.url


@pytest.fixture
def inbox(valkey: Server) -> Iterator[RedisInbox]:
    """Return an empty inbox."""
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
    inbox = RedisInbox(valkey.url)
    yield inbox
    inbox.close()


class TestRedisOutbox(OutboxContract):
    """The contract."""


def test_a_server_that_is_away_is_said(
    inbox: RedisInbox, outbox: RedisOutbox, valkey: Server, send: Sender
) -> None:
    """Nothing is lost, and it works when it is back."""
    ids = fill(inbox, send, 3)
    advance(outbox, send, 1)
    valkey.kill()
    with pytest.raises(InboxUnavailable):
        pending(outbox, send)
    with pytest.raises(InboxUnavailable):
        outbox.lease(SINK).renew()
    valkey.start()
    assert pending(outbox, send) == ids[1:]


def test_a_lease_that_is_not_renewed_runs_out(
    outbox: RedisOutbox, other: RedisOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is dead or cut off loses it, and knows by its own clock that it did."""
    monkeypatch.setattr(redis_lease, "LEASE_S", 0.2)
    mine, theirs = outbox.lease(SINK), other.lease(SINK)
    assert mine.renew()
    waiter = threading.Event()
    while not theirs.renew():
        waiter.wait(0.01)
    assert not mine.is_held()
    assert not mine.renew()
    theirs.release()


def test_all_keys_of_an_integration_share_a_hash_tag(
    inbox: RedisInbox, outbox: RedisOutbox, valkey: Server, send: Sender
) -> None:
    """In a cluster what one step touches lies in one slot."""
    fill(inbox, send, 2)
    advance(outbox, send, 1)
    mark_dead(outbox, send)
    outbox.redrive()
    with redis.Redis(port=valkey.port) as client:
        names = {name.decode() for name in client.scan_iter()} - {"nbi:integrations"}
    kinds = {name.split(":")[2] for name in names}
    assert kinds >= {"events", "cursors", "taken", "dead", "redriven"}
    assert all(name.startswith(f"nbi:{{{send.integration}}}:") for name in names)
