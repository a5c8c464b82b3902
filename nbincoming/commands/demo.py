"""The command ``nbincoming demo``."""

from __future__ import annotations

import sys

import click

from nbincoming.commands.extras import need


@click.command()
@click.option(
    "--folder", type=click.Path(file_okay=False), help="Publish to this folder and keep it."
)
def demo(folder: str | None) -> None:
    """Show every step in the terminal, with a customer's complaint as the request."""
    need("lab", "tornado", "pandas", "IPython")
    from nbincoming.notebook.demo import run

    sys.exit(0 if run(click.echo, folder) else 1)
