"""Commands split into words as the shell does it."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbincoming.samples.shell_words import CommandError, command_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  'b c'd \"e $f\"", ["a", "b cd", "e $f"]),
        ("a ''", ["a", ""]),
        (r"a\ b \"", ["a b", '"']),
        (r'"a\"b\$c\d"', ['a"b$c\\d']),
        (r"$'it\'s \x41\u0142\101\n'", ["it's AłA\n"]),
        (r"$'\ud83d\ude00'", ["😀"]),
        ("a # b 'c", ["a"]),
        ("a#b", ["a#b"]),
        ("a \\\n b", ["a", "b"]),
    ],
)
def test_quotes_and_escapes_are_the_shells(text: str, words: list[str]) -> None:
    """Single, double and ANSI-C quotes, backslashes, comments."""
    assert list(command_words(text)) == [(1, words)]


def test_each_command_has_the_line_it_starts_in() -> None:
    """Whatever parts it from the one before."""
    text = "\n# first\na 'x\ny' | b; c\nd"
    assert list(command_words(text)) == [(3, ["a", "x\ny"]), (4, ["b"]), (4, ["c"]), (5, ["d"])]


@pytest.mark.parametrize("quote", ["'", '"', "$'"])
def test_a_quote_that_is_not_closed_is_an_error(quote: str) -> None:
    """The message shows which, and not what follows it."""
    with pytest.raises(CommandError, match="never closed") as caught:
        list(command_words(f"a\nb {quote}sesame"))
    assert caught.value.line == 2
    assert "sesame" not in str(caught.value)


@given(st.lists(st.text(), min_size=1))
def test_what_python_quotes_comes_back(words: list[str]) -> None:
    """Any words, quoted for the shell, are read as they were."""
    assert list(command_words(shlex.join(words))) == [(1, words)]
