"""An inbox in the memory of its process, for the notebook, replays and tests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice
from uuid import uuid4

from nbincoming.core.deduplication import is_duplicate, next_anchor_ms
from nbincoming.core.events import Event, event_id, event_of
from nbincoming.core.gateway import inbox_unavailable
from nbincoming.core.outcomes import (
    Accepted,
    Candidate,
    Claimed,
    Duplicate,
    Filtered,
    Outcome,
)

#: The number of keys at which expired ones are removed for the first time.
_PURGE_AT = 10_000


class MemoryInbox:
    """Keys in a dict, events in a deque; any thread may call.

    Parameters
    ----------
    max_events : int, optional
        How many events to keep, the newest ones, so that a notebook that runs for days does not
        fill the memory. With 0, no events are made.
    """

    def __init__(self, *, max_events: int | None = None) -> None:
        self._lock = threading.Lock()
        #: For each space and key: when it was first claimed, its anchor, its window.
        self._keys: dict[tuple[str, str], tuple[int, int, int]] = {}
        self._events: deque[Event] = deque(maxlen=max_events)
        self._keeps_events = max_events != 0
        self._accepted = 0
        self._purge_at = _PURGE_AT
        self._closed = False

    def claim(self, candidates: Sequence[Candidate]) -> list[Claimed]:
        """Claim keys and append events; see :class:`~nbincoming.inbox.protocol.Inbox`."""
        with self._lock:
            if self._closed:
                raise inbox_unavailable()
            return [self._claim(candidate) for candidate in candidates]

    def outcome_of(self, judged: Candidate | Outcome) -> Outcome:
        """Claim a candidate and return its outcome; return anything else as it is."""
        return self.claim([judged])[0] if isinstance(judged, Candidate) else judged

    def events(self, *, after: int = 0, limit: int = 1_000) -> list[tuple[int, Event]]:
        """Return events in order; see :class:`~nbincoming.inbox.protocol.Inbox`."""
        with self._lock:
            first = self._accepted - len(self._events)  # the sequence number before the oldest
            skip = max(after - first, 0)
            found = list(islice(self._events, skip, skip + limit))
        return list(enumerate(found, start=first + skip + 1))

    def clear(self) -> None:
        """Remove all keys and events."""
        with self._lock:
            self._keys.clear()
            self._events.clear()
            self._purge_at = _PURGE_AT

    def close(self) -> None:
        """Remove all keys and events; later claims are refused."""
        self.clear()
        self._closed = True

    def _claim(self, candidate: Candidate) -> Claimed:
        claim, now_ms = candidate.claim, candidate.request.received_at_ms
        if claim is not None:
            place = (claim.space, claim.key)
            entry = self._keys.get(place)
            if entry is not None:
                first_ms, anchor_ms, window_ms = entry
                if is_duplicate(now_ms, anchor_ms, claim.window_ms):
                    moved_ms = next_anchor_ms(claim.anchor, now_ms, anchor_ms)
                    self._keys[place] = first_ms, moved_ms, window_ms
                    return Duplicate(first_ms, anchor_ms)
            self._keys[place] = now_ms, now_ms, claim.window_ms
            if len(self._keys) >= self._purge_at:
                self._purge(now_ms)
        if not candidate.wanted:
            return Filtered()
        return Accepted(self._append(candidate) if self._keeps_events else None, candidate.triggers)

    def _append(self, candidate: Candidate) -> str:
        """Append the event of an accepted candidate; return its id."""
        claim, now_ms = candidate.claim, candidate.request.received_at_ms
        if claim is None:
            identity = uuid4().hex
        else:
            identity = event_id(candidate.integration, claim.key, now_ms)
        self._events.append(event_of(candidate, identity))
        self._accepted += 1
        return identity

    def _purge(self, now_ms: int) -> None:
        self._keys = {
            place: entry
            for place, entry in self._keys.items()
            if is_duplicate(now_ms, entry[1], entry[2])
        }
        # Purge again when the keys have doubled, so that the average cost of a claim is constant.
        self._purge_at = max(_PURGE_AT, 2 * len(self._keys))
