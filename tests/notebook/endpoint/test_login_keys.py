"""The API keys of an integration."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbincoming.api_keys import ApiKeyError
from nbincoming.core.auth.login import find_key
from nbincoming.notebook.endpoint.login_keys import LoginKeys


@pytest.fixture
def changes() -> list[str]:
    """What the keys report."""
    return []


@pytest.fixture
def keys(changes: list[str]) -> LoginKeys:
    """No keys yet."""
    return LoginKeys(lambda: changes.append("changed"))


def test_a_key_is_returned_once_and_kept_as_its_hash(keys: LoginKeys) -> None:
    """Its record finds the key, and neither it nor the repr contains it."""
    key = keys.add("crm")
    (record,) = keys
    assert find_key(key, keys) == record
    assert key not in f"{record!r} {keys!r}"
    assert repr(keys) == "<LoginKeys: crm>"


def test_revoking_removes_a_key(keys: LoginKeys, changes: list[str]) -> None:
    """An unknown name is an error; each change is reported."""
    keys.add("crm")
    keys.add("shop")
    keys.revoke("crm")
    assert [record.name for record in keys] == ["shop"]
    assert len(keys) == 1
    with pytest.raises(ApiKeyError, match="No API key is named 'crm'"):
        keys.revoke("crm")
    assert len(changes) == 3


def test_keys_in_a_file_are_those_of_everybody_who_reads_it(
    keys: LoginKeys, tmp_path: Path
) -> None:
    """Keys of the session are not copied into it; another reader sees the same keys."""
    keys.add("session")
    keys.keep_in(tmp_path / "keys.json")
    assert list(keys) == []
    keys.add("crm")
    others = LoginKeys(lambda: None)
    others.keep_in(tmp_path / "keys.json")
    assert [record.name for record in others] == ["crm"]


def test_a_file_that_is_not_one_of_keys_is_refused(keys: LoginKeys, tmp_path: Path) -> None:
    """The keys stay as they were."""
    keys.add("session")
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(ApiKeyError, match="not a file of API keys"):
        keys.keep_in(tmp_path / "keys.json")
    assert [record.name for record in keys] == ["session"]
