"""A lease that one relay of all machines holds: an expiring key in Redis or Valkey."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final
from uuid import uuid4

from nbincoming.errors import InboxUnavailable
from nbincoming.inbox.redis.store import RedisStore, Script

#: Seconds until the lease of a relay that died expires. A running relay renews it once a second.
LEASE_S: Final = 5.0

_RENEW: Final = Script("""
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
""")
_RELEASE: Final = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
""")


class RedisLease:
    """A key that expires, with the id of its holder.

    See :class:`~nbincoming.inbox.outbox.Lease`.
    """

    def __init__(self, store: RedisStore, place: str) -> None:
        self._store = store
        self._place = place
        self._me = uuid4().hex
        self._until_s = 0.0

    def renew(self) -> bool:
        """Take or keep the lease; return whether it is held."""
        asked_s = time.monotonic()  # before the server starts to count
        is_ours = self._store.call(_RENEW, [self._place], self._me, int(LEASE_S * 1_000))
        self._until_s = asked_s + LEASE_S if is_ours else 0.0
        return bool(is_ours)

    def is_held(self) -> bool:
        """Return whether the lease is held."""
        return time.monotonic() < self._until_s

    def release(self) -> None:
        """Release the lease."""
        self._until_s = 0.0
        with suppress(InboxUnavailable):  # it expires by itself
            self._store.call(_RELEASE, [self._place], self._me)
