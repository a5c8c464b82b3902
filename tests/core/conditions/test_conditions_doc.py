"""``docs/conditions.md``: what it says is so."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from nbincoming.core.conditions.builder import P
from nbincoming.core.conditions.evaluation import compile_condition
from nbincoming.core.conditions.parsing import read_condition
from nbincoming.core.conditions.tree import Condition
from nbincoming.errors import SentenceError

PAGE = (Path(__file__).parents[3] / "docs" / "conditions.md").read_text()
CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
ROWS = [
    [cell.replace("\\|", "|") for cell in re.findall(r"`((?:[^`])+)`", line)]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]


@pytest.mark.parametrize(("python", "text", "data"), ROWS, ids=[row[1] for row in ROWS])
def test_the_three_forms_are_one_condition(python: str, text: str, data: str) -> None:
    """As Python, as text and as a spec holds it."""
    written = eval(python, {"P": P})
    assert written == read_condition(text) == CONDITION.validate_python(json.loads(data))


def test_the_page_has_rows() -> None:
    """The search for them finds them."""
    assert len(ROWS) >= 13


def test_the_mistake_is_told_as_the_page_tells_it() -> None:
    """Word for word."""
    with pytest.raises(SentenceError) as caught:
        read_condition("body.x equal 5")
    assert f"`{caught.value}`" in " ".join(PAGE.split())


#: What is asked, and the columns of the page's last table by what is there.
SEEN: dict[str, Any] = {
    "a value of the operator's type": {"x": 5},
    "a value of another type": {"x": "5"},
    "null": {"x": None},
    "nothing there": {},
}
ASKED = {
    "equals": "body.x == 5",
    "not_equals": "body.x != 4",
    "exists": "body.x exists",
    "missing": "body.x missing",
    "is_null": "body.x == null",
}


@pytest.mark.parametrize("seen", SEEN)
def test_what_holds_when_is_as_the_table_says(seen: str) -> None:
    """A dash is false, anything else is true."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {seen} |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")][1:]
    for (name, text), cell in zip(ASKED.items(), cells, strict=False):
        holds = compile_condition(read_condition(text))({"body": SEEN[seen], "headers": {}}, 0)
        assert holds is (cell != "–"), name
    numbers = {"x": Decimal("5.0")}
    assert compile_condition(read_condition("body.x == 5"))({"body": numbers}, 0)
