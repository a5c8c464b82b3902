"""Curl commands as they are pasted, read without a shell."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.samples.curl import CurlCommand, curl_commands
from nbincoming.samples.shell_words import CommandError

#: What Chromium's developer tools copy, "as cURL (bash)".
BROWSER = r"""curl 'https://hooks.example.com/x' \
  -H 'accept: */*' \
  -H 'content-type: application/json; charset=utf-8' \
  -b 'session=sesame' \
  --data-raw $'{"note":"it\'s 5\u0021","emoji":"\ud83d\ude00"}' \
  --compressed"""


def one(text: str) -> CurlCommand:
    """Read the one command of a text."""
    (found,) = curl_commands(text)
    assert isinstance(found, CurlCommand)
    return found


def problem(text: str) -> CommandError:
    """Read the one problem of a text."""
    (found,) = curl_commands(text)
    assert isinstance(found, CommandError)
    return found


def test_a_browsers_command_is_read() -> None:
    """With its escapes, pairs of surrogates included, and its cookie."""
    found = one(BROWSER)
    assert found.body.decode() == '{"note":"it\'s 5!","emoji":"😀"}'
    assert found.method == "POST"
    assert dict(found.headers)[b"Cookie"] == b"session=sesame"


@pytest.mark.parametrize(
    ("text", "body", "media_type"),
    [
        ("curl -d '{\"a\":1}' http://x", b'{"a":1}', b"application/x-www-form-urlencoded"),
        ("curl --json '{\"a\":1}' http://x", b'{"a":1}', b"application/json"),
        ("curl -XPOST http://x -H'content-type: text/x' -d a -d b", b"a&b", None),
        ("curl http://x --json '[1' --json ',2]'", b"[1,2]", b"application/json"),
        (
            "curl --data-urlencode 'a=b c' http://x",
            b"a=b%20c",
            b"application/x-www-form-urlencoded",
        ),
        ("curl -sS --data-raw=@not-a-file http://x", b"@not-a-file", None),
        ('curl --data-raw "a \\"b\\" \\$c" http://x', b'a "b" $c', None),
        ("curl --data-raw a\\ b http://x", b"a b", None),
        ("curl --data-raw '' --data-raw '' http://x", b"&", None),
    ],
)
def test_the_body_is_what_curl_would_send(text: str, body: bytes, media_type: object) -> None:
    """Joined, encoded and typed by curl's own rules."""
    found = one(text)
    assert found.body == body
    if media_type is not None:
        assert dict(found.headers)[b"Content-Type"] == media_type


def test_several_commands_are_read_with_their_lines() -> None:
    """Prompts, comments and other commands between them are passed over."""
    text = "# first\n$ curl -d a http://x\n\necho curl; curl \\\n -d b http://y | jq .\n"
    found = [each for each in curl_commands(text) if isinstance(each, CurlCommand)]
    assert [(each.line, each.body) for each in found] == [(2, b"a"), (4, b"b")]


def test_nothing_is_expanded() -> None:
    """Variables and substitutions stay what is written."""
    found = one('curl -H "Authorization: Bearer $TOKEN" --data-raw "$(rm x)" http://x')
    assert dict(found.headers)[b"Authorization"] == b"Bearer $TOKEN"
    assert found.body == b"$(rm x)"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\ncurl -d @file http://x", 2, "reads the body from a file"),
        ("curl -H @file http://x -d a", 1, "reads headers from a file"),
        ("curl -H nonsense -d a http://x", 1, "has no colon"),
        ("curl -F a=b http://x", 1, "takes JSON"),
        ("curl -d", 1, "expected one argument"),
        ("curl --frobnicate -d a http://x", 1, "--frobnicate"),
        ("curl -G -d a=1 http://x", 1, "-G"),  # it moves the data into the URL
        ("curl -I -d a http://x", 1, "-I"),
        ("\n\ncurl -d 'a", 3, "never closed"),
        ('curl -d "a', 1, "never closed"),
        ("curl -d $'a", 1, "never closed"),
        ('curl ^"http://x^" ^\r\n -d a', 1, "cURL (bash)"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(text: str, line: int, words: str) -> None:
    """The line that the command starts in, and what to do."""
    found = problem(text)
    assert found.line == line
    assert words in str(found)


@given(body=st.text(min_size=1).filter(lambda body: "\x00" not in body and body[0] != "@"))
def test_a_quoted_body_comes_back(body: str) -> None:
    """What Python's own quoting for the shell writes is read as it was."""
    found = one(f"curl --data-raw={shlex.quote(body)} http://x")
    assert found.body == body.encode("utf-8", "surrogatepass")


@given(text=st.text(alphabet="curl -dH'\"$\\\n;|^@:xu{}0a", max_size=40))
def test_no_text_fails(text: str) -> None:
    """Whatever is pasted, each finding is a command or a problem."""
    assert all(
        isinstance(each, CurlCommand | CommandError) for each in curl_commands("curl " + text)
    )
