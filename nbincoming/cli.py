"""The command line. Each command is a module of :mod:`nbincoming.commands`, imported on use.

Exit codes: 0 for success, 1 for a failed check, 2 for wrong use.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from nbincoming import __version__
from nbincoming.errors import NbIncomingError

#: Module and function of each command, in the order of the help.
COMMANDS = {
    "lab": ("nbincoming.commands.lab", "lab"),
    "demo": ("nbincoming.commands.demo", "demo"),
    "check": ("nbincoming.commands.check", "check"),
    "diff": ("nbincoming.commands.diff", "diff"),
    "export": ("nbincoming.commands.export", "export"),
    "keys": ("nbincoming.commands.keys", "keys"),
    "serve": ("nbincoming.commands.serve", "serve"),
    "send": ("nbincoming.commands.send", "send"),
    "inbox": ("nbincoming.commands.inbox", "inbox"),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is used, so that serving does not load pandas."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of :data:`COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name]
        command = getattr(import_module(module), function)
        return command if isinstance(command, click.Command) else None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nbincoming")
def commands() -> None:
    """Receive, flatten, deduplicate, filter, publish and serve incoming webhooks."""


def main() -> None:
    """Run the command line; print the project's own errors without a traceback."""
    try:
        commands()
    except NbIncomingError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
