"""The wizard in Voilà, as an app without a notebook, and in Notebook 7."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import WAIT_MS, Shot
from tests.browser.jupyter import Lab
from tests.browser.test_walk import card, define

CELL = """
import nbincoming as nbi
inc = nbi.Integration("complaints", folder={folder!r})
inc
"""


def api(lab: Lab, path: str, method: str = "GET") -> bytes:
    """Ask the Jupyter server."""
    request = urllib.request.Request(
        f"{lab.url}/api/{path}", headers={"Authorization": f"token {lab.token}"}, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
        return content


@pytest.fixture
def another(page: Page, lab: Lab) -> Iterator[Page]:
    """A page beside JupyterLab's, cut off from the network; the kernels it starts end with it."""
    before = {each["id"] for each in json.loads(api(lab, "kernels"))}
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(viewport={"width": 1000, "height": 1500})
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    # Voilà's page asks for an icon font from elsewhere, and must do without.
    opened.route(lambda url: not url.startswith(lab.url), lambda route: route.abort())
    yield opened
    context.close()
    for each in json.loads(api(lab, "kernels")):
        if each["id"] not in before:
            api(lab, f"kernels/{each['id']}", "DELETE")


def written(lab: Lab, name: str, folder: Path) -> str:
    """Write a notebook with the wizard in its one cell."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CELL.format(folder=str(folder)))]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, lab.directory / name)
    return name


def walk(page: Page, name: str, shot: Shot) -> None:
    """Receive the example, choose a key, publish."""
    wizard = page.locator(".nbi-wizard")
    expect(wizard.get_by_text("Draft", exact=True)).to_be_visible()
    incoming = define(wizard, "Incoming data")
    incoming.get_by_role("button", name="Send the example").click()
    expect(incoming.get_by_role("cell", name="body.complaint.customer.email")).to_be_visible()
    shot(f"wizard-{name}", wizard)
    dedup = define(wizard, "Deduplication hash generator")
    dedup.get_by_label("Parameter").fill("body.complaint.id")
    dedup.get_by_label("Parameter").press("Tab")
    dedup.get_by_role("button", name="Add", exact=True).click()
    expect(dedup.get_by_text("in 1 of 1 samples")).to_be_visible()
    dedup.get_by_role("button", name="Apply").click()
    define(wizard, "Publish").get_by_role("button", name="Save & publish").click()
    expect(wizard.get_by_text("Published v1", exact=True)).to_be_visible()


def test_the_wizard_is_an_app_in_voila(another: Page, lab: Lab, shot: Shot, tmp_path: Path) -> None:
    """The page has the wizard and no code, and it works from data to publishing."""
    name = written(lab, "voila.ipynb", tmp_path)
    another.goto(f"{lab.url}/voila/render/{name}?token={lab.token}")
    walk(another, "voila", shot)
    assert "import nbincoming" not in card(another.locator("body"), "Endpoint").inner_text()
    assert (tmp_path / "published" / "complaints.incoming.json").is_file()


def run_cell(page: Page) -> None:
    """Run the cell that has the cursor; what is pressed before the kernel is there is lost."""
    prompt = page.locator(".jp-Notebook-cell .jp-InputPrompt").first
    for _ in range(20):
        page.keyboard.press("Control+Enter")
        with contextlib.suppress(AssertionError):
            expect(prompt).not_to_have_text("[ ]:", timeout=3_000)
            return
    pytest.fail("The cell did not run within a minute.")


def test_the_wizard_works_in_notebook_7(
    another: Page, lab: Lab, shot: Shot, tmp_path: Path
) -> None:
    """From data to publishing, as in JupyterLab."""
    name = written(lab, "seven.ipynb", tmp_path)
    another.goto(f"{lab.url}/notebooks/{name}?token={lab.token}")
    another.locator(".jp-Notebook-cell .cm-content").click()
    expect(another.locator("text=/Python 3/").first).to_be_visible()
    run_cell(another)
    walk(another, "notebook", shot)
    assert (tmp_path / "published" / "complaints.incoming.json").is_file()
