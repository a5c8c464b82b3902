"""A real cluster of Valkey servers for tests, on free loopback ports."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from nbincoming.inbox.redis.inbox import RedisInbox
from tests.inbox.server import Server
from tests.servers import HOST, free_port, wait_until

#: How long a server may be silent before the others take it for dead, in milliseconds.
NODE_TIMEOUT_MS = 1_500  # a busy machine keeps a living server from answering for a while

SLOTS = 16_384
PRIMARIES = 3


class Cluster:
    """Three primaries that share the slots, and a replica where it is asked for.

    Parameters
    ----------
    folder
        Where they write.
    replicated
        The integration whose primary has a replica.
    options
        More of the settings of each.
    """

    def __init__(self, folder: Path, *options: str, replicated: str | None = None) -> None:
        self.servers: list[Server] = []
        self.replicated = replicated
        for number in range(PRIMARIES + (replicated is not None)):
            place = folder / str(number)
            place.mkdir(parents=True)
            self.servers.append(
                Server(
                    place, "--cluster-enabled", "yes", "--cluster-port", str(free_port()),
                    "--cluster-node-timeout", str(NODE_TIMEOUT_MS),
                    "--repl-diskless-sync-delay", "0", *options,
                )
            )  # fmt: skip
        self.primaries = self.servers[:PRIMARIES]

    @property
    def url(self) -> str:
        """The inbox, by all of its servers: one of them may be away."""
        hosts = ",".join(f"{HOST}:{server.port}" for server in self.servers)
        return f"redis+cluster://{hosts}"

    def start(self) -> None:
        """Start it, and wait until each server knows all and all slots are served."""
        threads = [threading.Thread(target=server.start) for server in self.servers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        share = -(-SLOTS // PRIMARIES)
        for number, server in enumerate(self.servers):
            call(server, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if server in self.primaries:
                first = number * share
                last = min(first + share, SLOTS) - 1
                call(server, "CLUSTER", "ADDSLOTSRANGE", first, last)
            first_of_all = self.servers[0]
            if server is not first_of_all:
                self.introduce(server, first_of_all)
        self.settle()
        if self.replicated is not None:
            (replica,) = self.servers[PRIMARIES:]
            call(replica, "CLUSTER", "REPLICATE", self.name_of(self.owner_of(self.replicated)))
            wait_until(lambda: "master_link_status:up" in info(replica))
            self.settle()

    def introduce(self, server: Server, other: Server) -> None:
        """Have one server meet another."""
        bus = other.options[other.options.index("--cluster-port") + 1]
        call(server, "CLUSTER", "MEET", HOST, other.port, bus)

    def name_of(self, server: Server) -> str:
        """Return the name that a server has in the cluster."""
        return str(call(server, "CLUSTER", "MYID"))

    def owner_of(self, integration: str) -> Server:
        """Return the server that has an integration's keys."""
        return self.owner_of_key(f"nbi:{{{integration}}}:events")

    def owner_of_key(self, key: str) -> Server:
        """Return the server that has a key's slot."""
        slot = key_slot(key.encode())
        for first, last, (_, port, *_), *_ in call(self.alive()[0], "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(server for server in self.servers if server.port == port)
        raise AssertionError(f"Nobody has the slot {slot}.")

    def alive(self) -> list[Server]:
        """Return the servers that run."""
        return [server for server in self.servers if server.process is not None]

    def clear(self) -> None:
        """Remove all keys."""
        for server in self.primaries:
            call(server, "FLUSHALL")

    def keys(self) -> dict[str, Server]:
        """Return all keys, each with the server that has it."""
        return {name: server for server in self.primaries for name in call(server, "KEYS", "*")}

    def move(self, integration: str, target: Server, *, as_a_whole: bool) -> None:
        """Move the slot of an integration to another server.

        Parameters
        ----------
        as_a_whole
            By Valkey 9's migration of slots; else key by key, as every version does.
        """
        source, slot = self.owner_of(integration), key_slot(f"{{{integration}}}".encode())
        name = self.name_of(target)
        if as_a_whole:
            call(source, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", name)
        else:
            call(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", self.name_of(source))
            call(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", name)
            while keys := call(source, "CLUSTER", "GETKEYSINSLOT", slot, 10):
                call(source, "MIGRATE", HOST, target.port, "", 0, 5_000, "KEYS", *keys)
            for server in (target, source):
                call(server, "CLUSTER", "SETSLOT", slot, "NODE", name)
        wait_until(lambda: self.owner_of(integration) is target)

    def kill(self) -> None:
        """End it at once."""
        for server in self.servers:
            server.kill()

    def settle(self) -> None:
        """Wait until each server that runs knows all, and takes commands."""
        wanted = f"cluster_known_nodes:{len(self.servers)}"
        for server in self.alive():
            wait_until(
                lambda server=server: (
                    {"cluster_state:ok", wanted, "cluster_slots_fail:0"}
                    <= set(str(call(server, "CLUSTER", "INFO")).split("\r\n"))
                )
            )


def call(server: Server, *command: object) -> Any:
    """Send one server a command."""
    with redis.Redis(port=server.port, decode_responses=True, protocol=2) as client:
        # As it came: redis-py would make something else of some answers.
        client.response_callbacks.clear()
        return client.execute_command(*command)


def info(server: Server) -> str:
    """Return what a server says of its replication."""
    return str(call(server, "INFO", "replication"))


def empty_inbox(cluster: Cluster) -> Iterator[RedisInbox]:
    """Open an inbox with nothing in it."""
    cluster.clear()
    inbox = RedisInbox(cluster.url)
    yield inbox
    inbox.close()


@contextlib.contextmanager
def hung(server: Server) -> Iterator[None]:
    """Have a server answer nobody for a while."""
    assert isinstance(server.process, subprocess.Popen)
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def running(folder: Path, *options: str, replicated: str | None = None) -> Iterator[Cluster]:
    """Run a cluster."""
    cluster = Cluster(folder, *options, replicated=replicated)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()
