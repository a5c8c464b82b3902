"""``nbincoming inbox``: dead letters seen and delivered again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result

from nbincoming.cli import commands
from nbincoming.inbox.opening import (
    open_inbox,
    open_outbox,
)
from nbincoming.inbox.outbox import Outbox
from nbincoming.inbox.protocol import InboxURLError
from tests.inbox.cluster import Cluster
from tests.inbox.contract import Sender
from tests.inbox.outbox_contract import OTHER_SINK, SINK, fill, mark_dead
from tests.inbox.server import Server


@pytest.fixture(params=["sqlite", "redis", "cluster"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty inbox of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/inbox.db"
    if request.param == "cluster":
        cluster: Cluster = request.getfixturevalue("cluster")
        cluster.clear()
        return cluster.url
    valkey: Server = request.getfixturevalue("valkey")
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
    return valkey.url


@pytest.fixture
def ids(url: str) -> list[str]:
    """Have three events die at one sink, and the first at another; return their ids."""
    inbox, outbox, send = open_inbox(url), open_outbox(url), Sender()
    ids = fill(inbox, send, 3)
    for _ in ids:
        mark_dead(outbox, send, reason="HTTP 422")
    mark_dead(outbox, send, OTHER_SINK)
    inbox.close()
    outbox.close()
    return ids


@pytest.fixture
def outbox(url: str) -> Iterator[Outbox]:
    """Return the relay's side."""
    outbox = open_outbox(url)
    yield outbox
    outbox.close()


def run(*arguments: str, code: int = 0) -> Result:
    """Run the command."""
    done = CliRunner().invoke(commands, ["inbox", *arguments])
    assert done.exit_code == code, done.output
    return done


def listed(url: str, *arguments: str) -> list[dict[str, Any]]:
    """Return what `list` says to machines."""
    return list(json.loads(run("list", "--inbox", url, "--json", *arguments).stdout))


def test_an_inbox_without_dead_letters_says_so(url: str) -> None:
    """In words, and to machines by an empty list."""
    open_inbox(url).close()
    assert run("list", "--inbox", url).stdout == "No dead letters.\n"
    assert listed(url) == []


def test_dead_letters_are_listed(url: str, ids: list[str]) -> None:
    """With number, time, reason, event and sink; without what was in the request."""
    output = run("list", "--inbox", url).stdout
    for identity in ids:
        assert identity in output
    for word in ("HTTP 422", SINK, OTHER_SINK, "2024-06-10T09:15:31.000Z"):
        assert word in output
    assert '"n"' not in output


def test_machines_read_the_same(url: str, ids: list[str]) -> None:
    """As JSON, of one sink where that is asked for."""
    assert len(listed(url)) == 4
    letters = listed(url, "--sink", SINK)
    assert [letter["event"]["id"] for letter in letters] == ids
    assert letters[0]["event"]["triggers"] == ["a", "b"]
    assert letters[0]["died_at"] == "2024-06-10T09:15:31.000Z"
    assert len({letter["number"] for letter in letters}) == 3


def test_a_long_list_is_cut_and_says_so(url: str, ids: list[str]) -> None:
    """Nobody takes a part for the whole."""
    output = run("list", "--inbox", url, "--limit", "2").stdout
    assert output.count("event ") == 2
    assert "There are more than 2." in output


def test_chosen_ones_are_redriven(url: str, ids: list[str], outbox: Outbox) -> None:
    """By the numbers that the list shows; the list says so afterwards."""
    number = listed(url, "--sink", SINK)[1]["number"]
    done = run("redrive", "--inbox", url, number)
    assert done.stdout == "1 dead letter is to be delivered again.\n"
    assert [letter.event.id for letter in outbox.redriven(SINK)] == [ids[1]]
    assert "to be delivered again" in run("list", "--inbox", url).stdout


def test_all_are_redriven(url: str, ids: list[str], outbox: Outbox) -> None:
    """Or all of one sink."""
    done = run("redrive", "--inbox", url, "--all", "--sink", OTHER_SINK, "--json")
    assert len(json.loads(done.stdout)["redriven"]) == 1
    assert outbox.redriven(SINK) == []
    done = run("redrive", "--inbox", url, "--all")
    assert done.stdout == "4 dead letters are to be delivered again.\n"
    assert len(outbox.redriven(SINK)) == 3


def test_an_unknown_number_is_named(url: str, ids: list[str], outbox: Outbox) -> None:
    """The others are redriven all the same; exit code 2."""
    number = listed(url)[0]["number"]
    done = run("redrive", "--inbox", url, number, "99/unknown", code=2)
    assert "No dead letter has the number 99/unknown." in done.output
    assert "1 dead letter is" in done.output


@pytest.mark.parametrize("arguments", [[], ["1", "--all"]])
def test_what_to_redrive_must_be_said(arguments: list[str], url: str) -> None:
    """Neither nothing nor both."""
    done = run("redrive", "--inbox", url, *arguments, code=2)
    assert "Give the numbers of dead letters, or --all." in done.output


def test_a_slip_in_the_name_makes_no_inbox(tmp_path: Path) -> None:
    """A file that is not there is said to be missing, and is not made."""
    done = CliRunner().invoke(commands, ["inbox", "list", "--inbox", f"sqlite:///{tmp_path}/x.db"])
    assert isinstance(done.exception, InboxURLError)
    assert "x.db does not exist" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
