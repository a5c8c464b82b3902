"""The main job in Python, over real HTTP: draft, retrieve, choose, publish, be served."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import pandas as pd
import pytest

import nbincoming as nbi
from nbincoming import files
from nbincoming.api_keys import ApiKeyError, KeyFile
from nbincoming.core.examples import check_examples
from nbincoming.core.request.values import json_text
from nbincoming.errors import ConditionError, ListenerError, SecretError, SentenceError, SpecError
from nbincoming.export.example import EXAMPLE_BODY
from nbincoming.notebook.endpoint import capture
from nbincoming.notebook.endpoint.sending import post
from nbincoming.notebook.python_code import code
from nbincoming.notebook.wizard.state import CARDS, Define
from nbincoming.notebook.wizard.wizard import Wizard

SECRET_NAME = "env:WALK_KEY"
BODY = json_text(EXAMPLE_BODY).encode()


@pytest.fixture
def inc(tmp_path: Path) -> Iterator[nbi.Integration]:
    """An integration of the test's own, closed at the end."""
    made = nbi.Integration("walk", folder=tmp_path)
    yield made
    made.close()


@pytest.fixture
def published(inc: nbi.Integration) -> nbi.Integration:
    """An integration with JWT, a key and a trigger, published as version 1."""
    inc.endpoint.open_window(60)
    assert inc.endpoint.send_example() == 200
    inc.endpoint.close_window()
    inc.authorization = nbi.jwt(secret=SECRET_NAME)
    inc.set_secret(SECRET_NAME, nbi.new_secret())
    inc.deduplicate("body.complaint.id")
    inc.trigger("urgent", nbi.P.body.complaint.priority == "high")
    inc.publish()
    return inc


def token(inc: nbi.Integration) -> dict[str, str]:
    """Authorize a request."""
    return {"Authorization": f"Bearer {inc.token()}"}


def test_a_draft_answers_404(inc: nbi.Integration) -> None:
    """Outside the window nothing is answered or captured, but it is counted."""
    inc.listen()
    assert post(inc.url, BODY, {}) == 404
    assert len(inc.samples) == 0
    assert inc.state.missed == 1


def test_retrieve_returns_when_a_request_came(inc: nbi.Integration) -> None:
    """The window closes behind the first request that is not refused."""
    url = inc.listen()
    opened = threading.Event()
    inc.store.watch(lambda: opened.set() if inc.state.window else None)

    def send() -> None:
        opened.wait(60)
        post(url, BODY, {})

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    came = inc.retrieve(timeout_s=60)
    sender.join(60)
    assert [sample.outcome_name for sample in came] == ["accepted"]
    assert inc.state.window is None
    assert post(url, BODY, {}) == 404


