"""``nbincoming diff``."""

from __future__ import annotations

import json
from typing import Any

import click

from nbincoming import files
from nbincoming.review.comparison import Comparison, compare
from nbincoming.samples.request_files import read_request_file

_FILE = click.Path(exists=True, dir_okay=False)


@click.command()
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@click.option(
    "--on",
    "requests",
    type=_FILE,
    help="A file of requests to run through both versions: JSON lines, HAR or curl commands. "
    "By default, the examples of both.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def diff(old: str, new: str, requests: str | None, as_json: bool) -> None:
    """Compare two versions of a spec, in meaning and in the outcomes of requests."""
    found = compare(
        files.load(old), files.load(new), read_request_file(requests) if requests else None
    )
    if as_json:
        click.echo(json.dumps(_data(found), indent=2, ensure_ascii=False))
    else:
        click.echo(found)


def _data(found: Comparison) -> dict[str, Any]:
    return {
        "changes": [{"place": each.place, "sentence": each.sentence} for each in found.changes],
        "requests": len(found.requests),
        "outcomes": [
            {"before": before, "after": after, "count": count}
            for (before, after), count in sorted(found.counts().items())
        ],
        "changed": [
            {
                "request": each.index,
                "before": each.before,
                "after": each.after,
                "triggers_before": each.triggers_before,
                "triggers_after": each.triggers_after,
            }
            for each in found.changed
        ],
    }
