"""What is in force, and when it is replaced: the reloader alone, and `nbincoming serve`."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from nbincoming.secrets import new_secret
from nbincoming.serve.reload import Reloader
from nbincoming.serve.routes import Catalogue, CatalogueError
from tests.serve.running import (
    SECRET,
    WAIT_S,
    complaint,
    publish,
    serving,
)


def test_a_file_that_changed_is_seen_once(tmp_path: Path) -> None:
    """Also when what it says now was refused: it is not tried again until it changes again."""
    path = publish(tmp_path)

    def load() -> Catalogue:
        raise CatalogueError(["It is broken."])

    reloader = Reloader([str(tmp_path)], load, {})
    assert not reloader.has_changed()
    path.write_text("{")
    assert reloader.has_changed()
    reloader.reload()
    assert not reloader.has_changed()


def test_a_new_and_a_removed_file_are_changes(tmp_path: Path) -> None:
    """A folder is watched, not just the files that were there."""
    reloader = Reloader([str(tmp_path)], dict, {})
    path = publish(tmp_path)
    assert reloader.has_changed()
    reloader.reload()
    path.unlink()
    assert reloader.has_changed()


def test_what_is_refused_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The old is kept, the reasons are logged, and it is known that the files say otherwise."""
    before: Catalogue = {}
    answers: list[Catalogue | Exception] = [CatalogueError(["It is broken."]), {}]

    def load() -> Catalogue:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    reloader = Reloader([], load, before)
    reloader.reload()
    assert reloader.catalogue is before
    assert not reloader.is_current
    assert caplog.records[0].fields == {"reasons": ("It is broken.",)}  # type: ignore[attr-defined]
    reloader.reload()
    assert reloader.catalogue is not before
    assert reloader.is_current


# --- `nbincoming serve` ------------------------------------------------------------


def test_a_new_version_is_taken_and_a_bad_one_is_not(tmp_path: Path) -> None:
    """A changed file is served from then on; a broken one leaves the old in force."""
    path = publish(tmp_path)
    with serving(path, "--watch", "0.1", cwd=tmp_path) as served:
        assert served.post(complaint(1, priority="low")) == 200  # filtered, and owns its key
        publish(tmp_path, authorization={"scheme": "none"})
        served.wait_for("serving", version=2)
        assert served.post(complaint(2), sent={"Content-Type": "application/json"}) == 200
        path.write_text("{")
        served.wait_for("Specs were not reloaded; the old ones stay in force")
        assert served.post(complaint(3), sent={"Content-Type": "application/json"}) == 200


def test_metrics_say_that_all_is_well_where_it_is(tmp_path: Path) -> None:
    """A relay speaks for itself alone, old specs count no more, and nothing warns."""
    path = publish(tmp_path)
    with serving(path, "--watch", "0.1", "--sink", "jsonl:out.jsonl", cwd=tmp_path) as served:
        publish(tmp_path, authorization={"scheme": "none"})
        served.wait_for("serving", version=2)
        deadline_s, text = time.monotonic() + WAIT_S, ""
        while 'version="2"} 1.0' not in text or "nbincoming_relay_pending{" not in text:
            assert time.monotonic() < deadline_s, text
            text = served.request("GET", "/metrics").body.decode()  # type: ignore[attr-defined]
    assert 'version="1"} 0.0' in text
    assert "nbincoming_inbox_up 1.0" in text
    assert "nbincoming_last_reload_successful 1.0" in text
    assert not [line for line in served.lines if "Warning" in line["message"]]


def test_a_worker_that_dies_while_a_file_is_bad_serves_what_was_good(tmp_path: Path) -> None:
    """What is in force does not depend on what happens to lie on the disk just then."""
    path = publish(tmp_path)
    with serving(path, "--watch", "0.1", cwd=tmp_path) as served:
        path.write_text("{")
        served.wait_for("Specs were not reloaded; the old ones stay in force")
        (pid,) = served.children().values()
        os.kill(pid, signal.SIGKILL)
        served.wait_for("A process ended and is started again")
        assert served.post() == 200
        text = served.request("GET", "/metrics").body.decode()  # type: ignore[attr-defined]
    assert "nbincoming_last_reload_successful 0.0" in text
    assert "nbincoming_restarts 1.0" in text


def test_a_reload_that_would_close_the_login_is_refused(tmp_path: Path) -> None:
    """With ``--keys``, specs that leave no scheme to log in for are as bad as broken ones."""
    path = publish(tmp_path)
    options = ("--watch", "0.1", "--keys", tmp_path / "keys.json")
    with serving(path, *options, cwd=tmp_path) as served:
        publish(tmp_path, authorization={"scheme": "none"})
        served.wait_for("Specs were not reloaded; the old ones stay in force")
        assert served.post(sent={"Content-Type": "application/json"}) == 401


def test_sighup_reloads_secrets_too(tmp_path: Path) -> None:
    """Rotating a secret in a file takes a signal and no restart."""
    secret = tmp_path / "key"
    secret.write_text(SECRET)
    auth = {"scheme": "jwt", "secrets": [f"file:{secret}"]}
    with serving(publish(tmp_path, authorization=auth), "--watch", "0", cwd=tmp_path) as served:
        assert served.post(complaint(1)) == 200
        served.wait_for("serving")
        secret.write_text(new_secret())
        served.process.send_signal(signal.SIGHUP)
        served.wait_for("serving")
        assert served.post(complaint(2)) == 401
