"""JupyterLab as a browser test sees it: a server process, and a notebook on its page.

Facts behind the details: ``window.jupyterapp`` exists only with
``expose_app_in_browser``; a click on a widget makes *its* cell the active one, so cells
are run by index; the text of a cell is in its editor too, so outputs are looked up in
the output areas.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Locator, Page

from tests.servers import free_port

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
START_TIMEOUT_S = 120

# Lab's "Jupyter news" toast would cover a screenshot's corner.
NOTIFICATIONS = Path("@jupyterlab", "apputils-extension", "notification.jupyterlab-settings")
NO_NEWS = '{"fetchNews": "false", "checkForUpdates": false}'

COMMAND = "([id, args]) => window.jupyterapp.commands.execute(id, args).then(() => null)"
OPEN = """path => window.jupyterapp.commands
    .execute('docmanager:open', {path, factory: 'Notebook'})
    .then(widget => widget.context.ready).then(() => null)"""
KERNEL_IDLE = """() => window.jupyterapp.shell.currentWidget
    ?.sessionContext?.session?.kernel?.status === 'idle'"""
RUN_CELL = """([index, wait]) => {
    const cells = window.jupyterapp.shell.currentWidget.content;
    cells.activeCellIndex = index;
    cells.deselectAll();
    const done = window.jupyterapp.commands.execute('notebook:run-cell');
    return wait ? done.then(() => null) : null;
}"""
CLOSE = """async () => {
    const widget = window.jupyterapp.shell.currentWidget;
    await widget.sessionContext.shutdown();
    widget.context.model.dirty = false;
    widget.dispose();
}"""


def find_chromium() -> str | None:
    """Return the Chromium to drive: ``NBINCOMING_CHROMIUM``, else the first on PATH."""
    on_path = filter(None, map(shutil.which, CHROMIUM_NAMES))
    return os.environ.get("NBINCOMING_CHROMIUM") or next(on_path, None)


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab server."""

    url: str
    token: str
    directory: Path


@contextmanager
def running_lab(home: Path) -> Iterator[Lab]:
    """Run JupyterLab on a free loopback port, with nothing of the user's own in reach."""
    notebooks, settings = home / "notebooks", home / "settings"
    notebooks.mkdir()
    (settings / NOTIFICATIONS).parent.mkdir(parents=True)
    (settings / NOTIFICATIONS).write_text(NO_NEWS)
    port = free_port()
    token = secrets.token_hex(16)
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("NBINCOMING_", "JUPYTER"))}
    isolated = {
        "HOME": home,
        "IPYTHONDIR": home / "ipython",
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": settings,
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={notebooks}",
        f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",
    ]
    lab = Lab(f"http://127.0.0.1:{port}", token, notebooks)
    log = home / "lab.log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            command,
            env=outer | {name: str(path) for name, path in isolated.items()},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        _await_start(lab, process, log)
        yield lab
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_start(lab: Lab, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(f"{lab.url}/api/status?token={lab.token}", timeout=1):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}") from None
            time.sleep(0.1)  # polls another process: there is nothing to wait on


def execute(page: Page, command: str, **args: object) -> None:
    """Execute one of JupyterLab's commands and wait for it."""
    page.evaluate(COMMAND, [command, args])


@dataclass(frozen=True)
class Notebook:
    """A notebook that is open on the page.

    Attributes
    ----------
    panel : Locator
        The visible notebook, toolbar included.
    path : Path
        Its file.
    """

    page: Page
    panel: Locator
    path: Path

    @classmethod
    def opened(cls, page: Page, path: Path, cells: Sequence[str]) -> Notebook:
        """Write a notebook of code cells, open it and wait for its kernel."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, path)
        page.evaluate(OPEN, path.name)
        page.wait_for_function(KERNEL_IDLE)
        return cls(page, page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)"), path)

    def run(self, index: int, *, wait: bool = True) -> None:
        """Run one cell; `wait` for its end, or go on while the kernel is busy."""
        self.page.evaluate(RUN_CELL, [index, wait])

    def run_all(self) -> None:
        """Run every cell and wait for the last."""
        execute(self.page, "notebook:run-all-cells")

    def output(self, index: int) -> Locator:
        """Return what one cell shows below itself."""
        return self.panel.locator(".jp-Notebook-cell").nth(index).locator(".jp-OutputArea-output")

    def saved(self) -> Any:
        """Save, and return the notebook as its file now holds it."""
        execute(self.page, "docmanager:save")
        return nbformat.read(self.path, as_version=4)

    def close(self) -> None:
        """Shut the kernel down and leave the notebook, unsaved."""
        self.page.evaluate(CLOSE)
