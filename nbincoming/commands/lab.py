"""The command ``nbincoming lab``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from nbincoming.commands.extras import need

_QUICKSTART = Path("notebooks", "01_quickstart.ipynb")


@click.command()
@click.argument("jupyter_options", nargs=-1, type=click.UNPROCESSED)
def lab(jupyter_options: Sequence[str]) -> None:
    """Open JupyterLab on the quickstart notebook.

    Options after -- are passed to JupyterLab, such as -- --no-browser --port 9999.
    """
    need("lab", "jupyterlab", "ipywidgets", "pandas", "tornado")
    places = (Path.cwd(), Path(__file__).parents[2])
    found = next((place / _QUICKSTART for place in places if (place / _QUICKSTART).is_file()), None)
    if found is None:
        raise click.ClickException(
            "The quickstart notebook was not found. Run this command in a checkout of nbincoming, "
            "or open your own notebook and run: %load_ext nbincoming"
        )
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={found.parent}"]
    command.append(f"--LabApp.default_url=/lab/tree/{found.name}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in containers; Jupyter refuses root without it
    command += jupyter_options
    os.execv(sys.executable, command)  # noqa: S606 - replaces this process, so that Ctrl-C reaches JupyterLab
