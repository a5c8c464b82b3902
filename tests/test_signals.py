"""Signals, received by the main loop of a process."""

from __future__ import annotations

import signal
import threading

from nbincoming.signals import STOP_SIGNALS, Signals
from tests.interrupting import raising_at


def test_nothing_is_received_in_vain() -> None:
    """Without a signal, the wait ends with its time."""
    with Signals(*STOP_SIGNALS) as signals:
        assert signals.wait(0) == frozenset()


def test_signals_are_received_once() -> None:
    """All that came since the last wait, and none again."""
    with Signals(signal.SIGTERM, signal.SIGHUP) as signals:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(number)
        assert signals.wait(0) == {signal.SIGTERM, signal.SIGHUP}
        assert signals.wait(0) == frozenset()


def test_a_signal_ends_the_wait() -> None:
    """Also one that another thread receives."""
    with Signals(signal.SIGTERM) as signals:
        thread = threading.Thread(target=signal.raise_signal, args=(signal.SIGTERM,))
        thread.start()
        assert signals.wait(30) == {signal.SIGTERM}
        thread.join()


def test_a_signal_is_received_wherever_it_arrives() -> None:
    """Before, in and after the wait: it is returned by this one or by the next."""
    for line in range(20):
        with Signals(signal.SIGTERM) as signals, raising_at(line, signal.SIGTERM) as start:
            start()
            while not signals.wait(0.001):
                pass


def test_no_stop_is_lost_among_many_signals() -> None:
    """A process that is busy reads them later."""
    with Signals(signal.SIGTERM, signal.SIGHUP) as signals:
        for _ in range(10_000):
            signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)
        assert signal.SIGTERM in signals.wait(0)


def test_the_handlers_from_before_come_back() -> None:
    """As if nothing had been received here."""
    before = signal.getsignal(signal.SIGTERM)
    with Signals(signal.SIGTERM):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.set_wakeup_fd(-1) == -1
