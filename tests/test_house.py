"""Promises about the project as a whole, which no single module can keep."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[1]

#: Import a package and all below it, then print what came along. An extra that is not
#: installed is no reason to fail: what it needs is not here to be imported either.
IMPORT_ALL = """
import importlib, pkgutil, sys
import nbincoming
from nbincoming.errors import MissingExtra

for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        try:
            importlib.import_module(module.name)
        except MissingExtra:
            pass
print(*{name.partition(".")[0] for name in sys.modules})
"""
FRONT_ENDS = {"IPython", "ipywidgets", "pandas", "tornado"}


def imported_by(*packages: str) -> set[str]:
    """Return the top-level names that a new interpreter holds after importing packages."""
    command = [sys.executable, "-c", IMPORT_ALL, *packages]
    return set(subprocess.check_output(command, text=True, cwd=ROOT).split())


def served() -> list[str]:
    """Return the packages that the process in production may import, of those that exist."""
    names = ("core", "inbox", "export", "serve")
    return [f"nbincoming.{n}" for n in names if (ROOT / "nbincoming" / n / "__init__.py").exists()]


def test_production_imports_no_front_end() -> None:
    """What serves a published spec needs no notebook and no DataFrame."""
    imported = imported_by(*served())
    assert {"nbincoming", "pydantic"} <= imported  # the walk did happen
    assert imported & FRONT_ENDS == set()


def make_targets() -> set[str]:
    """Return the targets that a person may name."""
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def make_commands() -> Iterator[tuple[str, str]]:
    """Yield each ``make TARGET`` that a page names as a command, with the page."""
    command = re.compile(r"(?:^\s*(?:\$ )?|`)make ([a-z-]+)", re.MULTILINE)
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")):
        for target in command.findall(page.read_text()):
            yield page.name, target


def test_every_make_command_on_a_page_exists() -> None:
    """A command that a reader copies is a target of the Makefile."""
    named = set(make_commands())
    assert {target for _, target in named} >= {"lab", "demo", "test"}
    assert {(page, target) for page, target in named if target not in make_targets()} == set()


def leftovers(notebook: Any) -> list[str]:
    """Name what running a notebook left in it: it may hold what was captured, or a secret."""
    found = [key for key in ("widgets",) if key in notebook.metadata]
    for number, cell in enumerate(notebook.cells):
        if cell.get("outputs") or cell.get("execution_count"):
            found.append(f"output of cell {number}")
    return found


def test_no_notebook_holds_what_a_run_left() -> None:
    """Notebooks are committed as written: no outputs, no widget state."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git work tree: nothing tells which notebooks are the project's")
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.ipynb"],
        text=True,
        cwd=ROOT,
    )
    paths = [ROOT / line for line in listed.splitlines() if (ROOT / line).exists()]
    held = {path.name: leftovers(nbformat.read(path, as_version=4)) for path in paths}
    assert {name: found for name, found in held.items() if found} == {}


def test_an_output_or_widget_state_would_be_found() -> None:
    """The search for leftovers finds each kind."""
    output = nbformat.v4.new_output("stream", text="secret")
    notebook = nbformat.v4.new_notebook(
        metadata={"widgets": {}}, cells=[nbformat.v4.new_code_cell("1", outputs=[output])]
    )
    assert leftovers(notebook) == ["widgets", "output of cell 0"]


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/**/test_*.py")), ids=lambda p: p.stem)
def test_every_test_says_its_sentence(path: Path) -> None:
    """Read in a row, the docstrings of the tests are the specification."""
    tree = ast.parse(path.read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    tests = [f for f in functions if f.name.startswith("test_")]
    assert [f.name for f in tests if not ast.get_docstring(f)] == []
