"""The inbox in a cluster of Valkey servers: the contract, and what several servers add to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from nbincoming.core.outcomes import (
    Accepted,
    Candidate,
    Duplicate,
    Filtered,
)
from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.opening import open_inbox
from nbincoming.inbox.protocol import ClaimResult, InboxURLError
from nbincoming.inbox.redis import cluster as redis_cluster
from nbincoming.inbox.redis import store as redis_store
from nbincoming.inbox.redis.inbox import INTEGRATIONS, RedisInbox
from nbincoming.inbox.redis.outbox import RedisOutbox
from nbincoming.inbox.redis.store import NotReplicated
from tests.inbox.cluster import Cluster, call, empty_inbox, hung
from tests.inbox.contract import InboxContract, Sender, all_events, hashed, kinds
from tests.inbox.server import Server
from tests.servers import free_port, wait_until


class TestRedisClusterInbox(InboxContract):
    """The contract."""

    @pytest.fixture
    def inbox(self, cluster: Cluster) -> Iterator[RedisInbox]:
        """Return an empty inbox."""
        yield from empty_inbox(cluster)


@pytest.fixture
def send() -> Sender:
    """Make candidates of one integration."""
    return Sender()


@pytest.fixture
def inbox(cluster: Cluster) -> Iterator[RedisInbox]:
    """Return an empty inbox."""
    yield from empty_inbox(cluster)


def apart(cluster: Cluster) -> tuple[Sender, Sender]:
    """Make candidates of two integrations that two servers have."""
    one = Sender()
    other = next(
        sender
        for sender in (Sender() for _ in range(200))
        if cluster.owner_of(sender.integration) is not cluster.owner_of(one.integration)
    )
    return one, other


def test_a_group_is_split_and_answered_in_order(inbox: RedisInbox, cluster: Cluster) -> None:
    """Claims of integrations that lie on several servers are answered as they were given."""
    one, other = apart(cluster)
    third = Sender()
    group = [
        one("a"), other("a"), third(None), other("b"), one("a"), third("a", wanted=False),
        other("a"), one("b"),
    ]  # fmt: skip
    assert kinds(inbox.claim(group)) == [
        Accepted, Accepted, Accepted, Accepted, Duplicate, Filtered, Duplicate, Accepted
    ]  # fmt: skip
    owners = cluster.keys()
    for sender in (one, other, third):
        places = {id(owners[name]) for name in owners if sender.integration in name}
        assert places == {id(cluster.owner_of(sender.integration))}
    found = [event.integration for _, event in all_events(inbox)]
    assert sorted(found) == sorted(
        [one.integration] * 2 + [other.integration] * 2 + [third.integration]
    )


def test_a_server_that_is_away_refuses_its_own_alone(inbox: RedisInbox, cluster: Cluster) -> None:
    """Claims on the others are made and delivered; it is found again when it is back."""
    one, other = apart(cluster)
    inbox.claim([one("a"), other("a")])
    outbox = RedisOutbox(cluster.url)
    away = cluster.owner_of(one.integration)
    away.kill()
    try:
        outcomes = inbox.claim([one("b"), other("b"), one(None), other("a")])
        assert kinds(outcomes) == [InboxUnavailable, Accepted, InboxUnavailable, Duplicate]
        assert [outcome.headers for outcome in outcomes[::2]] == [(("Retry-After", "5"),)] * 2
        with pytest.raises(InboxUnavailable):
            inbox.claim([one("b")])
        if cluster.owner_of_key(INTEGRATIONS) is not away:
            assert outbox.waiting("stdout") == [other.integration]
            assert outbox.count_pending("stdout") == 2
    finally:
        away.start()
        cluster.settle()
    wait_until(lambda: kinds(attempt(inbox, one("b"))) == [Accepted])
    assert kinds(inbox.claim([one("a"), other("b")])) == [Duplicate, Duplicate]
    assert set(outbox.waiting("stdout")) == {one.integration, other.integration}
    outbox.close()
    assert len(all_events(inbox)) == 4


def test_without_the_list_what_is_known_is_accepted(inbox: RedisInbox, cluster: Cluster) -> None:
    """A new integration waits, since no relay would find its events."""
    away = cluster.owner_of_key(INTEGRATIONS)
    known, new = (
        next(each for each in iter(Sender, None) if cluster.owner_of(each.integration) is not away)
        for _ in range(2)
    )
    inbox.claim([known("a")])
    away.kill()
    try:
        assert kinds(inbox.claim([new("a"), known("b")])) == [InboxUnavailable, Accepted]
        with pytest.raises(InboxUnavailable):
            inbox.probe()
    finally:
        away.start()
        cluster.settle()
    assert kinds(inbox.claim([new("a"), known("b")])) == [Accepted, Duplicate]


def test_a_claim_whose_answer_was_lost_is_not_made_again(
    inbox: RedisInbox, send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sender is told to come again; behind our back it would be kept twice."""
    inbox.claim([send(None)])

    def lose(client: Any, commands: Sequence[Any], replicas: int = 0) -> list[Any]:
        redis_store.send(client, commands, replicas)
        return [redis.TimeoutError()] * len(commands)

    with monkeypatch.context() as patch:
        patch.setattr(redis_cluster, "send", lose)
        with pytest.raises(InboxUnavailable):
            inbox.claim([send(None)])
    assert len(all_events(inbox)) == 2


