"""The integration in code: its draft, requests, samples and files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbincoming as nbi
from nbincoming import files
from nbincoming.core.outcomes import Rejected
from nbincoming.core.request.values import MISSING, json_text
from nbincoming.core.spec.model import Spec
from nbincoming.errors import (
    BadJSON,
    ConditionError,
    ListenerError,
    NbIncomingError,
    SecretError,
    SentenceError,
    SpecError,
)
from nbincoming.files import VersionExistsError, load
from nbincoming.notebook.endpoint import capture as module
from nbincoming.notebook.endpoint.sending import post
from nbincoming.notebook.inspection import UnknownSample
from nbincoming.notebook.integration import Integration
from nbincoming.samples.profile import ParameterProfile
from tests.notebook.conftest import Make
from tests.samples.making import request

SECRET, KEY = "env:ORDERS_TEST_KEY", "a key of more than thirty-two bytes in all"
P = nbi.P


@pytest.fixture
def inc(make: Make) -> Integration:
    """A new integration."""
    return make()


def send(inc: Integration, body: Any) -> int:
    """Post a JSON value, or raw bytes."""
    raw = body if isinstance(body, bytes) else json_text(body).encode()
    return post(inc.url, raw, {})


def capture(inc: Integration, *bodies: Any) -> None:
    """Capture requests under the draft."""
    inc.endpoint.open_window(60)
    for body in bodies:
        send(inc, body)
    inc.endpoint.close_window()


# --- making ------------------------------------------------------------------------------


def test_the_same_name_is_the_same_integration(make: Make) -> None:
    """Running the cell again returns the same object with its draft and samples."""
    inc = make()
    inc.deduplicate("body.id")
    capture(inc, {"id": 1})
    again = make()
    assert again is inc
    assert (len(again.samples), again.draft.deduplication) == (1, inc.draft.deduplication)


def test_another_folder_than_the_living_ones_is_an_error(make: Make, tmp_path: Path) -> None:
    """The message names both folders. The same folder, or none, returns the integration."""
    inc = make()
    other = tmp_path / "other"
    with pytest.raises(NbIncomingError, match="close the integration first") as caught:
        make(folder=other)
    assert f"{str(tmp_path)!r}, and {str(other)!r} was given" in str(caught.value)
    assert make(folder=other / "..") is Integration("orders") is inc
    inc.close()
    assert make(folder=other).save().is_relative_to(other)


def test_another_name_has_another_endpoint(make: Make) -> None:
    """Endpoints are random UUIDs, so one does not reveal another."""
    assert make("one").draft.endpoint != make("two").draft.endpoint


def test_a_new_integration_after_closing_is_another(make: Make) -> None:
    """A draft that was not saved is lost, with its endpoint."""
    inc = make()
    endpoint = inc.draft.endpoint
    inc.close()
    assert make().draft.endpoint != endpoint


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".x", "x.", "a b", "x" * 81, "ż", "a\x00b"])
def test_a_name_that_cannot_name_a_file_is_refused(make: Make, name: str) -> None:
    """It is refused before any file is read, and no integration is left behind."""
    with pytest.raises(SpecError, match="Use letters"):
        make(name)
    assert name not in Integration._living


def test_no_file_outside_its_folders_is_read(make: Make, tmp_path: Path) -> None:
    """A name is not a path, even if it leads to a file."""
    outside = tmp_path / "outside"
    files.save_draft(Spec(name="x", endpoint="0b6f1f2e-8a44-4c4e-9d3e-0d1f0a1b2c3d"), outside)
    (tmp_path / "in" / "drafts").mkdir(parents=True)
    with pytest.raises(SpecError, match="Use letters"):
        make("../../outside/x", folder=tmp_path / "in")


def test_a_published_spec_is_taken_up(make: Make) -> None:
    """Without a saved draft, the draft is the published version and counts as unchanged."""
    inc = make()
    inc.deduplicate("body.id")
    published = inc.publish()
    inc.close()
    again = make()
    assert again is not inc
    assert again.published == published
    assert again.draft.endpoint == published.endpoint
    assert again.draft.deduplication == published.deduplication
    assert (again.draft.version, again.state.changed) == (0, False)


def test_a_draft_goes_before_what_was_published(make: Make) -> None:
    """A draft that was saved after publishing is opened."""
    inc = make()
    inc.publish()
    inc.deduplicate("body.id")
    inc.save()
    inc.close()
    again = make()
    assert again.draft.deduplication == inc.draft.deduplication
    assert again.state.changed


def test_a_damaged_file_is_not_overlooked(make: Make, tmp_path: Path) -> None:
    """The error names the file and its problem; no new draft is made."""
    path = make().save()
    make().close()
    path.write_text("{")
    with pytest.raises(SpecError, match=r"orders\.draft\.incoming\.json has 1 problem"):
        make()


def test_a_file_under_another_name_is_refused(make: Make) -> None:
    """A renamed copy still contains the old name and endpoint."""
    path = make().save()
    path.rename(path.with_name("copy.draft.incoming.json"))
    with pytest.raises(SpecError, match="named after 'copy' and holds 'orders'"):
        make("copy")


def test_an_endpoint_belongs_to_one_integration(make: Make) -> None:
    """A copy of a draft needs a UUID of its own: requests would reach just one of them."""
    inc = make()
    path = inc.save()
    text = path.read_text().replace('"orders"', '"copy"')
    path.with_name("copy.draft.incoming.json").write_text(text)
    with pytest.raises(SpecError, match="'orders' has this endpoint already"):
        make("copy")
    inc.close()
    assert make("copy").name == "copy"


# --- the draft -----------------------------------------------------------------------------


def unchanged(inc: Integration, error: type[Exception], work: Callable[[], object]) -> str:
    """Run something that must raise, check that the state is unchanged, and return the message."""
    before = inc.state
    with pytest.raises(error) as caught:
        work()
    assert inc.state == before
    return str(caught.value)


def test_the_authorization_is_a_scheme(inc: Integration) -> None:
    """Anything else is refused with the names of the schemes, and changes nothing."""

    def assign() -> None:
        inc.authorization = "jwt"  # type: ignore[assignment]

    assert "nbi.jwt(…)" in unchanged(inc, SpecError, assign)


def test_labels_may_be_parameters(inc: Integration) -> None:
    """Deduplication accepts parameters of the builder."""
    inc.deduplicate(P.body.complaint.id, 'body["a b"]')
    assert inc.draft.deduplication is not None
    assert inc.draft.deduplication.parameters == ("body.complaint.id", 'body["a b"]')


def test_without_labels_nothing_is_deduplicated(inc: Integration) -> None:
    """Deduplication is turned off."""
    inc.deduplicate("body.id", window="PT1H", anchor="first_accepted", claims="triggered")
    inc.deduplicate()
    assert inc.draft.deduplication is None


def test_triggers_keep_their_order(inc: Integration) -> None:
    """A trigger with a known name is replaced in place; a new one is added at the end."""
    for name in ("one", "two"):
        inc.trigger(name, P.body.a == 1)
    inc.trigger("one", P.body.a == 2)
    assert [(each.name, str(each.when)) for each in inc.draft.triggers] == [
        ("one", "body.a equals 2"),
        ("two", "body.a equals 1"),
    ]


def test_a_trigger_is_removed_by_its_name(inc: Integration) -> None:
    """Removing an unknown trigger does nothing."""
    inc.trigger("one", P.body.a == 1)
    inc.remove_trigger("two")
    inc.remove_trigger("one")
    assert inc.draft.triggers == ()


@pytest.mark.parametrize("name", ["", "x" * 81])
def test_a_trigger_needs_a_name(inc: Integration, name: str) -> None:
    """The message has the place, as for every problem of a draft."""
    message = unchanged(inc, SpecError, lambda: inc.trigger(name, P.body.a == 1))
    assert "triggers[0].name" in message


@pytest.mark.parametrize("condition", [True, 5, None, P.body.a])
def test_a_trigger_needs_a_condition(inc: Integration, condition: Any) -> None:
    """Anything that is not a condition is refused, such as a plain bool."""
    message = unchanged(inc, ConditionError, lambda: inc.trigger("x", condition))
    assert "needs a condition" in message


def test_a_text_that_is_no_condition_changes_nothing(inc: Integration) -> None:
    """The message says at which character the text stops being a condition."""
    message = unchanged(inc, SentenceError, lambda: inc.trigger("x", "body.a is 1"))
    assert message.startswith("At character 8, before 'is 1'")


@pytest.mark.parametrize(
    ("labels", "options", "place"),
    [
        (("bdy.id",), {}, "deduplication.parameters[0]"),
        (("body.a", "body.a"), {}, "deduplication.parameters"),
        (("body.a", "body.b", "body.c", "body.d", "body.e", "body.f"), {}, "at most 5"),
        (("headers.cookie",), {}, "credentials"),
        (("body.a",), {"window": "P1M"}, "deduplication.window"),
        (("body.a",), {"anchor": "first"}, "deduplication.anchor"),
        (("body.a",), {"claims": "none"}, "deduplication.claims"),
    ],
)
def test_a_bad_key_is_refused(
    inc: Integration, labels: tuple[str, ...], options: dict[str, str], place: str
) -> None:
    """The message has the place of the problem, and nothing changes."""
    assert place in unchanged(inc, SpecError, lambda: inc.deduplicate(*labels, **options))


def test_watchers_never_see_a_change_that_failed(inc: Integration) -> None:
    """After the error the state contains no problem of the failed change."""
    inc.listen()
    with pytest.raises(SpecError):
        inc.deduplicate("nowhere")
    assert dict(inc.state.problems) == {}


# --- retrieving ------------------------------------------------------------------------------


@contextmanager
def sending(inc: Integration, *bodies: Any) -> Iterator[None]:
    """Send requests from another thread as soon as a window is open."""
    opened = threading.Event()
    stop = inc.store.watch(lambda: opened.set() if inc.state.window else None)

    def work() -> None:
        if opened.wait(10):
            for body in bodies:
                send(inc, body)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        opened.set()
        thread.join(10)
        stop()


def test_retrieve_waits_for_as_many_as_asked(inc: Integration) -> None:
    """It returns all captured requests in order, refused ones included."""
    inc.listen()
    with sending(inc, {"n": 1}, b"{", {"n": 2}):
        came = inc.retrieve(30, count=2)
    assert [sample.status for sample in came] == [200, 400, 200]
    assert inc.state.window is None


def test_retrieve_returns_what_came_now(inc: Integration) -> None:
    """It returns only new samples; older ones stay in inc.samples."""
    capture(inc, {"n": 0})
    with sending(inc, {"n": 1}):
        came = inc.retrieve(30)
    assert [sample.number for sample in came] == [1]
    assert len(inc.samples) == 2


def test_retrieve_captures_under_the_published_version(inc: Integration) -> None:
    """After a publication that version answers, and the window counts its requests."""
    inc.deduplicate("body.id")
    inc.publish()
    inc.listen()
    with sending(inc, {"id": 1}):
        came = inc.retrieve(30)
    assert [(sample.outcome_name, sample.version) for sample in came] == [("accepted", 1)]


def test_an_interrupt_in_the_countdown_closes_the_window(
    inc: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an interrupt the endpoint answers 404."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    @contextmanager
    def interrupted(_: str) -> Iterator[Callable[[float], None]]:
        yield interrupt

    monkeypatch.setattr(module, "countdown", interrupted)
    with pytest.raises(KeyboardInterrupt):
        inc.retrieve(60)
    assert inc.state.window is None
    assert send(inc, {}) == 404


def test_a_time_out_says_where_to_send(
    inc: Integration, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints one sentence with the URL and what to do."""
    came = inc.retrieve(0.01)
    assert len(came) == 0
    printed = capsys.readouterr().out
    assert inc.url in printed
    assert "call retrieve() again" in printed


