"""An integration's icon: an emoji, or an image in the spec itself."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from nbincoming.core.spec.model import MAX_ICON
from nbincoming.errors import NbIncomingError, SpecError
from nbincoming.notebook.wizard.icons import icon_of, is_image
from tests.notebook.conftest import Make
from tests.notebook.wizard.clicking import Page, text_of

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def test_an_image_becomes_an_icon(make: Make, tmp_path: Path) -> None:
    """From its file; the header of the wizard shows it."""
    path = tmp_path / "icon.png"
    path.write_bytes(PNG)
    inc = make()
    inc.icon = path
    assert is_image(inc.icon)
    assert f'src="{inc.icon}"' in text_of(Page(inc).widget)


def test_an_emoji_is_an_icon(make: Make) -> None:
    """As before; it is no image."""
    inc = make()
    inc.icon = "🧯"
    assert inc.draft.icon == "🧯"
    assert not is_image(inc.icon)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"hello", "Choose a PNG"), (PNG + b"x" * MAX_ICON, "make it smaller")],
)
def test_what_is_no_icon_is_a_problem(content: bytes, words: str) -> None:
    """The message says what is one."""
    with pytest.raises(NbIncomingError, match=words):
        icon_of(content)


@pytest.mark.parametrize(
    "icon",
    ["x" * 17, "data:text/html;base64,eA==", "https://example.com/icon.png", "data:image/png,abc"],
)
def test_a_spec_takes_no_other_text(make: Make, icon: str) -> None:
    """Above all nothing that a page would load or run."""
    with pytest.raises(SpecError, match="An icon is an emoji"):
        make().icon = icon
