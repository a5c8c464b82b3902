"""Heads of requests that came before: what the parser made of the same bytes.

A sender's heads are alike to the last byte for as long as his token is good, but for a length
of which there are few. Parsing is a third of what a request costs before it is judged, and
looking a head up is nothing beside it. What is here was parsed once as a whole, from a fresh
start to its end; the same bytes from a fresh start cannot mean something else.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from nbincoming.core.message import KnownHeaders

_END: Final = b"\r\n\r\n"

#: Longer ones are not worth the memory: it has room for 1,024.
_MOST_BYTES: Final = 2_048
_MOST: Final = 1_024


class Head(NamedTuple):
    """A head without its body.

    Attributes
    ----------
    method, target : str
        As :class:`~nbincoming.core.message.Request` has them.
    headers : KnownHeaders
        As they came.
    body_bytes : int
        How many bytes follow, by its Content-Length.
    """

    method: str
    target: str
    headers: KnownHeaders
    body_bytes: int


class Heads:
    """Heads by their bytes, of one process."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def find(self, data: bytes) -> tuple[Head, bytes] | None:
        """Take bytes apart into a head that is known and its whole body, and nothing after it."""
        end = data.find(_END) + len(_END)
        head = self._known.get(data[:end])
        if head is None or len(data) - end != head.body_bytes:
            return None
        return head, data[end:]

    def remember(self, data: bytes, head: Head) -> None:
        """Remember the head of a request that the parser took as one with its body.

        Parameters
        ----------
        data
            All bytes that the parser was given from the end of the last request to that of
            this one. If they are no head with a body of that length, it is not remembered:
            there may be chunks, or line feeds before the request.
        head
            What the parser made of it.
        """
        end = data.find(_END) + len(_END)
        if len(data) - end != head.body_bytes or end > _MOST_BYTES:
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[data[:end]] = head