@pytest.mark.parametrize("timeout_s", [0, -1])
def test_a_window_needs_time(inc: Integration, timeout_s: float) -> None:
    """A timeout of zero or less is refused, and no window opens."""
    unchanged(inc, ValueError, lambda: inc.endpoint.open_window(timeout_s))


@pytest.mark.parametrize(
    "work", [lambda inc: inc.endpoint.open_window(9), lambda inc: inc.endpoint.send_example()],
    ids=["open_window", "send_example"],
)  # fmt: skip
def test_what_needs_a_secret_names_it(
    inc: Integration, work: Callable[[Integration], object]
) -> None:
    """The error names the secret, and no window opens."""
    inc.listen()
    inc.authorization = nbi.meta(secret=SECRET)
    assert SECRET in unchanged(inc, SecretError, lambda: work(inc))


def test_the_example_is_signed_as_the_endpoint_wants_it(inc: Integration) -> None:
    """The example is accepted under each scheme with a shared secret."""
    inc.set_secret(SECRET, KEY)
    for scheme in (
        nbi.no_authorization(), nbi.jwt(secret=SECRET), nbi.meta(secret=SECRET),
        nbi.hmac(secret=SECRET, header="X-S"),
    ):  # fmt: skip
        inc.authorization = scheme
        inc.endpoint.open_window(60)
        assert inc.endpoint.send_example() == 200
        assert inc.endpoint.send_example({"price": 0.1, "n": 2**70}) == 200


