"""Spec files: written whole or not at all, and each version for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from nbincoming import files
from nbincoming.core.spec.evidence import Publication
from nbincoming.core.spec.json_schema import spec_schema_text
from nbincoming.core.spec.model import (
    SCHEMA_FILE,
    Spec,
    spec_from_data,
)
from nbincoming.errors import SpecError
from nbincoming.files import (
    VersionExistsError,
    VersionMissingError,
    history_of,
    latest_version,
    load,
    publish,
    save_draft,
    version_path,
    versions,
)
from tests.core.strategies import spec_data

ROOT = Path(__file__).parents[1]


def spec(name: str = "complaints", **members: Any) -> Spec:
    """Make a draft."""
    return spec_from_data(
        {"name": name, "endpoint": "0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d", **members}
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder, hidden ones included."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# --- drafts --------------------------------------------------------------------------


def test_a_draft_is_read_as_it_was_saved(tmp_path: Path) -> None:
    """Saving and loading gives the same spec, without a version."""
    draft = spec(icon="🧯")
    path = save_draft(draft, tmp_path / "drafts")
    assert path == tmp_path / "drafts" / "complaints.draft.incoming.json"
    assert load(path) == draft


def test_a_draft_replaces_the_one_before(tmp_path: Path) -> None:
    """There is one draft of a name, the newest."""
    save_draft(spec(icon="1"), tmp_path)
    path = save_draft(spec(icon="2"), tmp_path)
    assert load(path).icon == "2"
    assert len(contents(tmp_path)) == 1


def test_a_draft_of_a_published_spec_has_no_version(tmp_path: Path) -> None:
    """What is saved as a draft is one, whatever it was taken from."""
    published, _ = publish(spec(), tmp_path)
    assert load(save_draft(published, tmp_path)) == spec()


@given(data=spec_data)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_published_can_be_loaded(data: dict[str, Any], tmp_path: Path) -> None:
    """The file says what the spec said, whatever that is."""
    published, path = publish(spec_from_data(data), tmp_path)
    assert load(path) == load(version_path(published.name, published.version, tmp_path))
    assert load(path) == published


# --- versions ------------------------------------------------------------------------


def test_the_first_version_is_1(tmp_path: Path) -> None:
    """It is the current file and kept under its number, sealed by its digest."""
    published, path = publish(spec(), tmp_path / "published")
    assert (published.version, published.digest) == (1, published.computed_digest())
    assert path == tmp_path / "published" / "complaints.incoming.json"
    assert set(contents(tmp_path)) == {
        "published/complaints.incoming.json",
        "published/versions/complaints.v1.incoming.json",
    }


def test_publishing_again_makes_the_next_version(tmp_path: Path) -> None:
    """The current file is the new version; the old one is where and as it was."""
    publish(spec(icon="1"), tmp_path)
    before = version_path("complaints", 1, tmp_path).read_bytes()
    published, path = publish(spec(icon="2"), tmp_path)
    assert (published.version, load(path).version, load(path).icon) == (2, 2, "2")
    assert version_path("complaints", 1, tmp_path).read_bytes() == before
    assert path.read_bytes() == version_path("complaints", 2, tmp_path).read_bytes()


def test_versions_go_by_number(tmp_path: Path) -> None:
    """Version 10 is newer than 9, and only this name's versions count."""
    kept = tmp_path / "versions"
    kept.mkdir()
    for name in (
        "a.b.v10", "a.b.v9", "a.b.v1", "a.b.v0", "a.b.v01", "a.b.vx", "a.b", "axb.v11", "b.v12",
        ".a.b.v13", "a.b.v14.incoming.json.bak", "a.b.draft",
    ):  # fmt: skip
        (kept / f"{name}.incoming.json").write_text("{}")
    (kept / "a.b.v15.incoming.json.tmp").write_text("{}")
    assert versions("a.b", tmp_path) == [1, 9, 10]
    assert latest_version("a.b", tmp_path) == 10


def test_without_a_folder_there_is_no_version(tmp_path: Path) -> None:
    """Nothing published is no error."""
    assert versions("complaints", tmp_path / "nowhere") == []
    assert latest_version("complaints", tmp_path / "nowhere") == 0


def test_names_do_not_share_versions(tmp_path: Path) -> None:
    """Each integration counts its own."""
    publish(spec("a"), tmp_path)
    published, _ = publish(spec("b"), tmp_path)
    assert published.version == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_others_may_read_a_spec(tmp_path: Path) -> None:
    """A spec holds no secret, and production may run under another account."""
    _, path = publish(spec(), tmp_path)
    assert path.stat().st_mode & 0o777 == 0o644


def test_any_version_can_be_loaded(tmp_path: Path) -> None:
    """By its number, from the current file or from any version's own."""
    first, path = publish(spec(icon="1"), tmp_path)
    second, _ = publish(spec(icon="2"), tmp_path)
    for start in (path, version_path("complaints", 1, tmp_path)):
        assert [load(start, 1), load(start, 2)] == [first, second]
        assert history_of(start) == [first, second]


