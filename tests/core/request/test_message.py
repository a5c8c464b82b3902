"""Requests and responses: bytes as they came."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.request.message import (
    Request,
    Response,
)
from tests.core.strategies import requests


def post(target: str = "/x", headers: tuple[tuple[bytes, bytes], ...] = ()) -> Request:
    return Request("POST", target, headers, b"{}", 0)


@pytest.mark.parametrize(
    ("target", "path"),
    [("/a/b", "/a/b"), ("/a?b=1", "/a"), ("/a?b?c", "/a"), ("", ""), ("?x", "")],
)
def test_the_path_is_the_target_without_its_query(target: str, path: str) -> None:
    """The query starts at the first question mark."""
    assert post(target).path == path


@pytest.mark.parametrize(
    ("target", "values"),
    [
        ("/x", []),
        ("/x?", []),
        ("/x?hub.mode=subscribe", ["subscribe"]),
        ("/x?hub.mode=a&hub.mode=b", ["a", "b"]),
        ("/x?hub.mode=", [""]),
        ("/x?hub.mode", [""]),
        ("/x?hub.mode=a%20b+c", ["a b c"]),
        ("/x?hub.mode=%C5%BC", ["ż"]),
        ("/x?hub.mode=%ff", ["\ufffd"]),
        ("/x?hub.mode=a;hub.mode=b", ["a;hub.mode=b"]),
        ("//[/?hub.mode=a", ["a"]),
        ("/x?HUB.MODE=a", []),
    ],
)
def test_a_query_parameter_has_its_values_in_order(target: str, values: list[str]) -> None:
    """Escapes are read, repetition is kept, and nothing is guessed."""
    assert post(target).query("hub.mode") == values


def test_a_header_is_found_in_any_case_and_in_order() -> None:
    """Names have no case; repeated headers are kept apart."""
    request = post(headers=((b"X-A", b"1"), (b"x-b", b"2"), (b"x-a", b"3, 4")))
    assert request.header(b"x-a") == [b"1", b"3, 4"]
    assert request.header(b"x-c") == []


def test_white_space_around_a_value_is_none_of_it() -> None:
    """Servers differ in how much of it they leave (RFC 9110, 5.5)."""
    request = post(headers=((b"x-a", b"\t 1 2 \t"), (b"x-a", b" ")))
    assert request.header(b"x-a") == [b"1 2", b""]


@given(st.binary(min_size=1), st.binary(min_size=1))
def test_a_request_shows_neither_headers_nor_body(name: bytes, secret: bytes) -> None:
    """Its text ends up in logs and tracebacks, where no secret may be."""
    plain = Request("POST", "/x?token=1", (), b"", 0)
    full = Request("POST", "/x?token=1", ((name, secret),), secret, 0)
    assert repr(plain) == "<Request 'POST /x' with 0 bytes>"
    assert repr(full) == f"<Request 'POST /x' with {len(secret)} bytes>"


def test_a_request_shows_its_path_on_one_line() -> None:
    """A path cannot forge lines of a log."""
    text = repr(post("/x\nroot logged in" + "x" * 1_000))
    assert "\n" not in text
    assert len(text) < 120


@given(requests)
def test_any_request_can_be_asked_anything(request: Request) -> None:
    """Hostile targets and headers raise nothing."""
    assert isinstance(request.query("hub.mode"), list)
    assert isinstance(request.header(b"content-type"), list)
    assert request.target.startswith(request.path)
    assert repr(request)


def test_a_request_and_a_response_do_not_change() -> None:
    """They are values: what was signed is what is judged."""
    with pytest.raises(AttributeError):
        post().body = b"other"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Response(200).status = 500  # type: ignore[misc]


def test_a_response_is_empty_unless_it_says_more() -> None:
    """204 needs no more than its status."""
    assert Response(204) == Response(204, (), b"")