def test_a_token_is_what_the_draft_accepts(inc: Integration) -> None:
    """The token has the audience, issuer and permission that the draft asks for."""
    inc.set_secret(SECRET, KEY)
    inc.authorization = nbi.jwt(
        secret=SECRET, audience="us", issuer="them", permission="CALL", permissions_claim="scope"
    )
    inc.endpoint.open_window(60)
    assert post(inc.url, b"{}", {"Authorization": f"Bearer {inc.token()}"}) == 200


def test_only_jwt_has_tokens(inc: Integration) -> None:
    """Under another scheme the error names nbi.jwt."""
    assert "nbi.jwt" in unchanged(inc, SecretError, inc.token)


# --- looking ---------------------------------------------------------------------------------


def test_explain_says_why_leaf_by_leaf(inc: Integration) -> None:
    """There is one row for each leaf: its trigger, sentence, result, and the value seen."""
    capture(inc, {"priority": "low", "n": 2**60})
    inc.trigger("urgent", (P.body.priority == "high") & P.body.gone.exists())
    inc.trigger("large", P.body.n > 5)
    frame = inc.explain()
    assert list(frame.columns) == ["trigger", "condition", "holds", "seen", "type", "reason"]
    assert frame["trigger"].tolist() == ["urgent", "urgent", "large"]
    assert frame["holds"].tolist() == [False, False, True]
    assert frame["seen"].tolist() == ["low", MISSING, 2**60]
    assert frame["type"].tolist() == ["string", "missing", "number"]
    assert frame["reason"][0] == 'it is "low"'


