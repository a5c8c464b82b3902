"""Fixtures for JupyterLab in a real Chromium: one server and one page, many notebooks.

Server and page live as long as this package's tests, not as the session: while it
runs, Playwright's synchronous API keeps an event loop in the main thread, and
``asyncio.run`` would fail in every other test.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, Request, expect, sync_playwright

from tests.browser.axe import VERSION, script
from tests.browser.jupyter import Lab, Notebook, execute, find_chromium, running_lab

CHROMIUM_ARGS = [
    "--no-sandbox",  # the sandbox cannot start as root in a container
    "--disable-gpu",
    # nothing of Chromium's own may reach for the network
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]

#: Only a bound: a busy machine takes long to start a kernel or to draw a page.
WAIT_MS = 60_000
expect.set_options(timeout=WAIT_MS)

OpenNotebook = Callable[..., Notebook]
Shot = Callable[..., Path]
SetTheme = Callable[[Literal["light", "dark"]], None]


@pytest.hookimpl(tryfirst=True)  # before the order of the tests is made from the marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this package as a browser test."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def chromium() -> str:
    """The Chromium to drive; without one the tests skip, or fail where they must not."""
    if found := find_chromium():
        return found
    reason = "no Chromium on PATH: install one, or set NBINCOMING_CHROMIUM to its path"
    if os.environ.get("NBINCOMING_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="package")
def axe() -> str:
    """The code of axe-core; without it the tests skip, or fail where they must not."""
    if code := script():
        return code
    reason = f"no axe-core {VERSION}: npm is missing, or cannot reach its registry"
    if os.environ.get("NBINCOMING_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="package")
def lab(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab server of the tests' own."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="package")
def outside() -> list[str]:
    """URLs the page asked for that are not on this machine."""
    return []


@pytest.fixture(scope="package")
def page(chromium: str, lab: Lab, outside: list[str]) -> Iterator[Page]:
    """JupyterLab's page, loaded once."""

    def note(request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and url.hostname not in ("127.0.0.1", "localhost"):
            outside.append(request.url)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(WAIT_MS)
        page.on("request", note)
        page.goto(f"{lab.url}/lab?token={lab.token}&reset")
        page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
        yield page
        browser.close()


@pytest.fixture(autouse=True)
def offline(outside: list[str]) -> Iterator[None]:
    """Fail the test whose page reached beyond this machine."""
    yield
    reached, outside[:] = list(outside), []
    assert reached == []


@pytest.fixture
def notebook(lab: Lab, page: Page, request: pytest.FixtureRequest) -> Iterator[OpenNotebook]:
    """Open a notebook: ``notebook([cell, ...], run=True)``; its kernel ends with the test."""
    opened: list[Notebook] = []

    def open_notebook(cells: list[str], *, run: bool = True) -> Notebook:
        path = lab.directory / f"{request.node.name}-{len(opened)}.ipynb"
        opened.append(Notebook.opened(page, path, cells))
        if run:
            opened[-1].run_all()
        return opened[-1]

    yield open_notebook
    for each in reversed(opened):  # the newest is the current one
        each.close()


@pytest.fixture
def theme(page: Page) -> Iterator[SetTheme]:
    """Switch JupyterLab's theme: ``theme("dark")``; light again after the test."""

    def change(name: Literal["light", "dark"]) -> None:
        execute(page, "apputils:change-theme", theme=f"JupyterLab {name.title()}")
        light = "true" if name == "light" else "false"
        page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")

    yield change
    change("light")


@pytest.fixture
def shot(page: Page, tmp_path: Path) -> Shot:
    """Save a picture: ``shot(name)`` of the notebook, ``shot(name, locator)`` of a part.

    Into ``NBINCOMING_SHOTS`` if that is set, where a person will look.
    """
    directory = Path(os.environ.get("NBINCOMING_SHOTS", tmp_path))

    def save(name: str, what: Locator | None = None) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{name}.png"
        panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        (what or panel).screenshot(path=path, animations="disabled")
        return path

    return save
