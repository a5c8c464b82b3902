"""What a worker does beside its requests."""

from __future__ import annotations

import threading

import pytest

from nbincoming.core.gateway import inbox_unavailable
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.serve import maintenance
from nbincoming.serve.claims import DirectClaims
from nbincoming.serve.maintenance import Maintenance
from nbincoming.serve.service import Service


class FlakyInbox(MemoryInbox):
    """Can be away, and counts how often it is looked after."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.tried = threading.Semaphore(0)
        self.purged = threading.Semaphore(0)
        self.checkpointed = threading.Semaphore(0)
        self.fault: Exception | None = None

    def probe(self) -> None:
        """Say whether it is away."""
        self.tried.release()
        if self.is_away:
            raise inbox_unavailable() from OSError("redis://user:s3cret@host")

    def purge(self, now_ms: int) -> int:
        """Remove nothing."""
        assert now_ms > 0
        self.purged.release()
        if self.fault is not None:
            raise self.fault
        return 0

    def checkpoint(self) -> None:
        """Move nothing."""
        self.checkpointed.release()


@pytest.fixture
def inbox() -> FlakyInbox:
    """Make an inbox."""
    return FlakyInbox()


@pytest.fixture
def service(inbox: FlakyInbox) -> Service:
    """Make a service of no spec."""
    return Service({}, DirectClaims(inbox))


def test_an_inbox_that_is_away_is_said_once(
    inbox: FlakyInbox, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """When it goes and when it comes back, not each time in between, and without its address."""
    caplog.set_level("INFO")
    maintained = Maintenance(inbox, service)
    for is_away in (False, True, True, True, False, False):
        inbox.is_away = is_away
        maintained.probe()
        assert service.inbox_is_up is not is_away
    assert caplog.messages == ["The inbox cannot be reached", "The inbox is reached again"]
    assert caplog.records[0].fields == {"cause": "OSError"}  # type: ignore[attr-defined]


def test_a_store_that_needs_no_maintenance_gets_none(service: Service) -> None:
    """What a store does not offer is not asked for."""
    maintained = Maintenance(MemoryInbox(), service)
    maintained.probe()
    maintained.purge()
    maintained.checkpoint()
    assert service.inbox_is_up


def test_it_goes_on_after_a_fault(
    inbox: FlakyInbox, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge that raises is logged, and tried again at its time."""
    monkeypatch.setattr(maintenance, "PURGE_KEYS_S", 0.001)
    monkeypatch.setattr(maintenance, "PROBE_S", 0.001)
    monkeypatch.setattr(maintenance, "CHECKPOINT_S", 0.001)
    inbox.fault = RuntimeError("a fault")
    maintained = Maintenance(inbox, service)
    maintained.start()
    try:
        for counted in (inbox.purged, inbox.tried, inbox.checkpointed):
            for _ in range(3):
                assert counted.acquire(timeout=60)
    finally:
        maintained.stop()
