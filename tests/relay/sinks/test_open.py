"""Sinks by their URL: what opens them, what is said of a wrong one, where each is documented."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from nbincoming.errors import MissingExtra
from nbincoming.relay.sinks.opening import (
    SINK_KINDS,
    open_sink,
    open_sinks,
    sink_name,
)
from nbincoming.relay.sinks.sink import SinkError

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "delivery.md").read_text()


def table() -> list[str]:
    """Return the rows of the page's table of sinks."""
    rows = PAGE.partition("| Sink | URL |")[2].partition("\n\n")[0]
    return rows.splitlines()[2:]


@pytest.mark.parametrize("scheme", SINK_KINDS)
def test_every_kind_of_sink_is_documented(scheme: str) -> None:
    """It has a row in docs/delivery.md with its URL, its extra, and a section of its own."""
    kind = SINK_KINDS[scheme]
    (row,) = [row for row in table() if f"`{kind.url}`" in row]
    assert re.search(rf"`{re.escape(scheme)}(://|:|`)", row)
    assert not kind.extra or f"`nbincoming[{kind.extra}]`" in row
    headings = re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    assert scheme in {name for words in headings for name in words.split(" and ")}


def test_no_row_speaks_of_a_kind_that_is_none() -> None:
    """The page lists what there is, and nothing else."""
    urls = {kind.url for kind in SINK_KINDS.values()}
    assert len(table()) == len(urls)
    assert {next(url for url in urls if f"`{url}`" in row) for row in table()} == urls


def test_every_extra_exists() -> None:
    """What a message tells to install is what pyproject.toml has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {kind.extra for kind in SINK_KINDS.values()} - {""}
    assert extras == {"serve", "kafka", "nats", "rabbitmq", "redis"}
    assert extras <= project["optional-dependencies"].keys()


@pytest.mark.parametrize("scheme", [name for name, kind in SINK_KINDS.items() if kind.needs])
def test_a_missing_client_is_one_sentence(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """It has the command to install it."""
    find = importlib.util.find_spec
    needs = SINK_KINDS[scheme].needs
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == needs else find(name, *rest),
    )
    with pytest.raises(MissingExtra) as caught:
        open_sink(f"{scheme}://host/0/x", {})
    assert f"pip install 'nbincoming[{SINK_KINDS[scheme].extra}]'" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://user:sesame@host/x", "postgres://host", "jsonl2:x"]
)
def test_an_unknown_kind_is_said(url: str) -> None:
    """All kinds are listed; what follows the scheme may be secret and is not repeated."""
    with pytest.raises(SinkError, match="is not a kind of sink") as caught:
        open_sink(url, {})
    assert all(kind.url in str(caught.value) for kind in SINK_KINDS.values())
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "scheme", [name for name in SINK_KINDS if SINK_KINDS[name].module != "lines"]
)
@pytest.mark.parametrize("user", ["user:sesame", ":sesame", "user:"])
def test_a_password_in_a_url_is_refused(scheme: str, user: str) -> None:
    """The message says where it belongs, and does not repeat it."""
    with pytest.raises(SinkError, match="must not contain a password") as caught:
        open_sink(f"{scheme}://{user}@host/0/x", {})
    assert "sesame" not in str(caught.value)
    assert "#env:NAME" in str(caught.value)


@pytest.mark.parametrize(
    "scheme", [name for name in SINK_KINDS if SINK_KINDS[name].module != "lines"]
)
@pytest.mark.parametrize("host", ["", "host:0", "host:port", "host:99999", "[::1"])
def test_a_host_must_be_one(scheme: str, host: str) -> None:
    """What is none is quoted, or the form is shown."""
    with pytest.raises(SinkError, match=rf"Write {re.escape(scheme)}://host:port/…"):
        open_sink(f"{scheme}://{host}/0/x", {})


@pytest.mark.parametrize("secrets", [{}, {"env:NAME": b""}], ids=["missing", "empty"])
@pytest.mark.parametrize(
    "scheme", [name for name in SINK_KINDS if SINK_KINDS[name].module != "lines"]
)
def test_a_missing_secret_is_named(scheme: str, secrets: dict[str, bytes]) -> None:
    """It is nothing to find out by a failed delivery."""
    with pytest.raises(SinkError, match="needs the secret 'env:NAME', which is not set"):
        open_sink(f"{scheme}://host/0/x#env:NAME", secrets)


@pytest.mark.parametrize("url", ["kafka://u@h/t", "nats://h/s", "amqp://u@h/q", "redis://h/0/s"])
def test_a_password_is_text(url: str) -> None:
    """One that is none is named, and no byte of it is shown."""
    with pytest.raises(SinkError, match=r"'env:NAME' of the sink .* is not UTF-8 text") as caught:
        open_sink(f"{url}#env:NAME", {"env:NAME": b"sesame\xff"})
    assert "sesame" not in str(caught.value)
    assert "xff" not in str(caught.value)


def test_a_name_has_nothing_secret() -> None:
    """Neither user nor options nor the secret's name; it does not change with them."""
    assert sink_name("https://me@host:8443/path?token=sesame#env:HOOK") == "https://host:8443/path"
    assert sink_name("kafka://me@a:9092,b:9092/t?x=1#env:K") == "kafka://a:9092,b:9092/t"
    assert sink_name("jsonl:out/a#b?.jsonl") == "jsonl:out/a#b?.jsonl"
    assert sink_name("stdout") == "stdout"


def test_sinks_are_opened_under_their_names(tmp_path: Path) -> None:
    """One of each."""
    url = f"jsonl:{tmp_path}/out.jsonl"
    sinks = open_sinks(["stdout", url], {})
    assert list(sinks) == ["stdout", url]
    for sink in sinks.values():
        sink.close()


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """Unknown kinds, missing secrets, and two of one name, which would share a place."""
    with pytest.raises(SinkError) as caught:
        open_sinks(
            [
                "ftp://host", "https://host/a#env:A", "https://host/b?x=1", "https://host/b?x=2",
                f"jsonl:{tmp_path}/out.jsonl",
            ],
            {},
        )  # fmt: skip
    said = str(caught.value)
    assert "'ftp' is not a kind of sink" in said
    assert "'env:A'" in said
    assert "The sink https://host/b is given twice" in said


def test_the_consumer_on_the_page_deals_with_each_event_once() -> None:
    """The code that readers copy works: repetitions, torn lines and all."""
    (code,) = re.findall(r"```python\n(import json\n.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "delivery.md", "exec"), names)
    texts = [
        f'{{"id": "{name}", "data": {{"body": "{name}", "headers": {{}}}}}}' for name in "abacb"
    ]
    done: list[str] = []
    known: set[str] = set()
    names["consume"]([*texts[:2], '{"id": "cut', *texts[2:]], known, done.append)
    assert done == ["a", "b", "c"]
    assert known == {"a", "b", "c"}
