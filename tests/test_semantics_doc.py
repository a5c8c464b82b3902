"""``docs/semantics.md``: its tables are the code's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from nbincoming import errors
from nbincoming.core.auth.schemes import Authorization
from nbincoming.core.request.reading import DEFAULT_LIMITS
from nbincoming.errors import Refusal
from nbincoming.http import refusals as http_refusals
from nbincoming.serve import refusals

PAGE = (Path(__file__).parents[1] / "docs" / "semantics.md").read_text()


def test_every_refusal_is_in_the_table_with_its_status() -> None:
    """And none that there is not."""
    kinds = {
        kind
        for kind in [
            *vars(errors).values(),
            *vars(refusals).values(),
            *vars(http_refusals).values(),
        ]
        if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
    }
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted((str(kind.status), kind.slug) for kind in kinds)


def test_every_scheme_is_in_the_table() -> None:
    """By the name that a spec gives it."""
    union, *_ = get_args(Authorization)
    schemes = {kind.model_fields["scheme"].default for kind in get_args(union)}
    rows = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert set(rows) == schemes


def test_the_limits_are_those_of_a_spec_that_sets_none() -> None:
    """As the table says them."""
    assert f"{DEFAULT_LIMITS.max_depth} by default" in PAGE
    assert f"{DEFAULT_LIMITS.max_parameters:,} by default" in PAGE
    assert DEFAULT_LIMITS.max_body_bytes == 2**20
    assert "1 MiB by default" in PAGE
