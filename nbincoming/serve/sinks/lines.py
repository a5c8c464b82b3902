"""Sinks that write one JSON text a line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from nbincoming.core.events import Event
from nbincoming.serve.sinks import SinkError, Undelivered, event_json


class StdoutSink:
    """Standard output, for a pipe."""

    batch = 100

    def deliver(self, events: Sequence[Event]) -> None:
        """Write events."""
        try:
            for event in events:
                sys.stdout.write(event_json(event) + "\n")
            sys.stdout.flush()
        except OSError as error:
            raise Undelivered(f"Standard output: {error.strerror}") from error

    def close(self) -> None:
        """Nothing to let go of."""


class JsonlSink:
    """A file that grows.

    What a crash left of a line is ended when the file is opened, so that no event is joined
    to it; whoever reads passes over a line that is no JSON.
    """

    batch = 100

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._handle = -1
        self._open()  # so that a wrong path shows at the start

    def deliver(self, events: Sequence[Event]) -> None:
        """Append events; they are on the disk when it returns."""
        try:
            if self._handle < 0:
                self._open()
            data = "".join(event_json(event) + "\n" for event in events).encode()
            while data:
                data = data[os.write(self._handle, data) :]
            os.fsync(self._handle)
        except OSError as error:
            self.close()  # opened again, which ends a line that was cut
            raise Undelivered(f"{self._path}: {error.strerror}") from error
        except SinkError as error:
            raise Undelivered(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _open(self) -> None:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise SinkError(f"{self._path} cannot be written: {error.strerror}.") from None
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            os.write(handle, b"\n")
        self._handle = handle
