"""Sinks that write one JSON text a line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from nbincoming.core.events import Event
from nbincoming.relay.sinks.address import SinkAddress
from nbincoming.relay.sinks.sink import SinkError, Undelivered, event_json

#: The file descriptor of standard output. Python's stream would keep unwritten data in its buffer
#: and write it later.
STDOUT: Final = 1


class StdoutSink:
    """Standard output, for a pipe to another program."""

    batch = 100
    max_threads = 1

    def __init__(self, address: SinkAddress, secret: bytes | None) -> None:
        if address.path or secret:
            raise SinkError("The sink stdout takes no path and no secret. Write stdout.")
        self._is_torn = False

    def deliver(self, events: Sequence[Event]) -> None:
        """Write events."""
        data = _lines(events)
        try:
            _write(STDOUT, b"\n" + data if self._is_torn else data)
        except OSError as error:
            self._is_torn = True  # perhaps within a line; readers skip an empty line
            raise Undelivered(f"Standard output: {error.strerror}") from error
        self._is_torn = False

    def close(self) -> None:
        """Do nothing: standard output stays open."""


class JsonlSink:
    """A file that grows.

    If a crash cut the last line short, the sink ends that line when it opens the file, so that
    the next event starts a new one. Readers must skip lines that are not JSON. If the file was
    moved or deleted, as by logrotate, the sink makes a new one before the next delivery.
    """

    batch = 100
    max_threads = 1

    def __init__(self, address: SinkAddress, secret: bytes | None) -> None:
        if not address.path or secret:
            raise SinkError("The sink jsonl needs a path and takes no secret. Write jsonl:PATH.")
        self._path = Path(address.path)
        self._handle = -1
        try:
            self._open()  # so that a wrong path is refused at the start
        except OSError as error:
            raise SinkError(f"{self._path} cannot be written: {error.strerror}.") from None

    def deliver(self, events: Sequence[Event]) -> None:
        """Append events, and return when they are on the disk."""
        data = _lines(events)
        try:
            if not self._is_in_place():
                self.close()
                self._open()
            _write(self._handle, data)
            os.fsync(self._handle)
        except OSError as error:
            with contextlib.suppress(OSError):
                self.close()  # to open it again ends a line that was cut short
            raise Undelivered(f"{self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _is_in_place(self) -> bool:
        """Return whether the file is open, and still the one at the path."""
        try:
            return self._handle >= 0 and os.path.samestat(os.fstat(self._handle), self._path.stat())
        except FileNotFoundError:
            return False

    def _open(self) -> None:
        handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                os.write(handle, b"\n")
        except OSError:
            os.close(handle)
            raise
        self._handle = handle


def _lines(events: Sequence[Event]) -> bytes:
    return b"".join(event_json(event) + b"\n" for event in events)


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
