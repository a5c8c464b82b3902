"""A server of a cluster dies under load, and its replica takes over."""

from __future__ import annotations

from pathlib import Path

from tests.inbox.cluster import info, running
from tests.serve.running import ENDPOINT, publish, serving
from tests.serve.test_crashes import Load, delivered, kept
from tests.servers import wait_until


def test_a_failover_loses_and_doubles_nothing_that_replicas_had(tmp_path: Path) -> None:
    """Requests are refused by 503 until the replica is the primary and has one of its own.

    Then everything that was ever accepted is there, once, and is delivered.
    """
    out = tmp_path / "out.jsonl"
    with running(tmp_path / "cluster", replicated=ENDPOINT) as cluster:
        url = f"{cluster.url}?replicas=1"
        primary, replica = cluster.owner_of(ENDPOINT), cluster.servers[-1]
        options = ("--workers", "2", "--inbox", url, "--sink", f"jsonl:{out}")
        with serving(publish(tmp_path), *options, cwd=tmp_path) as served:
            with Load(served) as load:
                load.wait_for_more(40)
                primary.kill()
                wait_until(lambda: "role:master" in info(replica))
                primary.start()
                load.wait_for_more(40)
            found = kept(url)
            ids = delivered(out, len(found))
        assert "role:slave" in info(primary)
    assert set(load.answers) <= {200, 204, 503}
    assert load.answers[503] > 0
    assert set(load.settled) - set(found) == set()
    assert [name for name, count in found.items() if count > 1] == []
    assert len(set(ids)) == len(found)
