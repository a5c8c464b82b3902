"""``nbincoming demo``."""

from __future__ import annotations

import sys

import click

from nbincoming.commands.extras import need


@click.command()
@click.option("--folder", type=click.Path(file_okay=False), help="Where to publish; kept.")
def demo(folder: str | None) -> None:
    """Do the whole job in the terminal, on a customer's complaint."""
    need("lab", "tornado", "pandas", "IPython")
    from nbincoming.notebook.demo import run

    sys.exit(0 if run(click.echo, folder) else 1)
