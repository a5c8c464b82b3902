"""The page for the engineer on call speaks of everything there is."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest
from prometheus_client import REGISTRY

from nbincoming.cli import commands
from nbincoming.commands.serve import serve
from nbincoming.inbox.opening import sqlite_path
from nbincoming.relay import metrics as relay_metrics
from nbincoming.relay.sinks.opening import open_sink
from nbincoming.serve import metrics

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()


def test_every_option_has_a_row() -> None:
    """And no row is of an option that is gone."""
    options = {name for p in serve.params if isinstance(p, click.Option) for name in p.opts}
    assert set(re.findall(r"^\| `(--[a-z-]+)`", PAGE, re.MULTILINE)) == options


def test_every_metric_has_a_row() -> None:
    """Under the name by which it is asked for."""
    assert metrics.CONTENT_TYPE  # the modules make them
    assert relay_metrics.DELIVERED
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in REGISTRY.collect()
        if family.name.startswith("nbincoming_")
    }
    assert set(re.findall(r"^\| `(nbincoming_\w+)`", PAGE, re.MULTILINE)) == names


def test_defaults_on_the_page_are_those_in_force() -> None:
    """A number that was changed in one place is changed in both."""
    rows = dict(re.findall(r"^\| `--([a-z-]+)` \| `?([^`|]+?)`? \|", PAGE, re.MULTILINE))
    options = [each for each in serve.params if isinstance(each, click.Option)]
    defaults = {
        option.opts[0].removeprefix("--"): option.default
        if isinstance(option.default, str)
        else f"{option.default:g}"
        for option in options
        if isinstance(option.default, str | int | float)
    }
    assert {name: rows[name] for name in defaults} == defaults
    assert len(defaults) > 8


def _unit() -> list[str]:
    """Return what the systemd unit starts."""
    return shlex.split(re.search(r"^ExecStart=(.+)$", PAGE, re.MULTILINE)[1])  # type: ignore[index]


def _container() -> list[str]:
    """Return what the container file starts."""
    lines = re.findall(r"^(?:ENTRYPOINT|CMD) (.+)$", PAGE, re.MULTILINE)
    return [word for line in lines for word in json.loads(line)]


@pytest.mark.parametrize("command", [_unit(), _container()], ids=["systemd", "container"])
def test_what_the_examples_start_is_taken(command: list[str], tmp_path: Path) -> None:
    """The command line knows each option and value, and the sinks can be opened."""
    program, name, specs, *options = command
    assert (Path(program).name, name, Path(specs).name) == ("nbincoming", "serve", "published")
    whole = commands.make_context(program, [name, str(tmp_path), *options])
    taken = serve.make_context(name, [str(tmp_path), *options], parent=whole).params
    for url in taken["sinks"]:
        open_sink(url, {"env:ORDERS_SECRET": b"whsec_c2VjcmV0"}).close()


def test_the_examples_keep_the_inbox_where_they_may_write() -> None:
    """In the unit's state and in the container's volume."""
    (state,) = re.findall(r"^StateDirectory=(.+)$", PAGE, re.MULTILINE)
    (volume,) = re.findall(r"^VOLUME (.+)$", PAGE, re.MULTILINE)
    for command, folder in ((_unit(), Path("/var/lib", state)), (_container(), Path(volume))):
        inbox = command[command.index("--inbox") + 1]
        assert Path(sqlite_path(inbox)).parent == folder
