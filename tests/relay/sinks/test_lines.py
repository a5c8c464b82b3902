"""Sinks that write lines: standard output and a file."""

from __future__ import annotations

import json
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbincoming.relay.sinks import lines
from nbincoming.relay.sinks.opening import open_sink
from nbincoming.relay.sinks.sink import (
    SinkError,
    Undelivered,
)
from tests.relay.sinks.contract import SinkContract, deliver_at_last, event, events, ids


class FileReceiver:
    """A file; nobody can write to it while files may not grow."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"jsonl:{path}"
        self.secrets: dict[str, bytes] = {}

    def texts(self, count: int) -> list[bytes]:
        """Return the lines that are JSON."""
        lines = self.path.read_bytes().splitlines()
        assert len(lines) >= count
        return [line for line in lines if is_json(line)]

    def go_away(self, bytes_left: int = 0) -> None:
        """Let files be as large as this one is."""
        size = self.path.stat().st_size if self.path.exists() else 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + bytes_left, resource.RLIM_INFINITY))

    def come_back(self) -> None:
        """Let files grow."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class PipeReceiver:
    """What reads our standard output."""

    def __init__(self) -> None:
        self.url = "stdout"
        self.secrets: dict[str, bytes] = {}
        self._data = bytearray()
        self._changed = threading.Condition()
        self._source, self._sink = os.pipe()
        self.handle = os.dup(self._sink)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def texts(self, count: int) -> list[bytes]:
        """Wait for lines."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._data.count(b"\n") >= count, 30)
            return [line for line in bytes(self._data).splitlines() if line]

    def go_away(self) -> None:
        """Let standard output lead nowhere."""
        source, sink = os.pipe()
        os.close(source)
        os.dup2(sink, self.handle)
        os.close(sink)

    def come_back(self) -> None:
        """Read again."""
        os.dup2(self._sink, self.handle)

    def close(self) -> None:
        """Give standard output back."""
        os.close(self.handle)
        os.close(self._sink)
        self._thread.join()
        os.close(self._source)

    def _read(self) -> None:
        while data := os.read(self._source, 65_536):
            with self._changed:
                self._data += data
                self._changed.notify_all()


def is_json(line: bytes) -> bool:
    """Tell whether a line was not cut."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


class TestJsonlSink(SinkContract):
    """The contract, of a file."""

    @pytest.fixture
    def receiver(self, tmp_path: Path) -> Iterator[FileReceiver]:
        """Return a file that is not there yet."""
        receiver = FileReceiver(tmp_path / "out.jsonl")
        yield receiver
        receiver.come_back()


class TestStdoutSink(SinkContract):
    """The contract, of standard output."""

    @pytest.fixture
    def receiver(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipeReceiver]:
        """Read standard output, in the place of what pytest does with it."""
        receiver = PipeReceiver()
        monkeypatch.setattr(lines, "STDOUT", receiver.handle)
        yield receiver
        receiver.close()


def test_a_disk_that_fills_up_tears_no_later_line(tmp_path: Path) -> None:
    """What could be written of an event is ended, and the whole of it follows."""
    receiver = FileReceiver(tmp_path / "out.jsonl")
    sink = open_sink(receiver.url, {})
    first, second = events(2)
    sink.deliver([first])
    receiver.go_away(bytes_left=40)
    try:
        with pytest.raises(Undelivered) as caught:
            sink.deliver([second])
    finally:
        receiver.come_back()
    assert not caught.value.is_refusal
    deliver_at_last(sink, second)
    sink.close()
    assert len(receiver.path.read_bytes().splitlines()) == 3
    assert ids(receiver, 2) == [first.id, second.id]


def test_a_line_that_a_crash_cut_is_ended(tmp_path: Path) -> None:
    """What follows does not run into it."""
    receiver = FileReceiver(tmp_path / "out.jsonl")
    receiver.path.write_bytes(b'{"id": "cut')
    sink = open_sink(receiver.url, {})
    given = event()
    sink.deliver([given])
    sink.close()
    assert ids(receiver, 1) == [given.id]


def test_a_file_is_not_for_everybody(tmp_path: Path) -> None:
    """Events are personal data: only the owner may read them."""
    sink = open_sink(f"jsonl:{tmp_path}/out.jsonl", {})
    sink.close()
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("url", ["jsonl:", "jsonl", "stdout:x", "stdout:out.jsonl"])
def test_a_sink_of_lines_says_what_it_needs(url: str) -> None:
    """A file needs a path, standard output takes none."""
    with pytest.raises(SinkError, match=r"Write (jsonl:PATH|stdout)\."):
        open_sink(url, {})


def test_a_folder_that_is_not_there_shows_at_the_start(tmp_path: Path) -> None:
    """A wrong path is no matter for retries."""
    with pytest.raises(SinkError, match="cannot be written: No such file or directory"):
        open_sink(f"jsonl:{tmp_path}/nowhere/out.jsonl", {})


@pytest.mark.parametrize("is_recreated", [False, True])
def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path, is_recreated: bool) -> None:
    """As logrotate does it: what follows is in the new file, which only its owner may read."""
    path, moved = tmp_path / "out.jsonl", tmp_path / "out.jsonl.1"
    sink = open_sink(f"jsonl:{path}", {})
    first, second = events(2)
    sink.deliver([first])
    path.rename(moved)
    if is_recreated:
        path.touch(0o600)
    sink.deliver([second])
    sink.close()
    assert [json.loads(each.read_bytes())["id"] for each in (moved, path)] == [first.id, second.id]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_was_moved_away_is_waited_for(tmp_path: Path) -> None:
    """Nothing is written where nobody looks for it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    sink = open_sink(f"jsonl:{folder}/out.jsonl", {})
    first, second = events(2)
    sink.deliver([first])
    folder.rename(tmp_path / "moved")
    with pytest.raises(Undelivered, match="No such file") as caught:
        sink.deliver([second])
    assert not caught.value.is_refusal
    folder.mkdir()
    sink.deliver([second])
    sink.close()
    assert json.loads((folder / "out.jsonl").read_bytes())["id"] == second.id
