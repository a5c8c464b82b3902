"""The page for the engineer on call speaks of everything there is."""

from __future__ import annotations

import re
from pathlib import Path

import click
from prometheus_client import REGISTRY

from nbincoming.commands.serve import serve
from nbincoming.serve import metrics, relay_metrics

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
