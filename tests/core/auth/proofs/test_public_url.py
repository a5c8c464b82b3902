"""The URL to which a sender posted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.core.auth.proofs.public_url import check_url, public_url
from nbincoming.core.request.message import Request
from nbincoming.errors import BadSignature


def request(target: str = "/hook?a=1", **headers: str) -> Request:
    """Make a request; the names of headers are written with underscores."""
    pairs = ((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return Request("POST", target, tuple(pairs), b"", 0)


PROXIED = {"host": "10.0.0.1", "x_forwarded_host": "a.example, b", "x_forwarded_proto": "https"}


@pytest.mark.parametrize(
    ("option", "url"),
    [
        (None, b"https://10.0.0.1/hook?a=1"),
        ("forwarded", b"https://a.example/hook?a=1"),
        ("https://b.example", b"https://b.example/hook?a=1"),
        ("http://b.example:8080/in/", b"http://b.example:8080/in/?a=1"),
    ],
)
def test_the_option_says_where_the_url_comes_from(option: str | None, url: bytes) -> None:
    """By default from the Host header; the query is always that of the request."""
    assert public_url(request(**PROXIED), option) == url


def test_a_url_without_query_stays_without() -> None:
    """No question mark is added."""
    assert public_url(request("/hook", host="a"), "https://b.example/x") == b"https://b.example/x"


@pytest.mark.parametrize("option", [None, "forwarded"])
def test_a_missing_host_is_refused(option: str | None) -> None:
    """With the header that is missing."""
    with pytest.raises(BadSignature, match="given 0 times"):
        public_url(request(), option)


@given(target=st.text(), host=st.binary())
def test_nothing_but_a_refusal_escapes(target: str, host: bytes) -> None:
    """Whatever the target and the host are."""
    public_url(Request("POST", target, ((b"host", host),), b"", 0), None)


@pytest.mark.parametrize("url", ["forwarded", "https://a.example", "http://[::1]:8080/x"])
def test_a_usable_option_is_kept(url: str) -> None:
    """As it is written, because that is what the sender signs."""
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    ["", "a.example", "ftp://a.example", "https://", "https://a.example?x", "https://a.example#x",
     "https://u:sesame@a.example", "https://[x", "https://a:0", "https://ż.example"],
)  # fmt: skip
def test_an_unusable_option_is_refused_and_not_shown(url: str) -> None:
    """It may contain a password."""
    with pytest.raises(ValueError, match="Write the URL that is entered") as caught:
        check_url(url)
    assert "sesame" not in str(caught.value)
