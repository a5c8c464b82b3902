"""What becomes of a wizard when its cell, tab, kernel or notebook comes and goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from nbincoming.export.example import EXAMPLE_BODY
from tests.browser.conftest import OpenNotebook
from tests.browser.jupyter import KERNEL_IDLE, OPEN, execute
from tests.browser.test_walk import URL, card, curl, define

KEY = "sesame-open-sesame-open-sesame-open"
CLOSE_TAB = """() => {
    const widget = window.jupyterapp.shell.currentWidget;
    widget.context.model.dirty = false;
    widget.dispose();
}"""


def made(folder: Path, name: str) -> str:
    """Write the cell that shows a wizard."""
    return f"import nbincoming as nbi\ninc = nbi.Integration({name!r}, folder={str(folder)!r})\ninc"


def test_running_the_cell_again_and_two_displays_show_one_state(
    notebook: OpenNotebook, tmp_path: Path
) -> None:
    """Same URL, same samples; a click in one display shows in the other."""
    opened = notebook([made(tmp_path, "twice"), "inc", "inc.endpoint.send_example()"], run=False)
    opened.run(0)
    first = opened.output(0).locator(".nbi-wizard")
    define(first, "Incoming data").get_by_role("button", name="Retrieve data").click()
    opened.run(2)
    url = URL.search(first.inner_text())
    assert url is not None
    opened.run(0)
    opened.run(1)
    second = opened.output(1).locator(".nbi-wizard")
    for wizard in (first, second):
        expect(card(wizard, "Incoming data").get_by_text("1 request, ")).to_be_visible()
        expect(wizard).to_contain_text(url[0])
    card(second, "Incoming data").get_by_role("button", name="Stop").click()
    expect(card(first, "Incoming data").get_by_text("1 request retrieved.")).to_be_visible()


def test_a_closed_tab_comes_back_to_the_same_capture(
    notebook: OpenNotebook, page: Page, tmp_path: Path
) -> None:
    """While it was closed the kernel captured on; opened again and re-run, all is there."""
    opened = notebook([made(tmp_path, "closed")])
    wizard = opened.output(0).locator(".nbi-wizard")
    define(wizard, "Incoming data").get_by_role("button", name="Retrieve data").click()
    expect(wizard.get_by_text("Retrieving data", exact=True)).to_be_visible()
    url = URL.search(wizard.inner_text())
    assert url is not None
    opened.saved()
    page.evaluate(CLOSE_TAB)
    assert curl(url[0], EXAMPLE_BODY) == 200
    page.evaluate(OPEN, opened.path.name)
    page.wait_for_function(KERNEL_IDLE)
    opened.run(0)
    wizard = opened.output(0).locator(".nbi-wizard")
    expect(wizard).to_contain_text(url[0])
    expect(card(wizard, "Incoming data").get_by_text("1 request, ")).to_be_visible()


def test_a_restarted_kernel_starts_from_the_saved_draft(
    notebook: OpenNotebook, page: Page, tmp_path: Path
) -> None:
    """Samples and secrets are gone, what was saved is there, and the old port is free."""
    opened = notebook([made(tmp_path, "again"), "inc.deduplicate('body.id')\ninc.save()"])
    wizard = opened.output(0).locator(".nbi-wizard")
    expect(wizard.get_by_text("body.id within 7 days")).to_be_visible()
    url = URL.search(wizard.inner_text())
    assert url is not None
    page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    opened.run(0)
    wizard = opened.output(0).locator(".nbi-wizard")
    expect(wizard.get_by_text("body.id within 7 days")).to_be_visible()
    again = URL.search(wizard.inner_text())
    assert again is not None
    assert again[0].partition("/automation")[2] == url[0].partition("/automation")[2]
    assert curl(again[0], EXAMPLE_BODY) == 404


def test_an_interrupt_ends_retrieving_and_not_the_endpoint(
    notebook: OpenNotebook, page: Page, tmp_path: Path
) -> None:
    """The cell ends with KeyboardInterrupt, the window closes, and the endpoint answers."""
    opened = notebook([made(tmp_path, "stopped"), "inc.retrieve(60)"], run=False)
    opened.run(0)
    wizard = opened.output(0).locator(".nbi-wizard")
    opened.run(1, wait=False)
    expect(wizard.get_by_text("Retrieving data", exact=True)).to_be_visible()
    execute(page, "notebook:interrupt-kernel")
    expect(wizard.get_by_text("Draft", exact=True)).to_be_visible()
    expect(opened.output(1).last).to_contain_text("KeyboardInterrupt")
    url = URL.search(wizard.inner_text())
    assert url is not None
    assert curl(url[0], EXAMPLE_BODY) == 404


@pytest.mark.parametrize("widget_state", [False, True])
def test_no_secret_is_in_the_saved_notebook(
    notebook: OpenNotebook, page: Page, tmp_path: Path, widget_state: bool
) -> None:
    """Typed, applied, used by a sender, and saved; with the state of widgets or without."""
    if widget_state:
        execute(page, "@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    try:
        opened = notebook(
            [made(tmp_path, "secret"), "print(inc.endpoint.send_example())"], run=False
        )
        opened.run(0)
        wizard = opened.output(0).locator(".nbi-wizard")
        endpoint = define(wizard, "Endpoint")
        endpoint.get_by_label("Authorization").select_option("JWT authorization")
        value = endpoint.get_by_label("Its value (kept in memory only)").first
        value.fill(KEY)
        value.press("Tab")
        endpoint.get_by_role("button", name="Apply").click()
        expect(card(wizard, "Endpoint").get_by_text("JWT authorization (HS256)")).to_be_visible()
        define(wizard, "Incoming data").get_by_role("button", name="Retrieve data").click()
        opened.run(1)
        expect(opened.output(1)).to_have_text("200")
        expect(wizard.get_by_role("cell", name="body.complaint.customer.email")).to_be_visible()
        text = json.dumps(opened.saved())
    finally:
        if widget_state:
            execute(page, "@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    assert ("application/vnd.jupyter.widget-state+json" in text) == widget_state
    assert KEY not in text
    assert "eyJ" not in text  # as every token starts
