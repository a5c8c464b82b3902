"""``%load_ext nbincoming``, then ``%incoming NAME``."""

from __future__ import annotations

import shlex
from argparse import ArgumentError, ArgumentParser
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from nbincoming.notebook.integration import Integration

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


_USAGE = (
    "Write %incoming NAME, such as %incoming complaints; add --folder DIR if its specs are not "
    "in the current directory."
)


def incoming(line: str) -> Integration:
    """Open an incoming integration and show its wizard.

    ``%incoming complaints``, or ``inc = %incoming complaints`` to use it in code;
    ``--folder DIR`` names the folder of drafts and published specs.
    """
    parser = ArgumentParser(prog="%incoming", exit_on_error=False, add_help=False)
    parser.add_argument("name")
    parser.add_argument("--folder")
    try:
        arguments, rest = parser.parse_known_args(shlex.split(line))
    except (ArgumentError, ValueError, SystemExit):
        raise UsageError(_USAGE) from None
    if rest:
        raise UsageError(_USAGE)
    return Integration(arguments.name, folder=arguments.folder)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register ``%incoming``; loading again changes nothing."""
    shell.magics_manager.register_function(incoming, "line", "incoming")


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Remove ``%incoming`` and stop every endpoint of this kernel."""
    shell.magics_manager.magics["line"].pop("incoming", None)
    Integration.close_all()
