"""The command ``nbincoming keys``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click

from nbincoming.api_keys import KeyFile
from nbincoming.clock import now_ms
from nbincoming.core.auth.tokens import PERMISSION
from nbincoming.core.moments import utc_text


def _file(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--file",
        "path",
        default="keys.json",
        show_default=True,
        type=click.Path(dir_okay=False),
        help="The file of API keys; serve --keys reads it.",
    )(command)


@click.group()
def keys() -> None:
    """Make, list and revoke API keys, which the login exchanges for tokens."""


@keys.command()
@click.argument("name")
@_file
@click.option("--permission", "permissions", multiple=True, default=[PERMISSION], show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def add(name: str, path: str, permissions: Sequence[str], as_json: bool) -> None:
    """Make an API key and print it. It cannot be shown again."""
    key = KeyFile(path).add(name, now_ms=now_ms(), permissions=permissions)
    if as_json:
        click.echo(json.dumps({"name": name, "apiKey": key, "file": path}, indent=2))
        return
    click.echo(key)
    click.echo(
        f"Copy the key of {name} now. It cannot be shown again: {path} has only its hash.", err=True
    )


@keys.command("list")
@_file
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(path: str, as_json: bool) -> None:
    """List the valid API keys."""
    records = KeyFile(path).records()
    rows = [
        {
            "name": record.name,
            "created": utc_text(record.created_at_ms),
            "permissions": list(record.permissions),
        }
        for record in records
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    width = max((len(record.name) for record in records), default=0)
    for row in rows:
        click.echo(f"{row['name']:<{width}}  {row['created']}  {', '.join(row['permissions'])}")
    if not rows:
        click.echo(f"No API keys in {path}.", err=True)


@keys.command()
@click.argument("name")
@_file
def revoke(name: str, path: str) -> None:
    """Revoke an API key. Its tokens stay valid for their hour."""
    KeyFile(path).revoke(name)
    click.echo(f"{name} is revoked.", err=True)
