"""The command line: ``nbincoming lab | demo | check``.

Exit codes: 0 well, 1 the check failed, 2 wrong use.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nbincoming import __version__, files
from nbincoming.core.spec import Spec
from nbincoming.errors import MissingExtra, NbIncomingError, Problem, SpecError

#: Where the quickstart is in a checkout; in an installed package it is made anew.
_QUICKSTART = "01_quickstart.ipynb"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nbincoming")
def commands() -> None:
    """Incoming webhooks: receive, flatten, deduplicate, filter, publish, serve."""


@commands.command()
@click.argument("specs", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
def check(specs: Sequence[str], as_json: bool) -> None:
    """Check spec files: valid, digest right, examples agree."""
    results = [_checked(Path(path)) for path in specs]
    if as_json:
        click.echo(json.dumps(results, indent=2))
    else:
        for result in results:
            _print_result(result)
    if not all(result["ok"] for result in results):
        sys.exit(1)


@commands.command()
@click.option("--folder", type=click.Path(file_okay=False), help="Where to publish; kept.")
def demo(folder: str | None) -> None:
    """Do the whole job in the terminal, on a customer's complaint."""
    _need("lab", "tornado", "pandas")
    from nbincoming.notebook.demo import run

    sys.exit(0 if run(click.echo, folder) else 1)


@commands.command()
@click.argument("jupyter_options", nargs=-1, type=click.UNPROCESSED)
def lab(jupyter_options: Sequence[str]) -> None:
    """Open JupyterLab on the quickstart notebook.

    Options after -- go to JupyterLab, such as -- --no-browser --port 9999.
    """
    _need("lab", "jupyterlab", "ipywidgets", "pandas", "tornado")
    notebook = _quickstart()
    if notebook is None:
        raise click.ClickException(
            "The quickstart notebook is not here. Run this in a checkout of nbincoming, or open "
            "a notebook of your own and run: %load_ext nbincoming"
        )
    command = [sys.executable, "-m", "jupyterlab", str(notebook), *jupyter_options]
    os.execv(sys.executable, command)  # noqa: S606 - becomes JupyterLab, so Ctrl-C reaches it


def main() -> None:
    """Run the command line; our own errors become one clear message."""
    try:
        commands(standalone_mode=True)
    except NbIncomingError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


def _checked(path: Path) -> dict[str, Any]:
    from nbincoming.history.replay import check_examples

    problems: Sequence[Problem]
    spec: Spec | None = None
    try:
        spec = files.load(path)
        problems = check_examples(spec)
    except SpecError as error:
        problems = error.problems
    return {
        "path": str(path),
        "ok": not problems,
        "name": spec.name if spec else None,
        "version": spec.version if spec else None,
        "digest": spec.digest if spec else None,
        "examples": len(spec.examples) if spec else None,
        "problems": [{"place": each.place, "message": each.message} for each in problems],
    }


def _print_result(result: dict[str, Any]) -> None:
    if result["ok"]:
        version = f"version {result['version']}" if result["version"] else "a draft"
        click.echo(f"{result['path']}: {result['name']}, {version}: ok")
        if result["digest"]:
            click.echo(f"  digest {result['digest']}")
        count = result["examples"]
        noun = "example agrees" if count == 1 else "examples agree"
        click.echo(f"  {count} {noun}")
        return
    click.echo(f"{result['path']}: not ok")
    for problem in result["problems"]:
        place = f"{problem['place']}: " if problem["place"] else ""
        click.echo(f"  {place}{problem['message']}")


def _need(extra: str, *modules: str) -> None:
    """Say in one sentence what to install, before an import fails."""
    if any(importlib.util.find_spec(module) is None for module in modules):
        raise MissingExtra("This command", extra)


def _quickstart() -> Path | None:
    places = (Path.cwd() / "notebooks", Path(__file__).parent.parent / "notebooks")
    return next((place / _QUICKSTART for place in places if (place / _QUICKSTART).is_file()), None)