def test_a_version_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The message lists those that are."""
    _, path = publish(spec(), tmp_path)
    with pytest.raises(VersionMissingError, match=r"no version 2\. Its versions are: 1\."):
        load(path, 2)
    draft = save_draft(spec("other"), tmp_path)
    with pytest.raises(VersionMissingError, match="are: none"):
        load(draft, 1)


def test_a_version_under_another_number_is_refused(tmp_path: Path) -> None:
    """A copy does not become another version by its name."""
    _, path = publish(spec(), tmp_path)
    version_path("complaints", 2, tmp_path).write_bytes(path.read_bytes())
    with pytest.raises(SpecError, match="named version 2 but contains 1"):
        load(path, 2)


def test_who_published_and_why_is_part_of_the_version(tmp_path: Path) -> None:
    """As it was given, on one line; a draft made of it says nothing of that."""
    note = Publication.of(1_718_010_930_000, by="Ada", changes="Urgent ones only.\n\nReally.")
    published, path = publish(spec(), tmp_path, note)
    assert load(path).published == published.published == note
    assert note.data() == {
        "at": "2024-06-10T09:15:30.000Z", "by": "Ada", "changes": "Urgent ones only. Really.",
    }  # fmt: skip
    assert load(save_draft(published, tmp_path)).published is None


def test_the_schema_lies_beside_a_spec_that_names_it(tmp_path: Path) -> None:
    """Beside drafts, the current file and the versions; it is renewed when it is not ours."""
    named = spec(**{"$schema": SCHEMA_FILE})
    save_draft(named, tmp_path / "drafts")
    (tmp_path / "drafts" / SCHEMA_FILE).write_text("{}")
    save_draft(named, tmp_path / "drafts")
    publish(named, tmp_path)
    for folder in ("drafts", ".", "versions"):
        assert (tmp_path / folder / SCHEMA_FILE).read_text() == spec_schema_text()
    save_draft(spec(), tmp_path / "bare")
    assert not (tmp_path / "bare" / SCHEMA_FILE).exists()


# --- at the same moment ----------------------------------------------------------------


def test_a_version_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the version appeared meanwhile, publishing says so and changes nothing."""
    publish(spec(icon="1"), tmp_path)
    before = contents(tmp_path)
    monkeypatch.setattr(files, "_numbers", lambda *_: [])
    with pytest.raises(VersionExistsError, match="Publish again"):
        publish(spec(icon="2"), tmp_path)
    assert contents(tmp_path) == before


def test_the_current_file_never_falls_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who is slow to publish version 1 does not put it over version 2."""
    replace = files.replace_file

    def overtaken(path: Path, content: bytes) -> None:
        monkeypatch.setattr(files, "replace_file", replace)
        publish(spec(icon="2"), tmp_path)
        replace(path, content)

    monkeypatch.setattr(files, "replace_file", overtaken)
    slow, path = publish(spec(icon="1"), tmp_path)
    assert (slow.version, slow.icon) == (1, "1")
    assert (load(path).version, load(path).icon) == (2, "2")


#: Publishes some versions after a line on stdin, and prints those that it got.
PUBLISHER = """
import sys
from nbincoming import files
spec = files.load(sys.argv[1]).model_copy(update={"icon": sys.argv[3]})
print("ready", flush=True)
sys.stdin.readline()
for _ in range(20):
    try:
        print(files.publish(spec, sys.argv[2])[0].version)
    except files.VersionExistsError:
        pass
"""


def test_two_processes_lose_no_version(tmp_path: Path) -> None:
    """Each version has one author, none is missing, and the newest is the current one."""
    draft = save_draft(spec(), tmp_path)
    published = tmp_path / "published"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(draft), str(published), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for name in "ab"
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    got = [list(map(int, process.communicate(timeout=120)[0].split())) for process in both]

    assert sorted(got[0] + got[1]) == versions("complaints", published)
    assert versions("complaints", published) == list(range(1, len(got[0] + got[1]) + 1))
    for name, mine in zip("ab", got, strict=True):
        kept = [load(version_path("complaints", version, published)) for version in mine]
        assert {each.icon for each in kept} <= {name}
    current = load(published / "complaints.incoming.json")
    assert current.version == latest_version("complaints", published)


# --- half-way ----------------------------------------------------------------------------


def write_draft(folder: Path) -> None:
    """Save a draft over another."""
    save_draft(spec(icon="2"), folder)


def write_version(folder: Path) -> None:
    """Publish a version after another."""
    publish(spec(icon="2"), folder)


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("write", [write_draft, write_version])
def test_what_fails_half_way_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None], call: str
) -> None:
    """Where the disk is full, say, the file before it is whole and no rest lies about."""
    save_draft(spec(icon="1"), tmp_path)
    publish(spec(icon="1"), tmp_path)
    before = contents(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path)
    after = contents(tmp_path)
    after.pop("versions/complaints.v2.incoming.json", None)  # the version itself may be there
    assert after == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="dying at each step needs fork")
@pytest.mark.parametrize("what", ["draft", "version", "version without links"])
def test_a_kill_at_any_step_leaves_the_old_file(tmp_path: Path, what: str) -> None:
    """Whenever the process dies, each file that a name leads to is whole."""
    script = [sys.executable, "-m", "tests.dying", what, str(tmp_path)]
    lines = subprocess.check_output(script, text=True, timeout=240, cwd=ROOT).splitlines()
    steps = [json.loads(line) for line in lines]
    assert len(steps) > 20
    assert [step["killed"] for step in steps] == [True] * (len(steps) - 1) + [False]

    icons = []
    for step in steps:
        folder = tmp_path / str(step["step"])
        draft, current = (folder / f"complaints{kind}.incoming.json" for kind in (".draft", ""))
        icons.append(load(draft if what == "draft" else current).icon)
        for version in versions("complaints", folder):
            assert load(current, version).version == version
        published, path = publish(spec(icon="3"), folder)  # the way on is free
        assert load(path) == published
    assert icons[0] == "1"
    assert icons[-1] == "2"
    assert icons == sorted(icons)  # from one moment on, the new file is there


#: Publishes without end.
PUBLISHES = """
import sys
from nbincoming import files
draft = files.load(sys.argv[1])
while True:
    print(files.publish(draft, sys.argv[2])[0].version, flush=True)
