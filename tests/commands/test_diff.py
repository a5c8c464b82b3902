"""``nbincoming diff`` and the advice of ``nbincoming check``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nbincoming.cli import commands
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.evidence import Publication
from nbincoming.files import publish
from tests.samples.making import spec


def run(*arguments: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(commands, list(map(str, arguments)), catch_exceptions=False)


@pytest.fixture
def versions(tmp_path: Path) -> list[Path]:
    """Two versions: the second asks for more."""
    paths = []
    for number in (3, 7):
        when = {"parameter": "body.n", "operator": "greater_than", "value": number}
        made = spec(triggers=[{"name": "large", "when": when}])
        sealed, _ = publish(made, tmp_path, Publication.of(0, by="Ada", changes=f"n > {number}"))
        paths.append(tmp_path / "versions" / f"orders.v{sealed.version}.incoming.json")
    return paths


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Ten requests."""
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json_text({"n": n}) + "\n" for n in range(10)))
    return path


def test_the_difference_is_said(versions: list[Path], history: Path) -> None:
    """In sentences, and by outcome where there is a history."""
    meaning = "- The trigger 'large' was: body.n is more than 3. It is: body.n is more than 7.\n"
    assert run("diff", *versions).output == meaning
    assert run("diff", *versions, "--on", history).output == meaning + (
        "\n4 of 10 requests have another outcome:\n  4 accepted (large) → filtered\n"
    )


def test_the_difference_is_said_to_machines(versions: list[Path], history: Path) -> None:
    """With --json: changes with their places, counts, and each request that changed."""
    found: dict[str, Any] = json.loads(run("diff", *versions, "--on", history, "--json").output)
    assert [each["place"] for each in found["changes"]] == ["triggers[0].when"]
    assert found["requests"] == 10
    assert {(e["before"], e["after"]): e["count"] for e in found["outcomes"]} == {
        ("accepted", "accepted"): 2, ("accepted", "filtered"): 4, ("filtered", "filtered"): 4,
    }  # fmt: skip
    assert [each["request"] for each in found["changed"]] == [4, 5, 6, 7]


def test_check_gives_advice_and_is_content(versions: list[Path]) -> None:
    """Codes, places and ways out; with --strict they fail the check."""
    done = run("check", versions[0])
    assert done.exit_code == 0
    assert "NBI001 authorization:" in done.output
    assert "0 of 1 conditions are tested by the examples" in done.output
    assert run("check", "--strict", versions[0]).exit_code == 1
    (result,) = json.loads(run("check", "--json", versions[0]).output)
    assert {each["code"] for each in result["advice"]} == {"NBI001", "NBI013"}
    assert (result["conditions"], result["conditions_tested"]) == (1, 0)


def test_check_says_who_published(versions: list[Path]) -> None:
    """And what changed, in the words that they gave."""
    assert "published 1970-01-01T00:00:00.000Z by Ada: n > 7" in run("check", versions[1]).output
