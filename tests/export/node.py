"""Packages of npm, installed once beside the Python that runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

#: Where they are kept, and the versions that the tests were written for.
FOLDER = Path(sys.prefix) / "node"
PACKAGES = {"@asyncapi/parser": "3.6.6", "har-schema": "2.0.0"}

REQUIRED = os.environ.get("NBINCOMING_REQUIRE_NODE") == "1"


def modules() -> Path:
    """Return the folder of the installed packages; skip, or fail where they are required."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _missing("node and npm are not installed, so others' validators did not run")
    mark = FOLDER / "installed"
    wanted = " ".join(f"{name}@{version}" for name, version in PACKAGES.items())
    if not mark.is_file() or mark.read_text() != wanted:
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "package.json").write_text('{"private": true}')
        # without scripts: none of these needs one, and one of what they need reports home
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            [*command, *wanted.split()], cwd=FOLDER, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            _missing(f"npm could not install {wanted}: {done.stderr[-400:]}")
        mark.write_text(wanted)
    return FOLDER / "node_modules"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run JavaScript that may require the packages."""
    modules()
    return subprocess.run(
        ["node", "-e", script, *arguments],
        cwd=FOLDER, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def _missing(reason: str) -> None:
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)
