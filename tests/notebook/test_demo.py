"""The walk in the terminal: each step with its expected outcome, whatever happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbincoming.core.examples import check_examples
from nbincoming.errors import NbIncomingError
from nbincoming.files import load
from nbincoming.notebook import demo
from nbincoming.notebook.integration import Integration


@pytest.fixture
def said() -> list[str]:
    """The lines that were printed."""
    return []


def test_every_step_has_its_outcome(said: list[str], tmp_path: Path) -> None:
    """All of it goes well, in order, and what was published is kept."""
    assert demo.run(said.append, tmp_path)
    text = "\n".join(said)
    assert "✗" not in text
    order = ["duplicate: 204", "Without a token: 401", "lacks the permission: 403", "filtered: 200"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    spec = load(tmp_path / "published" / "complaints-demo.incoming.json")
    assert check_examples(spec) == []


def test_nothing_is_left_running(said: list[str], tmp_path: Path) -> None:
    """The integration of the demo is closed."""
    demo.run(said.append, tmp_path)
    assert demo.NAME not in Integration._living


def test_without_a_folder_it_makes_one(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says where the file is."""
    monkeypatch.setattr(demo.tempfile, "mkdtemp", lambda **_: str(tmp_path / "made"))
    assert demo.run(said.append)
    assert str(tmp_path / "made") in "\n".join(said)


def test_a_folder_that_has_one_is_refused(said: list[str], tmp_path: Path) -> None:
    """There the published version would answer, and half of the steps would go wrong."""
    demo.run(said.append, tmp_path)
    with pytest.raises(NbIncomingError, match="Name another folder"):
        demo.run(said.append, tmp_path)


def test_no_secret_is_printed(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shown may be pasted into a chat."""
    monkeypatch.setattr(demo, "new_secret", lambda: "sesame-open-sesame-open-sesame-open")
    assert demo.run(said.append, tmp_path)
    assert "sesame" not in "\n".join(said)


def test_an_outcome_that_is_not_expected_is_told(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not stop the walk, and the end says so."""
    real = demo.post
    monkeypatch.setattr(demo, "post", lambda url, body, headers: real(url, body, headers) + 1)
    assert not demo.run(said.append, tmp_path)
    text = "\n".join(said)
    assert "✗ The request with a token: 201, not 200" in text
    assert "Not everything was as expected" in text
    assert demo.NAME not in Integration._living
