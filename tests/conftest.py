"""What every test shares: the Hypothesis profiles, the order of the tests, and real servers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.inbox.cluster import Cluster, running
from tests.inbox.server import Server
from tests.servers.kafka import KafkaServer
from tests.servers.nats import NatsServer
from tests.servers.rabbitmq import RabbitServer

# In CI the examples are the same in each run, so a failure there is a change's own.
settings.register_profile(
    "default", deadline=None, max_examples=200, derandomize=bool(os.environ.get("CI"))
)
settings.register_profile("thorough", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("NBINCOMING_HYPOTHESIS", "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser tests last: what fails fast speaks first."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


# --- servers, each started once where a test asks for it -------------------------------


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
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a cluster of three Valkey servers; where one is away the others go on."""
    options = ("--cluster-require-full-coverage", "no")
    with running(tmp_path_factory.mktemp("cluster"), *options) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a Valkey server."""
    server = Server(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()
