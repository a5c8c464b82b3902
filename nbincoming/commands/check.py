"""``nbincoming check``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from nbincoming import files
from nbincoming.core.examples import check_examples
from nbincoming.core.spec.model import Spec
from nbincoming.errors import Problem, SpecError
from nbincoming.review.example_coverage import example_coverage
from nbincoming.review.lint import lint


@click.command()
@click.argument("specs", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--strict", is_flag=True, help="Also fail if there is advice.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def check(specs: Sequence[str], strict: bool, as_json: bool) -> None:
    """Check that spec files are valid.

    A file is valid if it can be read, its digest is right, and each example has the outcome
    it must have. Advice does not make the check fail; docs/lint.md explains its codes.
    """
    results = [_checked(Path(path), strict=strict) for path in specs]
    if as_json:
        click.echo(json.dumps(results, indent=2))
    else:
        for result in results:
            _print(result)
    if not all(result["ok"] for result in results):
        sys.exit(1)


def _checked(path: Path, *, strict: bool) -> dict[str, Any]:
    problems: Sequence[Problem]
    spec: Spec | None = None
    try:
        spec = files.load(path)
        problems = check_examples(spec)
    except SpecError as error:
        problems = error.problems
    advice = lint(spec) if spec and not problems else []
    leaves = example_coverage(spec) if spec else []
    return {
        "path": str(path),
        "ok": not problems and not (strict and advice),
        "name": spec.name if spec else None,
        "version": spec.version if spec else None,
        "digest": spec.digest if spec else None,
        "published": str(spec.published) if spec and spec.published else None,
        "examples": len(spec.examples) if spec else None,
        "conditions": len(leaves),
        "conditions_tested": sum(leaf.tested for leaf in leaves),
        "problems": [{"place": each.place, "message": each.message} for each in problems],
        "advice": [asdict(each) for each in advice],
    }


def _print(result: dict[str, Any]) -> None:
    what = ""
    if not result["problems"]:
        version = f"version {result['version']}" if result["version"] else "a draft"
        what = f"{result['name']}, {version}: "
    click.echo(f"{result['path']}: {what}{'ok' if result['ok'] else 'not ok'}")
    for problem in result["problems"]:
        place = f"{problem['place']}: " if problem["place"] else ""
        click.echo(f"  {place}{problem['message']}")
    if result["problems"]:
        return
    if result["digest"]:
        click.echo(f"  digest {result['digest']}")
    if result["published"]:
        click.echo(f"  published {result['published']}")
    count = result["examples"]
    click.echo(
        f"  {count} {'example has its outcome' if count == 1 else 'examples have their outcomes'}"
    )
    if result["conditions"]:
        tested, all_ = result["conditions_tested"], result["conditions"]
        click.echo(f"  {tested} of {all_} conditions are tested by the examples")
    for each in result["advice"]:
        click.echo(f"  {each['code']} {each['place']}: {each['message']} {each['remedy']}")