def test_a_server_that_hangs_is_waited_for_so_long(cluster: Cluster, send: Sender) -> None:
    """What had been sent is done when it wakes, once."""
    cluster.clear()
    inbox = RedisInbox(cluster.url, timeout_s=1.0)
    inbox.claim([send(None)])
    with hung(cluster.owner_of(send.integration)), pytest.raises(InboxUnavailable):
        inbox.claim([send(None)])
    cluster.settle()
    wait_until(lambda: kinds(attempt(inbox, send("a"))) != [InboxUnavailable])
    assert len(all_events(inbox)) == 3
    inbox.close()


def test_servers_that_are_all_away_are_found_again(cluster: Cluster, send: Sender) -> None:
    """Also by a client that never saw them."""
    cluster.clear()
    inbox = RedisInbox(cluster.url)
    inbox.claim([send("a")])
    for server in cluster.servers:
        server.kill()
    new = RedisInbox(cluster.url)
    try:
        for each in (inbox, new):
            with pytest.raises(InboxUnavailable):
                each.claim([send("b")])
            with pytest.raises(InboxUnavailable):
                each.probe()
    finally:
        for server in cluster.servers:
            server.start()
        cluster.settle()
    assert kinds(new.claim([send("a")])) == [Duplicate]
    wait_until(lambda: kinds(attempt(inbox, send("b"))) in ([Accepted], [Duplicate]))
    inbox.close()
    new.close()


def test_an_integration_that_was_lost_from_the_list_is_put_down_again(
    inbox: RedisInbox, cluster: Cluster, send: Sender
) -> None:
    """The list may lie on another server than the events, which failed over."""
    inbox.claim([send("a")])
    call(cluster.owner_of_key(INTEGRATIONS), "DEL", INTEGRATIONS)
    inbox.probe()
    outbox = RedisOutbox(cluster.url)
    assert outbox.waiting("stdout") == [send.integration]
    outbox.close()