def test_retrieve_says_that_none_came(
    inc: nbi.Integration, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the time is up there is a sentence with the URL, and no sample."""
    assert len(inc.retrieve(timeout_s=0.05)) == 0
    assert "No request came within 0.05 s" in capsys.readouterr().out
    assert inc.state.window is None


def test_an_interrupt_closes_the_window(
    inc: nbi.Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops the cell does not leave the draft open behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(capture, "wait_until", interrupt)
    with pytest.raises(KeyboardInterrupt):
        inc.retrieve(timeout_s=60)
    assert inc.state.window is None


def test_the_published_version_answers_as_the_spec_says(published: nbi.Integration) -> None:
    """200 for a new request, 204 for the same, 401, 403 and 400 for what is wrong."""
    good = token(published)
    powerless = {"Authorization": f"Bearer {published.token(permissions=[])}"}
    url = published.url
    assert [post(url, BODY, good), post(url, BODY, good)] == [200, 204]
    assert post(url, BODY, {}) == 401
    assert post(url, BODY, powerless) == 403
    assert post(url, BODY[:-1], good) == 400
    assert len(published.endpoint.events()) == 1


def test_the_published_file_is_whole(published: nbi.Integration) -> None:
    """It reads back as the spec that is served, and its examples agree."""
    spec = files.load(published.state.published_path)
    assert spec == published.published
    assert spec.version == 1
    assert [example.name for example in spec.examples] == ["accepted-urgent"]
    assert check_examples(spec) == []


def test_a_change_of_the_draft_is_not_served(published: nbi.Integration) -> None:
    """The endpoint goes on with version 1 until version 2 is published."""
    published.deduplicate()
    good = token(published)
    assert [post(published.url, BODY, good), post(published.url, BODY, good)] == [200, 204]
    published.publish()
    assert published.published is not None
    assert published.published.version == 2
    assert [post(published.url, BODY, good), post(published.url, BODY, good)] == [200, 200]


def test_no_secret_leaves_the_memory(published: nbi.Integration) -> None:
    """Neither the spec nor frames nor what is printed hold the secret or a token."""
    bearer = token(published)
    post(published.url, BODY, bearer)
    secret = published.secrets[SECRET_NAME].decode()
    seen = [
        Path(published.state.published_path).read_text(),
        published.samples.frame().to_string(max_colwidth=None),
        published.samples.profile().to_string(max_colwidth=None),
        published.endpoint.events().to_string(max_colwidth=None),
        *map(repr, (published, published.samples, published.samples[-1], published.secrets)),
        published.code(),
        published.curl(),
    ]
    for text in seen:
        assert secret not in text
        assert bearer["Authorization"].removeprefix("Bearer ") not in text


def test_values_are_exact_in_the_frame(inc: nbi.Integration) -> None:
    """A long integer beside a request without it stays what it is; null is not missing."""
    inc.endpoint.open_window(60)
    inc.endpoint.send_example({"id": 12345678901234567890, "note": None})
    inc.endpoint.send_example({"other": 0.1})
    frame = inc.samples.frame()
    assert frame["body.id"].tolist() == [12345678901234567890, pd.NA]
    assert frame["body.note"][0] is None
    assert frame["body.note"][1] is pd.NA
    assert str(frame["body.other"][1]) == "0.1"


def test_the_same_cell_again_is_the_same_integration(inc: nbi.Integration) -> None:
    """Running a cell again changes neither URL nor samples."""
    url = inc.listen()
    again = nbi.Integration("walk")
    assert again is inc
    assert again.listen() == url


def test_a_saved_draft_is_taken_up(tmp_path: Path) -> None:
    """After a restart, the draft and its endpoint are as they were saved."""
    first = nbi.Integration("resumed", folder=tmp_path)
    first.deduplicate("body.id")
    first.save()
    first.close()
    second = nbi.Integration("resumed", folder=tmp_path)
    assert second is not first
    assert second.draft == first.draft
    second.close()


def test_problems_are_raised_and_change_nothing(inc: nbi.Integration) -> None:
    """All problems come at once, with their places."""
    before = inc.draft
    with pytest.raises(SpecError) as caught:
        inc.deduplicate("bdy.id", "headers.authorization", window="P1M")
    assert [problem.place for problem in caught.value.problems] == [
        "deduplication.parameters[0]",
        "deduplication.parameters[1]",
        "deduplication.window",
    ]
    assert inc.draft == before


def test_a_missing_secret_is_named(inc: nbi.Integration) -> None:
    """A window in which nobody could get through does not open."""
    inc.authorization = nbi.jwt(secret=SECRET_NAME)
    with pytest.raises(SecretError, match=SECRET_NAME):
        inc.endpoint.open_window(5)
    with pytest.raises(SpecError, match=SECRET_NAME):
        inc.publish()
    assert inc.state.window is None


def test_the_code_makes_the_same_draft(published: nbi.Integration) -> None:
    """What the wizard shows as code gives the draft it was made from."""
    draft, text = published.draft, code(published.draft)
    published.close()
    scope: dict[str, nbi.Integration] = {}
    exec(text, scope)
    made = scope["inc"]
    apart = {"endpoint": draft.endpoint}
    assert made.draft.model_copy(update=apart) == draft
    made.close()


def test_judging_the_samples_does_not_touch_the_endpoint(published: nbi.Integration) -> None:
    """Judging the samples by the draft claims no key of the published version."""
    assert len(published.inspection.complete().examples) == 1
    assert post(published.url, BODY, token(published)) == 200


def test_there_is_no_url_before_listening(inc: nbi.Integration) -> None:
    """The message says what to do."""
    with pytest.raises(ListenerError, match="Call listen"):
        _ = inc.url


def test_hostile_text_reaches_the_wizard_escaped(inc: nbi.Integration) -> None:
    """A label or value that is markup is shown as text, in every card."""
    probe = "<img src=x onerror=alert(1)>"
    inc.endpoint.open_window(60)
    inc.endpoint.send_example({probe: probe, "list": [probe]})
    shown = Wizard(inc)
    for name in CARDS:
        inc.store.dispatch(Define(name))
        shown.refresh()
        assert probe not in html_of(shown.widget)


def html_of(widget: object) -> str:
    """Gather the HTML of a widget and of all below it."""
    own = widget.value if isinstance(widget, ipywidgets.HTML) else ""
    return own + "".join(html_of(child) for child in getattr(widget, "children", ()))


def test_an_api_key_is_exchanged_for_a_token(published: nbi.Integration) -> None:
    """The login of the platform: a key goes in, and the token opens the endpoint."""
    key = published.api_keys.add("portal")
    request = urllib.request.Request(
        published.endpoint.login_url,
        data=json.dumps({"apiKey": key}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        bearer = json.load(answer)["token"]
    assert post(published.url, BODY, {"Authorization": f"Bearer {bearer}"}) == 200
    published.api_keys.revoke("portal")
    assert post(published.endpoint.login_url, request.data, {}) == 401  # type: ignore[arg-type]


def test_api_keys_are_kept_in_the_file_that_production_reads(
    published: nbi.Integration, tmp_path: Path
) -> None:
    """What another process revokes is unknown at once; a damaged file lets nobody in."""
    published.api_keys.keep_in(tmp_path / "keys.json")
    login = json.dumps({"apiKey": published.api_keys.add("portal")}).encode()
    assert post(published.endpoint.login_url, login, {}) == 200
    assert [record.name for record in published.api_keys] == ["portal"]
    KeyFile(tmp_path / "keys.json").revoke("portal")
    assert post(published.endpoint.login_url, login, {}) == 401
    (tmp_path / "keys.json").write_text("damaged")
    assert post(published.endpoint.login_url, login, {}) == 503
    with pytest.raises(ApiKeyError):
        published.api_keys.keep_in(tmp_path / "keys.json")


def test_a_trigger_may_be_written_as_text(inc: nbi.Integration) -> None:
    """It is the condition that it says; what it does not say is refused with the place."""
    inc.trigger("urgent", 'body.complaint.priority equals "high"')
    (trigger,) = inc.draft.triggers
    assert trigger.when == (nbi.P.body.complaint.priority == "high")
    with pytest.raises(SentenceError, match="At character 25, before 'equal "):
        inc.trigger("urgent", 'body.complaint.priority equal "low"')
    with pytest.raises(ConditionError, match="or its text"):
        inc.trigger("urgent", 5)  # type: ignore[arg-type]


def test_a_refused_request_is_diagnosed(published: nbi.Integration) -> None:
    """Who forgot the word Bearer is told so, and no token is."""
    text = published.token()
    assert post(published.url, BODY, {"Authorization": text}) == 401
    (finding, *_) = published.diagnose()
    assert "Bearer" in str(finding)
    assert text not in str(finding)
