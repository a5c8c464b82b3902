"""Which inbox a URL names, and what is said of one that names none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.errors import NbIncomingError
from nbincoming.inbox.memory import MemoryInbox
from nbincoming.inbox.opening import (
    open_inbox,
    open_outbox,
    sqlite_path,
)
from nbincoming.inbox.protocol import InboxURLError
from nbincoming.inbox.redis.inbox import RedisInbox
from nbincoming.inbox.sqlite.inbox import SqliteInbox


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///inbox.db", "inbox.db"),
        ("sqlite:////var/lib/inbox.db", "/var/lib/inbox.db"),
        ("sqlite:///a%20b.db", "a b.db"),
    ],
)
def test_a_path_has_three_slashes_or_four(url: str, path: str) -> None:
    """Relative or absolute, as elsewhere."""
    assert sqlite_path(url) == path


def test_each_kind_is_opened_by_its_url(tmp_path: Path) -> None:
    """A server is not asked yet: it may be away."""
    for url, kind in (
        ("memory:", MemoryInbox),
        (f"sqlite:///{tmp_path}/inbox.db", SqliteInbox),
        ("redis://127.0.0.1:1/0", RedisInbox),
        ("valkey://127.0.0.1:1", RedisInbox),
    ):
        inbox = open_inbox(url)
        assert isinstance(inbox, kind)
        inbox.close()


@pytest.mark.parametrize(
    "url",
    ["", "inbox.db", "redis", "redis:", "redis:host", "postgres://me:sesame@host", "sqlite:x"],
)
def test_what_names_no_inbox_is_refused_with_what_would(url: str) -> None:
    """Not more of it is shown than its kind, since it may hold a password."""
    with pytest.raises(InboxURLError, match=r"sqlite:///inbox\.db") as caught:
        open_inbox(url)
    assert "sesame" not in str(caught.value)


def test_memory_keeps_nothing_to_be_delivered() -> None:
    """So that a relay has nothing to read."""
    with pytest.raises(InboxURLError, match="keeps no events"):
        open_outbox("memory:")


@given(
    st.sampled_from(["redis", "valkeys", "unix", "redis+cluster", "rediss+cluster", "postgres"]),
    st.sampled_from([":", "://", "://h:1/0?", "://[::1]:1,"]),
    st.text(max_size=20) | st.text("a1:,@/?#[]=&%", max_size=20),
)
def test_no_url_fails_otherwise(scheme: str, colon: str, rest: str) -> None:
    """Whatever stands behind the scheme."""
    try:
        inbox = open_inbox(f"{scheme}{colon}{rest}")
    except NbIncomingError:
        return
    inbox.close()
