"""What is in force, and when it is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbincoming.serve.catalogue import Catalogue, CatalogueError
from nbincoming.serve.reload import Reloader
from tests.serve.running import publish


def test_a_file_that_changed_is_seen_once(tmp_path: Path) -> None:
    """Also when what it says now was refused: it is not tried again until it changes again."""
    path = publish(tmp_path)

    def load() -> Catalogue:
        raise CatalogueError(["It is broken."])

    reloader = Reloader([str(tmp_path)], load, {})
    assert not reloader.has_changed()
    path.write_text("{")
    assert reloader.has_changed()
    reloader.reload()
    assert not reloader.has_changed()


def test_a_new_and_a_removed_file_are_changes(tmp_path: Path) -> None:
    """A folder is watched, not just the files that were there."""
    reloader = Reloader([str(tmp_path)], dict, {})
    path = publish(tmp_path)
    assert reloader.has_changed()
    reloader.reload()
    path.unlink()
    assert reloader.has_changed()


def test_what_is_refused_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The old is kept, the reasons are logged, and it is known that the files say otherwise."""
    before: Catalogue = {}
    answers: list[Catalogue | Exception] = [CatalogueError(["It is broken."]), {}]

    def load() -> Catalogue:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    reloader = Reloader([], load, before)
    reloader.reload()
    assert reloader.catalogue is before
    assert not reloader.is_current
    assert caplog.records[0].fields == {"reasons": ("It is broken.",)}  # type: ignore[attr-defined]
    reloader.reload()
    assert reloader.catalogue is not before
    assert reloader.is_current
