"""Bytes become requests the same way however they are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbincoming.core.request.message import Request
from nbincoming.errors import InboxUnavailable
from nbincoming.http.request_parser import (
    ContinueExpected,
    ParserEvent,
    Phase,
    Refused,
    RequestParser,
)

MAX_HEAD_BYTES = 400
MAX_BODY_BYTES = 40

HEAD = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"
CHUNKED = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
EXPECTS = b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
LARGE = b"POST /x HTTP/1.1\r\nContent-Length: 50\r\n\r\n" + b"x" * 50
LAST = b"POST /x HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
UPGRADE = HEAD[:-2] + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n{}"
UPGRADE_CHUNKED = (
    CHUNKED[:-2] + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + b"2\r\n{}\r\n0\r\n\r\n"
)
PIECES = [
    HEAD + b"{}",
    HEAD + b"{",
    b"POST /y?a=b HTTP/1.1\r\nX: 1\r\nContent-Length: 3\r\n\r\n[1]",
    b"GET /healthz HTTP/1.1\r\n\r\n",
    b"POST http://h/x?q HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    CHUNKED + b"2\r\n{}\r\n0\r\n\r\n",
    CHUNKED + b"1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n",
    EXPECTS + b"{}",
    LARGE,
    CHUNKED + b"32\r\n" + b"x" * 50 + b"\r\n0\r\n\r\n",
    UPGRADE,
    UPGRADE.replace(b"Length: 2", b"Length: 50"),
    UPGRADE_CHUNKED,
    UPGRADE_CHUNKED.replace(b"2\r\n{}", b"32\r\n" + b"x" * 50),
    UPGRADE_CHUNKED.replace(b"2\r\n{}", b"no size"),
    UPGRADE + HEAD,
    b"{}",
    b"\r\n",
    LAST,
    b"POST /x HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /x HTTP/1.1\r\nBad\r\n\r\n",
    b"POST * HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n",
]


def new_parser() -> RequestParser:
    """Make a parser with small limits."""
    return RequestParser(lambda _: MAX_BODY_BYTES, MAX_HEAD_BYTES)


def read(*parts: bytes) -> list[ParserEvent]:
    """Return the events of bytes that come in parts."""
    parser = new_parser()
    return [event for part in parts for event in parser.feed(part, 7)]


def plain(events: list[ParserEvent]) -> list[object]:
    """Return events that can be compared; senders get no 100 Continue for a whole request."""
    return [
        (event.refusal.status, event.path, event.method) if isinstance(event, Refused) else event
        for event in events
        if not isinstance(event, ContinueExpected)
    ]


@settings(max_examples=1_500, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=6),
    cuts=st.lists(st.integers(0, 600), max_size=8),
)
@example(pieces=[HEAD + b"{}", PIECES[-1]], cuts=[73])
@example(pieces=[LARGE, HEAD + b"{}", LAST, HEAD + b"{}"], cuts=[30, 60])
def test_cutting_changes_nothing(pieces: list[bytes], cuts: list[int]) -> None:
    """Good, bad and pipelined requests, cut anywhere, give the same events."""
    whole = b"".join(pieces)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    parts = [whole[start:end] for start, end in pairwise(places)]
    assert plain(read(*parts)) == plain(read(whole))


def test_each_byte_alone_gives_the_same_request() -> None:
    """The request is complete at its last byte, not before."""
    (event,) = read(*(bytes((byte,)) for byte in HEAD + b"{}"))
    headers = ((b"Host", b"h"), (b"Content-Length", b"2"))
    assert event == Request("POST", "/x", headers, b"{}", 7)


def test_an_absolute_target_is_the_path() -> None:
    """Proxies send the whole URL (RFC 9112, 3.2.2)."""
    (event,) = read(b"GET http://host:80/a/b?c=d HTTP/1.1\r\n\r\n")
    assert isinstance(event, Request)
    assert event.target == "/a/b?c=d"


def test_a_sender_who_expects_to_continue_is_told_so() -> None:
    """Between the head and the body, and not where the body came along."""
    assert read(EXPECTS) == [ContinueExpected()]
    assert [type(event) for event in read(EXPECTS + b"{}")] == [Request]


def test_white_space_after_the_expectation_changes_nothing() -> None:
    """It is not part of the value."""
    assert read(EXPECTS.replace(b"continue", b"continue \t")) == [ContinueExpected()]


@pytest.mark.parametrize("sent", [UPGRADE, UPGRADE_CHUNKED])
def test_a_request_to_switch_protocols_has_its_body(sent: bytes) -> None:
    """Whatever frames it: Java's HttpClient and ``curl --http2`` ask, and send chunks."""
    (event,) = read(sent)
    assert isinstance(event, Request)
    assert event.body == b"{}"


