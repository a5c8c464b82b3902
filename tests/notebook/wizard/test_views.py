"""What the cards are built of."""

from __future__ import annotations

import json

from nbincoming.notebook.wizard.views import Grid


def shown(grid: Grid) -> list[list[str]]:
    """Return the rows that reach the browser."""
    rows: list[list[str]] = json.loads(grid.widget.get_state()["_dt_args"]["data_json"])
    return rows


def test_a_grid_shows_every_row_however_many() -> None:
    """What is searched for must be there to be found, as many parameters as a request may have."""
    grid = Grid(("Parameter", "Value"))
    rows = [(f"body.name_{number}", "9" * 60) for number in range(10_000)]
    grid.show(rows)
    assert shown(grid) == [list(row) for row in rows]
    grid.show(rows[:1])
    grid.show(rows)
    assert len(shown(grid)) == 10_000


def test_long_integers_stay_exact() -> None:
    """They are texts on the way, since JavaScript would round them."""
    grid = Grid(("Value",))
    grid.show([("12345678901234567890",)])
    assert shown(grid) == [["12345678901234567890"]]
