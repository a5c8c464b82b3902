"""Every card, open and filled, in both themes; the pictures are for a person to judge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import barriers
from tests.browser.conftest import OpenNotebook, SetTheme, Shot
from tests.browser.test_walk import define

CELL = """
import os
import nbincoming as nbi
os.chdir({folder!r})  # so that the pictures show relative paths
from nbincoming.export.example import EXAMPLE_BODY as example
P = nbi.P
inc = nbi.Integration("complaints")
inc.authorization = nbi.jwt(secret="env:COMPLAINTS_JWT_KEY")
inc.set_secret("env:COMPLAINTS_JWT_KEY", nbi.new_secret())
inc.endpoint.open_window(90)
for number, priority in enumerate(["high", "low", "high", "normal", "high", "low"]):
    complaint = dict(example["complaint"], id=f"cmp-2024-{{number % 5}}", priority=priority)
    complaint["amount"] = 12345678901234567890 + number
    inc.endpoint.send_example(dict(example, complaint=complaint))
inc.deduplicate("body.complaint.id", "body.source")
inc.trigger("urgent", P.body.complaint.priority.is_in(["high", "normal"]))
inc.publish(changes="the first version")
inc.trigger("urgent", (P.body.complaint.priority == "high")
    & (P.body.complaint.amount > 100) & ~P.body.complaint.status.is_in(["closed", "spam"]))
inc.endpoint.close_window()
inc
"""


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_card_opens_in_both_themes(
    notebook: OpenNotebook,
    page: Page,
    theme: SetTheme,
    shot: Shot,
    axe: str,
    tmp_path: Path,
    name: Literal["light", "dark"],
) -> None:
    """Each card shows its form, filled, and axe-core finds no barrier in the wizard.

    The pictures show the whole wizard, and no path of this machine.
    """
    page.set_viewport_size({"width": 1340, "height": 2200})
    theme(name)
    try:
        opened = notebook([CELL.format(folder=str(tmp_path))])
        wizard = opened.output(0).locator(".nbi-wizard")
        for title, shown in SHOWN.items():
            found = define(wizard, title)
            expect(shown(found)).to_be_visible()
            page.mouse.move(0, 0)
            assert str(tmp_path) not in wizard.inner_text()
            assert height(wizard) < height(page.locator(NOTEBOOK))  # or it would be cut off
            shot(f"wizard-{title.split()[0].lower()}-{name}", wizard)
            assert barriers(page, axe, ".nbi-wizard") == []
    finally:
        page.set_viewport_size({"width": 1280, "height": 900})


#: The part of the page that scrolls.
NOTEBOOK = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer"


def height(part: Locator) -> float:
    """Measure a part of the page, in pixels."""
    box = part.bounding_box()
    assert box is not None
    return box["height"]


#: What shows that a card's form is there and filled.
SHOWN: dict[str, Callable[[Locator], Locator]] = {
    "Endpoint": lambda found: found.get_by_text("has a value. It never leaves this kernel."),
    "Incoming data": lambda found: found.get_by_role("cell", name="12345678901234567895"),
    "Deduplication hash generator": lambda found: found.get_by_text("5 new, answered 200"),
    "Conditions": lambda found: found.get_by_text("urgent matches 3 of 6 samples"),
    "Publish": lambda found: found.get_by_text("1 sample with another outcome"),
}
