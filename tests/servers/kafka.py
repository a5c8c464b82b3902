"""librdkafka's mock cluster: a broker that speaks Kafka's protocol, inside confluent-kafka's wheel.

It keeps a log in memory and answers producers (idempotent ones, too) and consumers. It is no
proof of a real broker's disks and elections.
"""

from __future__ import annotations

import ctypes
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.servers import HOST, WAIT_S, missing

#: Kinds of client, and of request: https://kafka.apache.org/protocol#protocol_api_keys
_PRODUCER = 0
_PRODUCE = 0


def _library() -> ctypes.CDLL:
    spec = find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        missing("There is no Kafka client here. Run: pip install confluent-kafka")
    folder = Path(spec.origin).parents[1] / "confluent_kafka.libs"
    found = sorted(folder.glob("librdkafka*.so*"))
    if not found:
        missing(f"There is no librdkafka in {folder}: this platform's wheel is built otherwise.")
    library = ctypes.CDLL(str(found[0]))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library


class KafkaServer:
    """A cluster of one broker."""

    def __init__(self) -> None:
        self._library = _library()
        text = ctypes.create_string_buffer(512)
        configuration = ctypes.c_void_p(self._library.rd_kafka_conf_new())
        self._library.rd_kafka_conf_set(configuration, b"log_level", b"0", text, len(text))
        handle = self._library.rd_kafka_new(_PRODUCER, configuration, text, len(text))
        assert handle, text.value
        self._handle = ctypes.c_void_p(handle)
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_mock_cluster_new(self._handle, 1))
        self.hosts = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create_topic(self, name: str, partitions: int = 4) -> None:
        """Create a topic."""
        assert not self._library.rd_kafka_mock_topic_create(
            self._cluster, name.encode(), partitions, 1
        )

    def go_away(self) -> None:
        """Cut all connections, and take no new ones."""
        assert not self._library.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def come_back(self) -> None:
        """Take connections again."""
        assert not self._library.rd_kafka_mock_broker_set_up(self._cluster, 1)

    def advertise(self, port: int) -> None:
        """Tell clients to come to another port than the broker's own; 0 for its own again."""
        port = port or int(self.hosts.rpartition(":")[2])
        self._library.rd_kafka_mock_broker_set_host_port(
            self._cluster, 1, HOST.encode(), ctypes.c_int(port)
        )

    def fail_produces(self, *codes: int) -> None:
        """Answer the next requests to produce by errors."""
        array = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, _PRODUCE, len(codes), array
        )

    def records(self, topic: str, count: int) -> list[Any]:
        """Wait for so many records; return all, in the order of each partition."""
        from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

        consumer = Consumer(
            {
                "bootstrap.servers": self.hosts,
                "group.id": "tests",
                "log_level": 0,
                "fetch.wait.max.ms": 10,  # other questions wait until a fetch is over
            }
        )
        try:
            numbers = consumer.list_topics(topic, timeout=WAIT_S).topics[topic].partitions
            places = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers]
            consumer.assign(places)
            found: list[Any] = []
            deadline_s = time.monotonic() + WAIT_S
            while time.monotonic() < deadline_s:
                ends = [consumer.get_watermark_offsets(place, timeout=WAIT_S) for place in places]
                if len(found) >= max(count, sum(high for _, high in ends)):
                    break
                found += [each for each in consumer.consume(1_000, 0.2) if each.error() is None]
            return found
        finally:
            consumer.close()

    def close(self) -> None:
        """End it."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._handle)