def test_what_is_not_json_has_no_explanation(inc: Integration) -> None:
    """A body that is not JSON has no parameters, so the frame is empty."""
    inc.trigger("urgent", P.body.a == 1)
    inc.samples.add(request(b"{"), Rejected(BadJSON("No.")))
    assert len(inc.explain(0)) == 0


def test_samples_are_named_by_their_numbers(inc: Integration) -> None:
    """The number is that of the frame's index, also when older samples are gone."""
    inc.trigger("large", P.body.n > 1)
    capture(inc, {"n": 0}, {"n": 1})
    inc.samples.clear()
    capture(inc, {"n": 2}, {"n": 3})
    assert list(inc.samples.frame().index) == [2, 3]
    assert [inc.explain(number)["seen"][0] for number in (2, 3)] == [2, 3]
    assert inc.explain()["seen"][0] == 3


@pytest.mark.parametrize("number", [-1, 1, 4])
@pytest.mark.parametrize("look", [Integration.explain, Integration.diagnose])
def test_an_unknown_number_is_an_error(
    inc: Integration, look: Callable[[Integration, int], object], number: int
) -> None:
    """The message says which numbers there are; a position, also from the end, is none."""
    capture(inc, {}, {})
    inc.samples.clear()
    capture(inc, {}, {})
    with pytest.raises(UnknownSample, match=rf"number {number}\. The samples are #2 to #3, as"):
        look(inc, number)


def test_without_samples_there_is_nothing_to_explain(inc: Integration) -> None:
    """The message says how to get one."""
    with pytest.raises(UnknownSample, match=r"no samples yet\. Call retrieve\(\)"):
        inc.explain()


def test_profiles_follow_the_samples(inc: Integration) -> None:
    """Profiles follow added and cleared samples; refused requests are not profiled."""

    def body_profiles() -> list[ParameterProfile]:
        return [each for each in inc.inspection.profiles() if each.label.startswith("body")]

    assert inc.inspection.profiles() == []
    capture(inc, {"a": 1}, b"{")
    assert [each.label for each in inc.inspection.profiles() if each.label.startswith("body")] == [
        "body.a"
    ]
    capture(inc, {"a": 1, "b": 2})
    assert [each.count for each in inc.inspection.profiles() if each.label.startswith("body")] == [
        2,
        1,
    ]
    inc.samples.clear()
    assert inc.inspection.profiles() == []


def test_the_name_of_a_file_is_not_taken_for_its_content(inc: Integration, tmp_path: Path) -> None:
    """The error says how to read the file; a Path does."""
    path = tmp_path / "history.jsonl"
    path.write_text('{"a": 1}\n')
    message = unchanged(inc, NbIncomingError, lambda: inc.import_samples(str(path)))
    assert f"Give Path({str(path)!r})" in message
    assert len(inc.import_samples(path)) == len(inc.import_samples('{"a": 1}')) == 1


