"""``nbincoming inbox``: list dead letters, and have them delivered again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from nbincoming.core.events import utc_text
from nbincoming.inbox.opening import (
    open_outbox,
    sqlite_path,
)
from nbincoming.inbox.outbox import DeadLetter, Outbox
from nbincoming.inbox.protocol import InboxURLError

_Command = Callable[..., Any]


def _options(command: _Command) -> _Command:
    """Add the options of both commands."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option("--sink", help="Only those of a sink: its URL without user and options."),
        click.option("--inbox", "url", default="sqlite:///inbox.db", show_default=True),
    ):
        command = option(command)
    return command


@click.group()
def inbox() -> None:
    """List the dead letters of an inbox, and have them delivered again."""


@inbox.command("list")
@_options
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
def list_dead(url: str, sink: str | None, limit: int, as_json: bool) -> None:
    """List the events that a sink did not accept, oldest first."""
    with _Opened(url) as outbox:
        letters = outbox.dead_letters(sink=sink, limit=limit + 1)
    shown = letters[:limit]
    if as_json:
        click.echo(json.dumps([_data(letter) for letter in shown], indent=2))
        return
    if not shown:
        click.echo("No dead letters.")
    for letter in shown:
        event = letter.event
        again = ", to be delivered again" if letter.redriven else ""
        click.echo(f"{letter.number}  {utc_text(letter.died_at_ms)}  {letter.reason}{again}")
        click.echo(f"    event {event.id} of {event.integration}, for {letter.sink}")
    if len(letters) > limit:
        click.echo(f"There are more than {limit}. Raise --limit to see them.")


@inbox.command()
@_options
@click.argument("numbers", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All of them, or all of one --sink.")
def redrive(
    url: str, sink: str | None, numbers: Sequence[str], is_all: bool, as_json: bool
) -> None:
    """Have dead letters delivered again: those with NUMBERS from `list`, or --all.

    The relay of `nbincoming serve` tries each once. Those that the sink refuses again stay dead
    letters.
    """
    if is_all == bool(numbers):
        raise click.UsageError("Give the numbers of dead letters, or --all.")
    with _Opened(url) as outbox:
        found = outbox.redrive(None if is_all else numbers, sink=sink)
    unknown = sorted(set(numbers) - set(found))
    if as_json:
        click.echo(json.dumps({"redriven": found, "unknown": unknown}, indent=2))
    else:
        noun = "dead letter is" if len(found) == 1 else "dead letters are"
        click.echo(f"{len(found)} {noun} to be delivered again.")
    if unknown:
        raise click.UsageError(f"No dead letter has the number {', '.join(unknown)}.")


class _Opened:
    """Opens the outbox of an existing inbox."""

    def __init__(self, url: str) -> None:
        if url.startswith("sqlite:") and not Path(sqlite_path(url)).exists():
            raise InboxURLError(f"{sqlite_path(url)} does not exist. Give the inbox by --inbox.")
        self._outbox = open_outbox(url)

    def __enter__(self) -> Outbox:
        return self._outbox

    def __exit__(self, *_: object) -> None:
        self._outbox.close()


def _data(letter: DeadLetter) -> dict[str, Any]:
    """Return the JSON form, without the body: it may hold personal data."""
    return {
        "number": letter.number,
        "sink": letter.sink,
        "reason": letter.reason,
        "died_at": utc_text(letter.died_at_ms),
        "redriven": letter.redriven,
        "event": {
            "id": letter.event.id,
            "integration": letter.event.integration,
            "version": letter.event.version,
            "triggers": list(letter.event.triggers),
            "received_at": utc_text(letter.event.received_at_ms),
        },
    }
