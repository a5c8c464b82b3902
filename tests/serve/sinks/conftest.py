"""The servers that sinks deliver to: each is started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.inbox.server import Server
from tests.servers.kafka import KafkaServer
from tests.servers.nats import NatsServer
from tests.servers.rabbitmq import RabbitServer


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaServer]:
    """Run a Kafka broker."""
    server = KafkaServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """Run a NATS server."""
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    """Run a RabbitMQ node."""
    server = RabbitServer(tmp_path_factory.mktemp("rabbitmq"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a Valkey server."""
    server = Server(tmp_path_factory.mktemp("valkey-sink"))
    server.start()
    yield server
    server.kill()