"""


def test_killed_from_outside_it_leaves_whole_files(tmp_path: Path) -> None:
    """Whatever was reported as published is there, and what is there is whole."""
    draft = save_draft(spec(), tmp_path)
    folder = tmp_path / "published"
    for after in range(1, 9):
        with subprocess.Popen(
            [sys.executable, "-c", PUBLISHES, str(draft), str(folder)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            reported = [int(process.stdout.readline()) for _ in range(after)]
            process.kill()
            reported += [int(line) for line in process.stdout if line.endswith("\n")]
        assert load(folder / "complaints.incoming.json").version >= max(reported)
        whole = [each.version for each in history_of(folder / "complaints.incoming.json")]
        assert set(reported) <= set(whole)


# --- without hard links ------------------------------------------------------------------


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hard links fail as they do on exFAT."""

    def link(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("no_links")
def test_versions_need_no_hard_links(tmp_path: Path) -> None:
    """The files are the same as elsewhere, and nothing else lies about."""
    first, path = publish(spec(icon="1"), tmp_path)
    second, _ = publish(spec(icon="2"), tmp_path)
    assert (load(path, 1), load(path)) == (first, second)
    assert set(contents(tmp_path)) == {
        "complaints.incoming.json",
        "versions/complaints.v1.incoming.json",
        "versions/complaints.v2.incoming.json",
    }


@pytest.mark.usefixtures("no_links")
def test_without_hard_links_no_version_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rename would; the name is taken first."""
    publish(spec(icon="1"), tmp_path)
    before = contents(tmp_path)
    monkeypatch.setattr(files, "_numbers", lambda *_: [])
    with pytest.raises(VersionExistsError):
        publish(spec(icon="2"), tmp_path)
    assert contents(tmp_path) == before


def test_a_number_that_was_taken_and_not_written_is_passed_over(tmp_path: Path) -> None:
    """The empty file that a kill may leave is no version, and blocks none."""
    _, path = publish(spec(icon="1"), tmp_path)
    version_path("complaints", 2, tmp_path).touch()
    assert versions("complaints", tmp_path) == [1]
    published, _ = publish(spec(icon="3"), tmp_path)
    assert published.version == 3
    assert load(path) == published


# --- damaged files -----------------------------------------------------------------------


def damaged(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Change a spec file by hand."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return path


def test_a_file_that_is_cut_is_refused_with_the_place(tmp_path: Path) -> None:
    """The message names the file and where its JSON ends."""
    _, path = publish(spec(), tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SpecError, match=r"complaints\.incoming\.json has 1 problem.*\n.*line"):
        load(path)


def test_a_published_file_that_was_edited_is_refused(tmp_path: Path) -> None:
    """Its digest does not belong to it any more, and the message says what to do."""
    _, path = publish(spec(), tmp_path)
    damaged(path, lambda data: data.update(icon="x"))
    with pytest.raises(SpecError, match="Publish again from the notebook") as caught:
        load(path)
    assert [problem.place for problem in caught.value.problems] == ["digest"]


def test_all_that_is_wrong_is_said_with_its_place(tmp_path: Path) -> None:
    """A draft that was edited badly is refused with every problem at once."""
    path = damaged(
        save_draft(spec(), tmp_path),
        lambda data: data.update(colour="red", time_zone="Mars/Olympus", endpoint="x"),
    )
    with pytest.raises(SpecError) as caught:
        load(path)
    assert {problem.place for problem in caught.value.problems} == {
        "colour", "time_zone", "endpoint",
    }  # fmt: skip


def test_a_file_far_too_large_is_not_read(tmp_path: Path) -> None:
    """What is no spec by its size alone does not fill the memory."""
    path = tmp_path / "huge.incoming.json"
    with path.open("wb") as file:
        file.truncate(files._MAX_SPEC_BYTES + 1)
    with pytest.raises(SpecError, match="Check that it is a spec"):
        load(path)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    """A wrong path says so, as Python does everywhere."""
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere.incoming.json")
