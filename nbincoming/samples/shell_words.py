"""A text split into the words of its commands, by the quoting rules of the shell.

Nothing is run or expanded: ``$TOKEN`` stays those six characters. :mod:`shlex` does not
know ``$'…'``, which browsers write, nor the line that a command starts in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from nbincoming.errors import NbIncomingError

_PIECE: Final = re.compile(
    r"""
    '(?P<single>[^']*)'
    | \$'(?P<ansi>[^'\\]*(?:\\.[^'\\]*)*)'
    | "(?P<double>[^"\\]*(?:\\.[^"\\]*)*)"
    | (?P<unclosed>\$'|['"])
    | (?P<continued>\\\r?\n)
    | \\(?P<escaped>.)
    | (?P<windows>\^(?=[\n\r"^{]))
    | (?P<space>[ \t\r]+)
    | (?P<end>[\n;|&])
    | (?P<plain>[^\s'"\\;|&$^]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE_IN_DOUBLE: Final = re.compile(r'\\([$`"\\\n])')
_ESCAPE_IN_ANSI: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|(.))",
    re.DOTALL,
)
_ESCAPES: Final = {
    "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip


class CommandError(NbIncomingError, ValueError):
    """A command that cannot be read.

    Attributes
    ----------
    line : int
        The line that it starts in, from 1.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def command_words(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each command of a text: the line that it starts in, and its words.

    Raises
    ------
    CommandError
        If a quote is not closed, or the text is written for the Windows command line.
    """
    words: list[str] = []
    word: str | None = None  # None between words; '' is a word
    line, start, position = 1, 1, 0
    while position < len(text):
        if word is None and text[position] == "#":  # a comment up to the end of the line
            position = text.find("\n", position)
            if position < 0:
                break
        found = _PIECE.match(text, position)
        assert found is not None  # its last alternative is any character
        assert found.lastgroup is not None
        kind, position = found.lastgroup, found.end()
        if kind in ("space", "end"):
            if word is not None:
                words.append(word)
                word = None
            if kind == "end" and words:
                yield start, words
                words = []
        elif kind != "continued":
            if word is None and not words:
                start = line
            word = (word or "") + _unquoted(kind, found[kind], start)
        line += found[0].count("\n")
    if word is not None:
        words.append(word)
    if words:
        yield start, words


def _unquoted(kind: str, content: str, start: int) -> str:
    match kind:
        case "unclosed":
            raise CommandError(start, f"A quote {content} that opens here is never closed.")
        case "windows":
            raise CommandError(
                start,
                "This command is written for the Windows command line. In the browser, copy it "
                "as cURL (bash).",
            )
        case "double":
            return _ESCAPE_IN_DOUBLE.sub(lambda escape: escape[1].strip("\n"), content)
        case "ansi":
            # Browsers write a character beyond U+FFFF as two escapes, a surrogate pair.
            pairs = _ESCAPE_IN_ANSI.sub(_unescaped, content).encode("utf-16", "surrogatepass")
            return pairs.decode("utf-16", "surrogatepass")
        case _:
            return content


def _unescaped(escape: re.Match[str]) -> str:
    if escape[5] is not None:
        return _ESCAPES.get(escape[5], escape[0])
    digits = next(group for group in escape.groups() if group is not None)
    code = int(digits, 8 if escape[4] else 16)
    return chr(code) if code <= 0x10FFFF else "\ufffd"
