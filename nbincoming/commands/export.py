"""``nbincoming export``."""

from __future__ import annotations

from pathlib import Path

import click

from nbincoming import files
from nbincoming.export.formats import FORMATS, export_spec
from nbincoming.export.openapi import LOCAL
from nbincoming.samples.request_files import json_bodies, read_request_file

_FILE = click.Path(exists=True, dir_okay=False)
_MENU = "\n".join(f"  {each.name:<12}{each.title}" for each in FORMATS.values())


@click.command(epilog=f"\b\nFormats:\n{_MENU}")
@click.argument("spec", type=_FILE)
@click.option("--format", "-f", "name", type=click.Choice(list(FORMATS)), required=True)
@click.option("--url", default=LOCAL, show_default=True, help="Where the spec is served.")
@click.option(
    "--on",
    "requests",
    type=_FILE,
    help="A file of requests to infer the payload's schema from: JSON lines, HAR or curl "
    "commands. By default, the examples.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(),
    help="The file to write, or a folder for it. By default, standard output.",
)
def export(spec: str, name: str, url: str, requests: str | None, output: str | None) -> None:
    """Write a spec in a format that other tools read."""
    loaded = files.load(spec)
    bodies = []
    if requests:
        bodies = json_bodies(read_request_file(requests), loaded.limits)
    text = export_spec(loaded, name, url=url, bodies=bodies)
    if output is None:
        click.echo(text, nl=False)
        return
    path = Path(output)
    if path.is_dir():
        path /= loaded.name + FORMATS[name].suffix
    path.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {path}")