@pytest.mark.parametrize("way", ["key by key", "as a whole"])
def test_a_slot_that_moves_under_load_loses_and_doubles_nothing(cluster: Cluster, way: str) -> None:
    """What is refused meanwhile is accepted when it comes again."""
    cluster.clear()
    send = Sender()
    source = cluster.owner_of(send.integration)
    target = next(server for server in cluster.primaries if server is not source)
    stop = threading.Event()
    accepted: list[str] = []

    def claim(number: int) -> None:
        inbox = RedisInbox(cluster.url)
        count = 0
        while not stop.is_set():
            names = [f"{number}-{count + n}" for n in range(3)]
            while InboxUnavailable in kinds(attempt(inbox, *map(send, names))):
                pass
            accepted.extend(names)
            count += 3
        inbox.close()

    with ThreadPoolExecutor(4) as pool:
        claims = [pool.submit(claim, number) for number in range(4)]
        try:
            for place in (target, source, target):
                wanted = len(accepted) + 60
                wait_until(lambda wanted=wanted: len(accepted) >= wanted)
                cluster.move(send.integration, place, as_a_whole=way == "as a whole")
            wanted = len(accepted) + 60
            wait_until(lambda wanted=wanted: len(accepted) >= wanted)
        finally:
            stop.set()
        for future in claims:
            future.result()
    inbox = RedisInbox(cluster.url)
    kept = [event.key for _, event in all_events(inbox)]
    inbox.close()
    assert cluster.owner_of(send.integration) is target
    assert sorted(map(str, kept)) == sorted(hashed(name) for name in accepted)


@pytest.mark.parametrize(
    ("options", "reason"),
    [(["--cluster-enabled", "yes"], "ClusterDownError"), ([], r"Write redis:// in place of")],
)
def test_servers_without_slots_are_waited_for(
    tmp_path: Path, send: Sender, options: list[str], reason: str
) -> None:
    """A cluster that is being made; one that is none is told so."""
    server = Server(tmp_path, *options, *(["--cluster-port", str(free_port())] if options else []))
    server.start()
    inbox = RedisInbox(server.url.replace("redis://", "redis+cluster://"))
    try:
        with pytest.raises(InboxUnavailable, match=reason):
            inbox.probe()
        with pytest.raises(InboxUnavailable):
            inbox.claim([send("a")])
    finally:
        inbox.close()
        server.kill()


def test_a_url_of_one_server_says_that_it_is_a_cluster(cluster: Cluster, send: Sender) -> None:
    """The message has what to write."""
    server = next(
        server for server in cluster.primaries if server is not cluster.owner_of_key(INTEGRATIONS)
    )
    inbox = RedisInbox(server.url)
    with pytest.raises(InboxUnavailable, match=r"Write redis\+cluster://"):
        inbox.probe()
    with pytest.raises(InboxUnavailable) as caught:
        inbox.claim([send("a")])
    assert isinstance(caught.value.__cause__, redis.exceptions.MovedError)
    inbox.close()


def test_a_claim_waits_for_replicas_where_it_is_told_to(cluster: Cluster, send: Sender) -> None:
    """Without enough of them it is refused, although its own server has it."""
    cluster.clear()
    inbox = RedisInbox(f"{cluster.url}?replicas=1")
    with pytest.raises(InboxUnavailable) as caught:
        inbox.claim([send("a")])
    assert isinstance(caught.value.__cause__, NotReplicated)
    inbox.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://127.0.0.1:1/1", "redis+cluster://127.0.0.1:1?sesame=1",
        "redis+cluster://me:sesame@127.0.0.1:1,:2", "redis+cluster://127.0.0.1:1,127.0.0.1:99999",
        "redis+cluster://", "redis+cluster:host", "redis://a:1,b:2",
        "redis+cluster://127.0.0.1:1?replicas=sesam", "redis+cluster://127.0.0.1:1?replicas=10",
    ],
)  # fmt: skip
def test_a_wrong_url_shows_at_once(url: str) -> None:
    """What a password may be in is not shown."""
    with pytest.raises(InboxURLError) as caught:
        open_inbox(url)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "valkey", "valkeys"])
def test_a_url_of_a_cluster_opens_it(scheme: str) -> None:
    """The schemes are those of one server; none of the servers is asked yet."""
    inbox = open_inbox(f"{scheme}+cluster://me:secret@127.0.0.1:1,[::1]:2,host/0")
    inbox.close()


def attempt(inbox: RedisInbox, *candidates: Candidate) -> Sequence[ClaimResult]:
    """Claim; return the outcomes, or the refusal of all."""
    try:
        return inbox.claim(candidates)
    except InboxUnavailable as refusal:
        return [refusal]