def test_events_are_a_frame(inc: Integration) -> None:
    """There is one row for each event, with the raw body; before the first, none."""
    columns = ["id", "version", "key", "triggers", "received_at_ms", "body"]
    assert list(inc.endpoint.events().columns) == columns
    inc.deduplicate("body.id")
    inc.trigger("all", P.body.exists())
    inc.publish()
    inc.listen()
    send(inc, b'{"id": 1.50}')
    event = inc.endpoint.events().iloc[0]
    assert (event["version"], event["triggers"], event["body"]) == (1, "all", '{"id": 1.50}')
    assert len(event["key"]) == 64
    assert isinstance(inc.endpoint.events(), pd.DataFrame)


def test_it_says_what_it_is(inc: Integration) -> None:
    """repr is one line; str is a text for front ends without widgets."""
    assert repr(inc) == "<Integration 'orders': Draft, <Samples: none yet>>"
    assert "call listen()" in str(inc)
    url = inc.listen()
    assert url in repr(inc)
    assert url in str(inc)


def test_it_shows_the_wizard_and_the_text(inc: Integration) -> None:
    """The bundle has the widget, and a text for front ends without widgets."""
    bundle = inc._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == str(inc)
    assert inc.url in bundle["text/plain"]


# --- files -----------------------------------------------------------------------------------


def test_saving_tells_where(inc: Integration, tmp_path: Path) -> None:
    """The draft is written to the integration's folder, or to the one given."""
    assert inc.save() == tmp_path / "drafts" / "orders.draft.incoming.json"
    assert inc.save(tmp_path / "else").parent == tmp_path / "else"
    assert str(tmp_path / "else") in inc.state.written


def test_publishing_is_told_and_served(inc: Integration, tmp_path: Path) -> None:
    """The state has the version and its file."""
    published = inc.publish(tmp_path / "else")
    assert inc.published == published == load(tmp_path / "else" / "orders.incoming.json")
    assert inc.state.published_path == str(tmp_path / "else" / "orders.incoming.json")
    assert inc.state.written.startswith("Published version 1")
    assert not inc.state.changed


def test_a_spec_carries_what_the_samples_showed(inc: Integration) -> None:
    """It has the observed parameters with their coverage, and redacted examples."""
    inc.trigger("high", P.body.priority == "high")
    capture(inc, {"priority": "high", "name": "Jane"}, {"priority": "low"}, b"{")
    published = inc.publish()
    assert {each.label: each.coverage for each in published.parameters}["body.name"] == "1/2"
    assert [each.name for each in published.examples] == ["accepted-high", "filtered"]
    assert "Jane" not in published.text()


def test_two_triggers_that_read_the_same_do_not_stop_publishing(inc: Integration) -> None:
    """Example names stay unique, so the file can be read."""
    for name in ("a", "b", "a-b"):
        inc.trigger(name, P.body[name].exists())
    capture(inc, {"a": 1, "b": 1}, {"a-b": 1})
    assert load(inc.publish() and inc.state.published_path) == inc.published


def test_publishing_that_fails_changes_nothing(inc: Integration, tmp_path: Path) -> None:
    """A version that cannot be written is not served."""
    (tmp_path / "file").write_text("")
    unchanged(inc, OSError, lambda: inc.publish(tmp_path / "file"))
    assert inc.published is None


