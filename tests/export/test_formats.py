"""Each format, from Python and from the command line alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings

import nbincoming as nbi
from nbincoming import files
from nbincoming.cli import commands
from nbincoming.core.request.values import json_text
from nbincoming.core.spec.model import spec_from_data
from nbincoming.errors import SpecError
from nbincoming.export.cloud_event import NoEventError
from nbincoming.export.formats import FORMATS, UnknownFormatError
from tests.core.strategies import spec_data
from tests.export.making import BODIES, published

#: Opens the text of each format.
STARTS = {
    "openapi": '{\n  "openapi": "3.1.1"',
    "jsonschema": '{\n  "$schema": "https://json-schema.org/draft/2020-12/schema"',
    "cel": "// The triggers of orders, version 1",
    "cloudevent": '{\n  "specversion": "1.0"',
    "curl": "curl --include http://127.0.0.1:8080/automation-endpoint/",
    "specschema": '{\n  "$schema": "https://json-schema.org/draft/2020-12/schema"',
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A published file."""
    return files.publish(published(), tmp_path)[1]


def run(*arguments: str) -> str:
    """Run a command that ends well, and return what it printed."""
    result = CliRunner().invoke(commands, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", FORMATS)
def test_the_command_writes_what_python_does(name: str, path: Path) -> None:
    """To standard output, and nothing besides."""
    text = run("export", str(path), "--format", name)
    assert text == nbi.export_spec(nbi.load(path), name)
    assert text.startswith(STARTS[name])
    assert text.endswith("\n")


def test_every_format_is_listed(path: Path) -> None:
    """The help names each, and so does the message about one that is not there."""
    said = run("export", "--help")
    assert all(each.name in said and each.title in said for each in FORMATS.values())
    with pytest.raises(UnknownFormatError, match=", ".join(FORMATS)):
        nbi.export_spec(nbi.load(path), "xml")


def test_a_folder_gets_a_file_of_a_fitting_name(path: Path, tmp_path: Path) -> None:
    """Where the output is a file, it is that file."""
    for output, wanted in ((tmp_path, tmp_path / "orders.cel"), (tmp_path / "x", tmp_path / "x")):
        said = run("export", str(path), "-f", "cel", "-o", str(output))
        assert said == f"Wrote {wanted}\n"
        assert wanted.read_text().startswith(STARTS["cel"])


def test_the_schema_is_inferred_over_a_history(path: Path, tmp_path: Path) -> None:
    """Where one is given; each line is a request."""
    history = tmp_path / "history.jsonl"
    history.write_text("".join(json_text(body) + "\n" for body in BODIES * 10))
    said = run("export", str(path), "-f", "jsonschema", "--on", str(history))
    assert "40 samples" in json.loads(said)["description"]


def test_the_url_is_where_the_spec_is_served(path: Path) -> None:
    """In the document and in the commands."""
    for name in ("openapi", "curl"):
        said = run("export", str(path), "-f", name, "--url", "https://hooks.example.com/")
        assert "https://hooks.example.com" in said
        assert "example.com//" not in said
        assert "127.0.0.1" not in said


@given(spec_data)
@settings(max_examples=50)
def test_any_spec_is_written_or_refused_in_words(data: dict[str, Any]) -> None:
    """Whatever its names, conditions and examples, nothing else is raised."""
    spec = spec_from_data(data)
    for name in FORMATS:
        try:
            text = nbi.export_spec(spec, name)
        except (SpecError, NoEventError):
            continue
        if FORMATS[name].suffix.endswith(".json"):
            json.loads(text)
