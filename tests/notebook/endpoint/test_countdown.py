"""Waiting in a cell, with a countdown in one line."""

from __future__ import annotations

import io
import sys
import time
from typing import Any

import pytest

from nbincoming.notebook.endpoint import countdown as module
from nbincoming.notebook.endpoint.countdown import countdown, wait_until


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


class Handle:
    """A display in a notebook that is rewritten."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data["text/plain"])


def test_a_terminal_has_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewritten each second, with the URL, and gone at the end."""
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with countdown("http://x") as show:
        for left_s in (2.0, 1.99, 1.5, 0.4):
            show(left_s)
    lines = terminal.getvalue().split("\r\x1b[K")
    assert [line.partition(" s ")[0] for line in lines] == [
        "", "Waiting 3", "Waiting 2", "Waiting 1", "",
    ]  # fmt: skip
    assert "http://x" in lines[1]
    assert "\n" not in terminal.getvalue()


def test_a_log_file_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written if standard error is not a terminal."""
    monkeypatch.setattr(sys, "stderr", log := io.StringIO())
    with countdown("http://x") as show:
        show(5)
    assert log.getvalue() == ""


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Handle:
    """A notebook that shows what it is given."""
    handle = Handle()

    def display(*_: Any, **__: Any) -> Handle:
        return handle

    monkeypatch.setattr(module, "get_ipython", lambda: object())
    monkeypatch.setattr(module, "display", display)
    return handle


def test_a_notebook_has_one_output(notebook: Handle) -> None:
    """Rewritten each second, and empty at the end."""
    with countdown("http://x") as show:
        for left_s in (2.0, 1.99, 1.5, 0.4):
            show(left_s)
    assert [text[:9] for text in notebook.shown] == ["Waiting 3", "Waiting 2", "Waiting 1", ""]


def test_an_interrupt_leaves_no_line(notebook: Handle) -> None:
    """The line is removed however the waiting ends."""
    with pytest.raises(KeyboardInterrupt), countdown("http://x") as show:
        show(5)
        raise KeyboardInterrupt
    assert notebook.shown[-1] == ""


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ms = 0
        monkeypatch.setattr(module, "now_ms", lambda: self.now_ms)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, duration_s: float) -> None:
        self.now_ms += round(duration_s * 1000)


def test_waiting_ends_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """It checks in short steps, and shows the time left before each."""
    clock = Clock(monkeypatch)
    shown: list[float] = []
    wait_until(lambda: clock.now_ms >= 1_000, shown.append, ends_ms=90_000)
    assert clock.now_ms <= 1_100
    assert shown[0] == 90
    assert shown == sorted(shown, reverse=True)


def test_waiting_ends_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait a step longer."""
    clock = Clock(monkeypatch)
    wait_until(lambda: False, lambda _: None, ends_ms=1_234)
    assert clock.now_ms == 1_234


def test_what_is_done_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait at all."""
    clock = Clock(monkeypatch)
    wait_until(lambda: True, lambda _: None, ends_ms=1_234)
    assert clock.now_ms == 0
