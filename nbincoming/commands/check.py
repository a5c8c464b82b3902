"""``nbincoming check``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nbincoming import files
from nbincoming.core.spec import Spec
from nbincoming.errors import Problem, SpecError
from nbincoming.history.replay import check_examples


@click.command()
@click.argument("specs", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
def check(specs: Sequence[str], as_json: bool) -> None:
    """Check spec files: valid, digest right, examples agree."""
    results = [_checked(Path(path)) for path in specs]
    if as_json:
        click.echo(json.dumps(results, indent=2))
    else:
        for result in results:
            _print(result)
    if not all(result["ok"] for result in results):
        sys.exit(1)


def _checked(path: Path) -> dict[str, Any]:
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


def _print(result: dict[str, Any]) -> None:
    if not result["ok"]:
        click.echo(f"{result['path']}: not ok")
        for problem in result["problems"]:
            place = f"{problem['place']}: " if problem["place"] else ""
            click.echo(f"  {place}{problem['message']}")
        return
    version = f"version {result['version']}" if result["version"] else "a draft"
    click.echo(f"{result['path']}: {result['name']}, {version}: ok")
    if result["digest"]:
        click.echo(f"  digest {result['digest']}")
    count = result["examples"]
    click.echo(f"  {count} {'example agrees' if count == 1 else 'examples agree'}")
