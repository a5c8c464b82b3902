"""axe-core, which looks for barriers on a page; from npm, kept outside the project."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

VERSION = "4.11.0"

#: Violations that a person meets as a barrier; the rest of axe's findings are advice.
BARRIERS = ("serious", "critical")

RUN = """async selector => (await window.axe.run(selector, {
    resultTypes: ['violations'],
    rules: {'color-contrast': {enabled: true}},
})).violations.map(v => ({
    id: v.id, impact: v.impact, nodes: v.nodes.map(n => n.html.slice(0, 200) + ' :: '
        + n.any.concat(n.all).map(c => c.message).join('; ').slice(0, 300)),
}))"""


@cache
def script() -> str | None:
    """Return axe-core's code, installing it once; None where npm or the registry is missing."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "nbincoming-tests"
    folder = home / f"axe-core-{VERSION}"
    path = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not path.is_file():
        npm = shutil.which("npm")
        if npm is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit"]
        done = subprocess.run(
            [*command, "--no-fund", "--no-save", f"axe-core@{VERSION}"],
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        if done.returncode or not path.is_file():
            return None
    return path.read_text()


def barriers(page: Page, code: str, selector: str) -> list[dict[str, Any]]:
    """Return the serious and critical violations inside an element."""
    if not page.evaluate("() => Boolean(window.axe)"):
        # JupyterLab has an AMD loader, which axe would take for its home.
        page.evaluate("code => { const define = undefined; (0, eval)(code); }", code)
    found: list[dict[str, Any]] = page.evaluate(RUN, selector)
    return [each for each in found if each["impact"] in BARRIERS]
