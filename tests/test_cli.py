"""The command line: exit codes, clear words, output for machines."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbincoming.cli import commands
from nbincoming.core.spec import Spec
from nbincoming.errors import MissingExtra
from nbincoming.files import publish

ENDPOINT = "0b6f4c2e-57a0-4d3c-9c53-0c4d36c5a1b2"


@pytest.fixture
def spec_path(tmp_path: Path) -> Path:
    """A published spec."""
    return publish(Spec(name="orders", endpoint=ENDPOINT), tmp_path)[1]


def test_check_says_that_a_spec_is_well(spec_path: Path) -> None:
    """Name, version, digest and the number of examples; exit code 0."""
    done = CliRunner().invoke(commands, ["check", str(spec_path)])
    assert done.exit_code == 0
    assert "orders, version 1: ok" in done.output
    assert "digest sha256:" in done.output


def test_check_names_the_place_of_a_problem(spec_path: Path) -> None:
    """A file that was changed by hand is not well; exit code 1."""
    spec_path.write_text(spec_path.read_text().replace('"UTC"', '"Europe/Warsaw"'))
    done = CliRunner().invoke(commands, ["check", str(spec_path)])
    assert done.exit_code == 1
    assert "digest: The digest does not belong to the content" in done.output


def test_check_speaks_to_machines(spec_path: Path) -> None:
    """With --json the result is JSON."""
    done = CliRunner().invoke(commands, ["check", "--json", str(spec_path)])
    (result,) = json.loads(done.output)
    assert result["ok"] is True
    assert result["name"] == "orders"


def test_wrong_use_is_exit_code_2() -> None:
    """A file that is not there is wrong use, not a failed check."""
    assert CliRunner().invoke(commands, ["check", "nowhere.json"]).exit_code == 2


def test_a_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the command to install it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    done = CliRunner().invoke(commands, ["demo"])
    assert isinstance(done.exception, MissingExtra)
    assert "pip install 'nbincoming[lab]'" in str(done.exception)


def test_the_demo_does_the_whole_job(tmp_path: Path) -> None:
    """As a process of its own: every step has its expected outcome."""
    command = [sys.executable, "-m", "nbincoming.cli", "demo", "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "✓ The request with a token: 200",
        "✓ The same request again, a duplicate: 204",
        "✓ With a forged token: 401",
        "body.complaint.attachments[0].fileName",
        "Everything as expected",
    ):
        assert line in done.stdout
    assert (tmp_path / "published" / "complaints-demo.incoming.json").is_file()
