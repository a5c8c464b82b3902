"""Specs made ready: whatever stands in the way is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbincoming.core.gateway import endpoint_path
from nbincoming.serve.routes import CatalogueError, load_catalogue, login_scheme, spec_files
from tests.serve.running import ENDPOINT, SECRET, SECRET_NAME, publish

SECRETS = {SECRET_NAME: SECRET.encode()}


def test_a_folder_stands_for_its_specs(tmp_path: Path) -> None:
    """Current versions, not those kept beside them, and nothing half-written."""
    path = publish(tmp_path)
    (tmp_path / ".half.incoming.json").write_text("{")
    (tmp_path / "notes.json").write_text("{}")
    assert spec_files([str(tmp_path)]) == [path]
    assert list(load_catalogue([str(tmp_path)], SECRETS)) == [endpoint_path(ENDPOINT)]


def test_everything_wrong_is_in_one_error(tmp_path: Path) -> None:
    """Each file's own problems, and the secrets that the good ones lack."""
    publish(tmp_path, name="lacking", authorization={"scheme": "jwt", "secrets": ["env:ABSENT"]})
    (tmp_path / "broken.incoming.json").write_text("{")
    with pytest.raises(CatalogueError) as caught:
        load_catalogue([str(tmp_path), str(tmp_path / "gone.incoming.json")], {})
    text = "\n".join(caught.value.reasons)
    assert len(caught.value.reasons) == 3
    assert all(part in text for part in ("broken.incoming", "gone.incoming", "env:ABSENT"))


def test_an_empty_folder_is_nothing_to_serve(tmp_path: Path) -> None:
    """The message says what to do."""
    with pytest.raises(CatalogueError, match="Publish one first"):
        load_catalogue([str(tmp_path)], SECRETS)


def test_a_login_signs_by_the_newest_secret_that_all_share(tmp_path: Path) -> None:
    """Specs of one secret have one login."""
    publish(tmp_path, name="one")
    publish(tmp_path, name="two", endpoint="0" + ENDPOINT[1:])
    assert login_scheme(load_catalogue([str(tmp_path)], SECRETS)).secrets == (SECRET_NAME,)


def test_specs_of_two_secrets_have_no_login(tmp_path: Path) -> None:
    """A token could be good for one of them alone."""
    other = {"scheme": "jwt", "secrets": ["env:OTHER"]}
    publish(tmp_path, name="one")
    publish(tmp_path, name="two", endpoint="0" + ENDPOINT[1:], authorization=other)
    catalogue = load_catalogue([str(tmp_path)], {**SECRETS, "env:OTHER": b"y" * 40})
    with pytest.raises(CatalogueError, match="the specs name 2"):
        login_scheme(catalogue)
