"""Open the inbox that a URL names."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from nbincoming.errors import MissingExtra
from nbincoming.inbox.protocol import InboxURLError

if TYPE_CHECKING:
    from nbincoming.inbox.outbox import Outbox
    from nbincoming.inbox.protocol import Inbox
    from nbincoming.inbox.sqlite.open_files import FileId

_SERVERS = ("redis", "rediss", "valkey", "valkeys")
_REDIS = (*_SERVERS, "unix", *(f"{scheme}+cluster" for scheme in _SERVERS))


def open_inbox(url: str, file: FileId | None = None) -> Inbox:
    """Open the inbox that a URL names.

    Parameters
    ----------
    url
        ``sqlite:///inbox.db`` (relative), ``sqlite:////var/lib/inbox.db`` (absolute),
        ``redis://host:6379/0``, ``redis+cluster://host:6379`` or ``memory:``.
    file
        From :func:`inbox_file`: which file a ``sqlite:`` URL must lead to. The inbox is then
        opened on first use, as one on a server is.

    Raises
    ------
    InboxURLError, InboxError, MissingExtra
        If the URL names no inbox, the store cannot be used, or its client is not installed.
    """
    scheme = _scheme(url)
    if scheme == "memory":
        from nbincoming.inbox.memory import MemoryInbox

        return MemoryInbox(max_events=0)  # no other process could read its events
    if scheme == "sqlite":
        from nbincoming.inbox.sqlite.inbox import SqliteInbox

        return SqliteInbox(sqlite_path(url), file=file)
    _need_redis()
    from nbincoming.inbox.redis.inbox import RedisInbox

    return RedisInbox(url)


def open_outbox(url: str, file: FileId | None = None) -> Outbox:
    """Open the part of an inbox that a relay reads; see :func:`open_inbox`."""
    scheme = _scheme(url)
    if scheme == "memory":
        raise InboxURLError(
            "The inbox memory: keeps no events for sinks. Give sqlite:///inbox.db or redis://host."
        )
    if scheme == "sqlite":
        from nbincoming.inbox.sqlite.outbox import SqliteOutbox

        return SqliteOutbox(sqlite_path(url), file=file)
    _need_redis()
    from nbincoming.inbox.redis.outbox import RedisOutbox

    return RedisOutbox(url)


def inbox_file(url: str) -> FileId | None:
    """Return which file a ``sqlite:`` URL leads to; None for any other URL."""
    if _scheme(url) != "sqlite":
        return None
    from nbincoming.inbox.sqlite.open_files import file_id

    return file_id(sqlite_path(url))


def sqlite_path(url: str) -> str:
    """Return the path in a ``sqlite:`` URL: relative after three slashes, absolute after four."""
    path = unquote(urlsplit(url).path)[1:]
    if not url.startswith("sqlite:///") or not path:
        raise InboxURLError(
            f"{url!r} names no file. Write sqlite:///inbox.db, or sqlite:////var/lib/inbox.db for "
            "an absolute path."
        )
    return path


def _scheme(url: str) -> str:
    scheme = url.partition(":")[0].lower()
    if scheme in ("memory", "sqlite"):
        return scheme
    if scheme in _REDIS and url[len(scheme) :].startswith("://"):
        return "redis"
    # Quote only the scheme, because a URL may contain a password.
    raise InboxURLError(
        f"{scheme[:20]!r} is not a kind of inbox. Give sqlite:///inbox.db, redis://host, "
        "redis+cluster://host or memory:."
    )


def _need_redis() -> None:
    if importlib.util.find_spec("redis") is None:
        raise MissingExtra("A Redis inbox", "redis")