def test_who_comes_second_publishes_again(
    inc: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that another process wrote is not overwritten; publishing again works."""
    inc.publish()
    with monkeypatch.context() as patch:
        patch.setattr(files, "_numbers", lambda *_: [])
        unchanged(inc, VersionExistsError, inc.publish)
    assert inc.publish().version == 2


def test_what_stands_in_the_way_of_publishing_is_listed(inc: Integration) -> None:
    """Code gets an error, and the wizard shows the problem."""
    inc.authorization = nbi.jwt(secret=SECRET)
    (problem,) = inc.endpoint.problems()
    assert problem.place == "authorization"
    with pytest.raises(SpecError, match=SECRET):
        inc.publish()
    assert inc.state.problems["publish"] == (problem,)
    inc.set_secret(SECRET, KEY)
    assert inc.endpoint.problems() == []
    inc.publish()
    assert "publish" not in inc.state.problems


# --- the end ---------------------------------------------------------------------------------


def test_closing_twice_is_no_error(inc: Integration) -> None:
    """Closing twice, or without having listened, does nothing."""
    inc.close()
    inc.close()


@pytest.mark.parametrize(
    "serve",
    [
        lambda inc: inc.listen(),
        lambda inc: inc.retrieve(1),
        lambda inc: inc.endpoint.open_window(60),
        lambda inc: inc.endpoint.listen_if_needed(),
        lambda inc: inc.endpoint.send_example(),
        lambda inc: inc.publish(),
        lambda inc: inc.wizard(),
        lambda inc: inc._repr_mimebundle_(),
        lambda inc: inc.url,
        lambda inc: inc.curl(),
    ],
)
@pytest.mark.parametrize("shown", [True, False])
def test_a_closed_integration_never_serves_again(
    make: Make, serve: Callable[[Integration], object], shown: bool
) -> None:
    """It would take the path of a newer one of its name; the error says what to use."""
    old = make()
    if shown:
        old.wizard()
    old.save()
    old.close()
    new = make()
    new.listen()
    assert new.draft.endpoint == old.draft.endpoint
    message = unchanged(old, ListenerError, lambda: serve(old))
    assert message.startswith("The integration 'orders' was closed.")
    assert "Make it again with Integration('orders')" in message
    assert not old.endpoint.listening
    capture(new, {"id": 1})
    assert (len(new.samples), len(old.samples)) == (1, 0)


def test_a_closed_integration_says_so(inc: Integration) -> None:
    """The text does not advise listen(), which would be refused; the draft can be saved."""
    inc.endpoint.open_window(60)
    inc.close()
    assert "Make it again with Integration('orders')" in str(inc)
    assert "listen()" not in str(inc)
    assert inc.state.window is None
    assert inc.save().is_file()


def test_an_endpoint_that_was_closed_alone_does_not_come_back(make: Make) -> None:
    """Making the integration again makes another one, as the error says."""
    inc = make()
    inc.save()
    inc.endpoint.close()
    again = make()
    assert again is not inc
    assert again.draft.endpoint == inc.draft.endpoint
    again.listen()


def test_closing_one_leaves_its_namesake(make: Make) -> None:
    """Closing an old object again does not close a new one of the same name."""
    old = make()
    old.close()
    new = make()
    old.close()
    assert make() is new


def test_all_are_closed_together(make: Make) -> None:
    """After close_all nothing listens."""
    both = [make("one"), make("two")]
    for inc in both:
        inc.listen()
    Integration.close_all()
    assert not any(inc.endpoint.listening for inc in both)
    with pytest.raises(ListenerError):
        _ = both[0].url
    assert Integration._living == {}


# --- for others ------------------------------------------------------------------------------


def test_a_version_says_who_when_and_what(inc: Integration) -> None:
    """It has the given author and change, and the kernel's time; the author is never guessed."""
    spec = inc.publish(changes="First", by="Ada")
    assert spec.published is not None
    assert (spec.published.by, spec.published.changes) == ("Ada", "First")
    assert spec.published.at.startswith("20")
    again = inc.publish()
    assert again.published is not None
    assert (again.published.by, again.published.changes) == ("", "")
    assert nbi.load(inc.state.published_path, 1) == spec


def test_the_schema_lies_beside_what_is_written(inc: Integration) -> None:
    """Editors find the schema through the spec's $schema."""
    for path in (inc.save(), Path(inc.publish() and inc.state.published_path)):
        assert nbi.load(path).schema_uri == "spec.schema.json"
        assert (path.parent / "spec.schema.json").is_file()


def test_the_draft_is_looked_over(inc: Integration) -> None:
    """Lint checks the draft with its samples, examples and secrets."""
    assert [each.code for each in inc.lint()] == ["NBI001", "NBI013"]
    inc.authorization = nbi.jwt(secret=SECRET)
    assert "NBI010" in [each.code for each in inc.lint()]
    inc.set_secret(SECRET, KEY)
    assert [each.code for each in inc.lint()] == ["NBI013"]


def test_every_format_can_be_had(inc: Integration) -> None:
    """The draft is exported, then the published version; payload schemas use all samples."""
    inc.endpoint.open_window(60)
    for number in (1, 2.5):
        inc.endpoint.send_example({"n": number})
    for _ in ("draft", "published"):
        assert inc.url.partition("/automation")[0] in inc.export("openapi")
        assert '"type": "number"' in inc.export("jsonschema")
        assert "Inferred from 2 samples" in inc.export("jsonschema")
        inc.publish()