def test_a_request_to_switch_protocols_may_wait_before_its_body() -> None:
    """It is told to go on, as any other."""
    head = UPGRADE[:-4] + b"Expect: 100-continue\r\n\r\n"
    assert read(head) == [ContinueExpected()]


def test_no_body_is_asked_for_that_would_be_too_large() -> None:
    """The announced length is enough to refuse it."""
    (event,) = read(EXPECTS.replace(b"Length: 2", b"Length: 41"))
    assert isinstance(event, Refused)
    assert (event.refusal.status, event.path) == (413, "/x")


def test_a_refused_body_is_dropped_and_the_next_request_taken() -> None:
    """The connection goes on after it."""
    parser = new_parser()
    assert [type(event) for event in parser.feed(LARGE[:-20], 0)] == [Refused]
    assert parser.feed(LARGE[-20:-10], 0) == []
    assert [type(event) for event in parser.feed(LARGE[-10:] + HEAD + b"{}", 0)] == [Request]


def test_a_refusal_by_the_path_ends_the_connection() -> None:
    """Such as that of a connection beyond the limit."""

    def refuse(_path: str) -> int:
        raise InboxUnavailable("Send it again.")

    parser = RequestParser(refuse, MAX_HEAD_BYTES)
    (event,) = parser.feed(HEAD, 0)
    assert isinstance(event, Refused)
    assert event.refusal.status == 503
    assert parser.phase is Phase.ENDED


@pytest.mark.parametrize("last", [LAST, UPGRADE, b"POST / HTTP/1.0\r\n\r\n", b"nonsense\r\n\r\n"])
def test_nothing_is_read_after_the_last_request(last: bytes) -> None:
    """What follows a request that closes the connection is none."""
    parser = new_parser()
    assert len(parser.feed(last + HEAD + b"{}", 0)) == 1
    assert parser.phase is Phase.ENDED
    assert parser.feed(HEAD + b"{}", 0) == []


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (b"", b"\r\n"),
        (HEAD + b"{}", b"\r\n"),
        (b"GET / HTTP/1.1\r\n", b"a: b\r\n"),
        (CHUNKED + b"2\r\n{}\r\n0\r\n", b"a: b\r\n"),
        (CHUNKED + b"2\r\n{}\r\n0", b";x"),
    ],
    ids=["line feeds", "line feeds after", "headers", "trailers", "extension"],
)
def test_nothing_fills_the_memory(start: bytes, again: bytes) -> None:
    """What llhttp reads without a limit is refused with 431."""
    parser = new_parser()
    events = parser.feed(start, 0)
    for _ in range(MAX_HEAD_BYTES):
        events += parser.feed(again, 0)
    last = events[-1]
    assert isinstance(last, Refused)
    assert last.refusal.status == 431
    assert parser.phase is Phase.ENDED


def test_a_request_refused_before_is_not_refused_again() -> None:
    """A sender who is answered and then too slow is not answered twice."""
    parser = new_parser()
    parser.feed(LARGE[:-1], 0)
    assert parser.refuse(InboxUnavailable("Send it again.")) == []
    assert parser.phase is Phase.ENDED


@pytest.mark.parametrize("space", [b" ", b"\t", b" \t "])
def test_white_space_around_a_value_is_not_part_of_it(space: bytes) -> None:
    """RFC 9110, 5.5: two senders that differ only in it send the same value."""
    (event,) = read(b"GET / HTTP/1.1\r\nX:" + space + b"a b" + space + b"\r\n\r\n")
    assert isinstance(event, Request)
    assert event.header(b"x") == [b"a b"]


@pytest.mark.parametrize(
    ("sent", "target"),
    [
        (b"POST /x?q HTTP/1.1\r\nX : 1\r\n\r\n", "/x?q"),
        (b"POST http://h/x HTTP/1.1\r\nX : 1\r\n\r\n", "/x"),
        (b"POST h:// HTTP/1.1\r\nX : 1\r\n\r\n", ""),
        (HEAD + b"{}nonsense\r\n\r\n", ""),
        (b"nonsense", ""),
    ],
)
def test_a_refusal_has_what_was_read_of_the_target(sent: bytes, target: str) -> None:
    """So that it can be shown at the endpoint that was meant."""
    last = read(sent)[-1]
    assert isinstance(last, Refused)
    assert (last.refusal.status, last.target) == (400, target)
