"""API keys in memory and in a file: one contract, and what only a file can get wrong."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nbincoming.api_keys import ApiKeyError, KeyFile, KeyRing
from nbincoming.core.auth.login import find_key
from nbincoming.core.auth.tokens import PERMISSION

NOW_MS = 1_795_000_000_000


@pytest.fixture(params=["memory", "file"])
def ring(request: pytest.FixtureRequest, tmp_path: Path) -> KeyRing:
    """API keys in either place."""
    return KeyRing() if request.param == "memory" else KeyFile(tmp_path / "in" / "keys.json")


def test_there_are_none_to_begin_with(ring: KeyRing) -> None:
    """A missing file means no keys."""
    assert ring.records() == ()


def test_a_key_is_known_by_its_hash(ring: KeyRing) -> None:
    """The key is returned, and its record contains only the hash."""
    key = ring.add("crm", now_ms=NOW_MS)
    (record,) = ring.records()
    assert find_key(key, ring.records()) == record
    assert (record.name, record.created_at_ms) == ("crm", NOW_MS)
    assert record.permissions == (PERMISSION,)
    assert key not in str(record.data())


def test_keys_are_listed_oldest_first(ring: KeyRing) -> None:
    """The keys are in the order in which they were made."""
    made = [ring.add(name, now_ms=NOW_MS, permissions=[name]) for name in "bac"]
    assert [(each.name, each.permissions) for each in ring.records()] == [
        (name, (name,)) for name in "bac"
    ]
    assert len(set(made)) == 3


def test_a_revoked_key_is_unknown(ring: KeyRing) -> None:
    """The other keys stay in force, and the name can be used again."""
    gone, kept = ring.add("a", now_ms=1), ring.add("b", now_ms=2)
    ring.revoke("a")
    assert find_key(gone, ring.records()) is None
    assert find_key(kept, ring.records()) is not None
    assert find_key(ring.add("a", now_ms=3), ring.records()) is not None


def test_a_name_is_of_one_key(ring: KeyRing) -> None:
    """A second key with the same name is refused, and nothing changes."""
    key = ring.add("crm", now_ms=1)
    with pytest.raises(ApiKeyError, match="named 'crm' exists already"):
        ring.add("crm", now_ms=2)
    assert find_key(key, ring.records()) is not None
    assert len(ring.records()) == 1


def test_revoking_a_key_that_is_not_there_names_those_that_are(ring: KeyRing) -> None:
    """The name may be misspelled, and the key that was meant would stay in force."""
    with pytest.raises(ApiKeyError, match="The keys in force are: none"):
        ring.revoke("crm")
    ring.add("crm", now_ms=1)
    with pytest.raises(
        ApiKeyError, match=r"No API key is named 'cmr'\. The keys in force are: 'crm'"
    ):
        ring.revoke("cmr")


@pytest.mark.parametrize("name", ["", "x" * 81])
def test_a_name_that_none_can_have_is_refused(ring: KeyRing, name: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(ApiKeyError, match="name"):
        ring.add(name, now_ms=1)
    assert ring.records() == ()


def test_a_file_reads_back_elsewhere(tmp_path: Path) -> None:
    """Another process that reads the file sees each change."""
    path = tmp_path / "keys.json"
    writer, reader = KeyFile(path), KeyFile(path)
    key = writer.add("crm", now_ms=1)
    assert find_key(key, reader.records()) is not None
    writer.revoke("crm")
    assert reader.records() == ()
    path.unlink()
    assert writer.records() == ()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes.")
def test_a_file_is_its_owners(tmp_path: Path) -> None:
    """The file is readable only by its owner."""
    path = tmp_path / "keys.json"
    KeyFile(path).add("crm", now_ms=1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


DAMAGED = {
    "": "not valid JSON",
    "{": "not valid JSON",
    "[]": "Correct these places: the whole file.",
    "{}": "Correct these places: keys.",
    '{"keys": [], "more": 1}': "Correct these places: more.",
    '{"keys": [], "schema_version": 2}': "Correct these places: schema_version.",
    '{"keys": [{"name": "x", "sha256": "sesame", "created_at_ms": 0}]}': "keys[0].sha256",
    '{"keys": [], "keys": []}': "not valid JSON",
}


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_is_refused_with_the_place(tmp_path: Path, text: str) -> None:
    """Reading and changing raise an error that quotes nothing, and the file stays as it is."""
    path = tmp_path / "keys.json"
    path.write_text(text)
    for use in (KeyFile(path).records, lambda: KeyFile(path).add("crm", now_ms=1)):
        with pytest.raises(ApiKeyError) as caught:
            use()
        assert DAMAGED[text] in str(caught.value)
        assert "sesame" not in str(caught.value)
    assert path.read_text() == text


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """The error contains the message of the system."""
    with pytest.raises(ApiKeyError, match="cannot be read: Is a directory"):
        KeyFile(tmp_path).records()
    (tmp_path / "plain").touch()
    with pytest.raises(ApiKeyError, match=r"cannot be (read|written)"):
        KeyFile(tmp_path / "plain" / "keys.json").add("crm", now_ms=1)


ADD_TWENTY = """
import sys
from nbincoming.api_keys import KeyFile

for number in range(20):
    KeyFile(sys.argv[1]).add(f"{sys.argv[2]}-{number}", now_ms=number)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no lock on a folder.")
def test_keys_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    """Two processes that add at once do not undo each other's work."""
    path = tmp_path / "keys.json"
    adding = [
        subprocess.Popen([sys.executable, "-c", ADD_TWENTY, str(path), name]) for name in "ab"
    ]
    assert [each.wait(60) for each in adding] == [0, 0]
    names = {record.name for record in KeyFile(path).records()}
    assert names == {f"{name}-{number}" for name in "ab" for number in range(20)}
    assert list(tmp_path.iterdir()) == [path]
    assert json.loads(path.read_text())["schema_version"] == 1
