"""The command line: exit codes, clear words, output for machines."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nbincoming.api_keys import KeyFile
from nbincoming.cli import COMMANDS, commands, main
from nbincoming.core.auth.login import find_key
from nbincoming.core.spec.model import Spec
from nbincoming.errors import MissingExtra
from nbincoming.files import publish, save_draft

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
    assert "digest: The digest does not match the content" in done.output


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
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
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


# --- check -------------------------------------------------------------------------------


def test_check_goes_on_after_a_bad_file(spec_path: Path, tmp_path: Path) -> None:
    """Each file has its result; one that is not well makes the exit code 1."""
    bad = tmp_path / "bad.incoming.json"
    bad.write_text("{")
    done = CliRunner().invoke(commands, ["check", str(bad), str(spec_path)])
    assert done.exit_code == 1
    assert "bad.incoming.json: not ok" in done.output
    assert "orders, version 1: ok" in done.output


def test_check_tells_machines_what_is_wrong(tmp_path: Path) -> None:
    """Each problem with its place; what could not be read is null."""
    bad = tmp_path / "bad.incoming.json"
    bad.write_text('{"name": "x y", "colour": 1, "endpoint": "x"}')
    done = CliRunner().invoke(commands, ["check", "--json", str(bad)])
    assert done.exit_code == 1
    (result,) = json.loads(done.output)
    assert (result["ok"], result["name"], result["version"]) == (False, None, None)
    assert {problem["place"] for problem in result["problems"]} == {"name", "colour", "endpoint"}


def test_check_runs_the_examples(tmp_path: Path) -> None:
    """An example that gives something else is a problem, whatever the digest says."""
    example = {
        "name": "one",
        "headers": [["content-type", "application/json"]],
        "body": "{}",
        "received_at_ms": 0,
        "outcome": "filtered",
    }
    spec = Spec.model_validate({"name": "orders", "endpoint": ENDPOINT, "examples": [example]})
    done = CliRunner().invoke(commands, ["check", str(publish(spec, tmp_path)[1])])
    assert done.exit_code == 1
    assert "examples[0].outcome: The example 'one' should give 'filtered'" in done.output


def test_check_takes_drafts(tmp_path: Path) -> None:
    """They have no digest, and are well where they are valid."""
    path = save_draft(Spec(name="orders", endpoint=ENDPOINT), tmp_path)
    done = CliRunner().invoke(commands, ["check", str(path)])
    assert done.exit_code == 0
    assert "orders, a draft: ok" in done.output
    assert "digest" not in done.output


CHECK = """
import sys
from nbincoming.cli import main
sys.argv = ["nbincoming", "check", sys.argv[1]]
try:
    main()
finally:
    print(sorted({"pandas", "tornado", "IPython", "ipywidgets"} & set(sys.modules)))
"""


def test_check_needs_no_notebook(spec_path: Path) -> None:
    """It runs where only the base is installed, such as in production's pipeline."""
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(spec_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


# --- wrong use -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["check", "."], ["check", "--nothing", "x"], ["nothing"], ["demo", "x"], ["--no"]],
    ids=" ".join,
)
def test_wrong_use_says_what_is_right(arguments: list[str]) -> None:
    """With exit code 2 and a pointer to the help."""
    done = CliRunner().invoke(commands, arguments)
    assert done.exit_code == 2
    assert "Usage:" in done.output


def test_the_help_lists_every_command() -> None:
    """In the order of the table, each with its sentence."""
    done = CliRunner().invoke(commands, ["--help"])
    assert done.exit_code == 0
    places = [done.output.index(f"  {name}  ") for name in COMMANDS]
    assert places == sorted(places)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    """Asking for it runs nothing."""
    done = CliRunner().invoke(commands, [name, "-h"])
    assert done.exit_code == 0
    assert f"commands {name}" in done.output


def test_an_error_of_ours_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback; exit code 2, and the words on standard error."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["nbincoming", "demo"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("Error: This command needs packages that are not installed.")
    assert printed.out == ""


@pytest.mark.parametrize(("name", "extra"), [("demo", "lab"), ("lab", "lab")])
def test_each_command_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    """With the command that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    done = CliRunner().invoke(commands, [name])
    assert isinstance(done.exception, MissingExtra)
    assert done.exception.extra == extra


# --- demo and lab --------------------------------------------------------------------------


@pytest.mark.parametrize(("well", "code"), [(True, 0), (False, 1)])
def test_the_demo_tells_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, well: bool, code: int
) -> None:
    """0 where each step had its outcome, 1 otherwise."""
    monkeypatch.setattr("nbincoming.notebook.demo.run", lambda *_: well)
    assert CliRunner().invoke(commands, ["demo"]).exit_code == code


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would replace this process."""
    command: list[str] = []

    def execv(_: str, arguments: list[str]) -> None:
        command.extend(arguments)

    monkeypatch.setattr("os.execv", execv)
    return command


def test_lab_opens_the_quickstart(executed: list[str]) -> None:
    """Options after -- are JupyterLab's."""
    done = CliRunner().invoke(commands, ["lab", "--", "--no-browser", "--port", "9999"])
    assert done.exit_code == 0, done.output
    assert executed[:3] == [sys.executable, "-m", "jupyterlab"]
    assert executed[-3:] == ["--no-browser", "--port", "9999"]
    assert any("01_quickstart.ipynb" in argument for argument in executed)


def test_lab_without_the_notebook_says_what_to_do(
    executed: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nbincoming.commands.lab.__file__", str(tmp_path / "a" / "b" / "lab.py"))
    done = CliRunner().invoke(commands, ["lab"])
    assert done.exit_code == 1
    assert "%load_ext nbincoming" in done.output
    assert executed == []


def keys(*arguments: str) -> Result:
    """Run `nbincoming keys`."""
    return CliRunner().invoke(commands, ["keys", *arguments])


def test_a_key_is_made_listed_and_revoked(tmp_path: Path) -> None:
    """The key alone is on standard output, so that a script can take it."""
    file = ("--file", str(tmp_path / "keys.json"))
    made = keys("add", "crm", *file)
    assert made.exit_code == 0
    key = made.stdout.strip()
    assert find_key(key, KeyFile(file[1]).records()) is not None
    assert "It cannot be shown again" in made.stderr
    listed = keys("list", *file).stdout
    assert listed.startswith("crm  20")
    assert "INCOMING_WEBHOOK_EXECUTE" in listed
    assert key not in listed
    assert keys("revoke", "crm", *file).exit_code == 0
    assert "No API keys in" in keys("list", *file).stderr


def test_keys_speak_to_machines(tmp_path: Path) -> None:
    """With --json the results are JSON."""
    file = ("--file", str(tmp_path / "keys.json"))
    made = json.loads(keys("add", "crm", "--permission", "READ", "--json", *file).stdout)
    assert made["name"] == "crm"
    (row,) = json.loads(keys("list", "--json", *file).stdout)
    assert (row["name"], row["permissions"]) == ("crm", ["READ"])


def test_a_key_that_is_not_there_cannot_be_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clear sentence, exit code 2."""
    command = ["nbincoming", "keys", "revoke", "crm", "--file", str(tmp_path / "keys.json")]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("Error: No API key is named 'crm'.")
