"""The check that a command's extra is installed."""

from __future__ import annotations

import importlib.util

from nbincoming.errors import MissingExtra


def need(extra: str, *modules: str) -> None:
    """Raise :class:`~nbincoming.errors.MissingExtra` unless all modules can be imported."""
    if any(importlib.util.find_spec(module) is None for module in modules):
        raise MissingExtra("This command", extra)
