"""What all tests share: Hypothesis profiles, the order, random numbers, and real servers."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.inbox.cluster import Cluster, running
from tests.inbox.server import Server
from tests.servers.kafka import KafkaServer
from tests.servers.nats import NatsServer
from tests.servers.rabbitmq import RabbitServer

settings.register_profile(
    "default",
    deadline=None,
    max_examples=200,
    # In CI the examples are the same in each run, so a failure there is a change's own.
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,  # a failure prints how to reproduce it
    # This check measures time, so it fails by chance on a busy machine.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("quick", settings.get_profile("default"), max_examples=50)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=5_000)
settings.load_profile(os.environ.get("NBINCOMING_HYPOTHESIS", "default"))

SEED = int(os.environ.get("NBINCOMING_SEED") or random.SystemRandom().randrange(10**6))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser tests last: what fails fast speaks first."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Return random numbers that depend on the seed and the test; a failure prints the seed."""
    print(f"The choices of this test are repeated by NBINCOMING_SEED={SEED}")  # noqa: T201
    return random.Random(f"{SEED} {request.node.nodeid}")


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
