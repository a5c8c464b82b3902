"""The wizard by keyboard alone, from a new integration to a published one."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from nbincoming import files
from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import KERNEL_IDLE
from tests.browser.test_walk import card

#: What has the focus, as assistive technology names it.
FOCUSED = """() => {
    const it = document.activeElement, label = it.labels?.[0]?.textContent;
    const heading = it.closest('.nbi-card')?.querySelector('[role=heading]')?.textContent ?? '';
    return [heading, it.ariaLabel ?? label ?? it.textContent.trim()];
}"""


def tab_to(page: Page, card_name: str, name: str, *, steps: int = 60) -> None:
    """Press Tab until something of this name in this card has the focus.

    First it must be there, and the kernel idle: the kernel draws an opened card piece by
    piece, and Tab would pass where a piece is still missing.
    """
    wizard = page.locator(".nbi-wizard")
    inside = card(wizard, card_name)
    wanted = inside.get_by_role("button", name=name).or_(inside.get_by_label(name))
    expect(wanted.first).to_be_visible()
    page.wait_for_function(KERNEL_IDLE)
    passed = []
    for _ in range(steps):
        heading, found = page.evaluate(FOCUSED)
        if heading == card_name and found.startswith(name):
            return
        passed.append(f"{heading}: {found[:30]}")
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {name!r} in {card_name!r}, but {passed}")


def press(page: Page, card_name: str, name: str, key: str = "Enter") -> None:
    """Go to a button and press it; wait until Apply or Close has closed its card."""
    tab_to(page, card_name, name)
    page.keyboard.press(key)
    if name in ("Apply", "Close"):
        closed = card(page.locator(".nbi-wizard"), card_name).get_by_role("button", name="Define")
        expect(closed).to_be_visible()


def test_from_creation_to_publishing_without_a_mouse(
    notebook: OpenNotebook, page: Page, tmp_path: Path
) -> None:
    """Tab, Enter, Space and typing reach and do everything, and each stop has a name."""
    cell = f"import nbincoming as nbi\nnbi.Integration('keys', folder={str(tmp_path)!r})"
    wizard = notebook([cell]).output(0).locator(".nbi-wizard")
    expect(wizard.get_by_text("Draft", exact=True)).to_be_visible()
    wizard.get_by_role("button", name="Copy URL").focus()  # where Tab from the cell arrives

    press(page, "Incoming data", "Define")
    expect(card(wizard, "Incoming data").get_by_text("No requests yet")).to_be_visible()
    press(page, "Incoming data", "Send the example")
    expect(wizard.get_by_role("cell", name="body.complaint.customer.email")).to_be_visible()
    press(page, "Incoming data", "Close", "Space")

    press(page, "Deduplication hash generator", "Define")
    tab_to(page, "Deduplication hash generator", "Parameter")
    page.keyboard.type("body.complaint.id")
    press(page, "Deduplication hash generator", "Add")
    expect(wizard.get_by_text("in 1 of 1 samples, 1 distinct")).to_be_visible()
    press(page, "Deduplication hash generator", "Apply")

    press(page, "Conditions", "Define")
    tab_to(page, "Conditions", "Parameter")
    page.keyboard.type("body.complaint.priority")
    page.keyboard.press("Tab")  # the kernel draws the value anew for the parameter's type
    said = "body.complaint.priority equals"
    expect(card(wizard, "Conditions")).to_contain_text(said)
    tab_to(page, "Conditions", "Value")
    page.keyboard.type("high")
    page.keyboard.press("Tab")
    expect(wizard.get_by_text("urgent matches 1 of 1 samples")).to_be_visible()
    press(page, "Conditions", "Apply")

    press(page, "Publish", "Define")
    press(page, "Publish", "Save & publish")
    expect(wizard.get_by_text("Published v1", exact=True)).to_be_visible()
    spec = files.load(tmp_path / "published" / "keys.incoming.json")
    assert [each.name for each in spec.triggers] == ["urgent"]
