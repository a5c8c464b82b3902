"""A text split into the words of its commands, by the quoting rules of the shell.

Nothing is run or expanded: ``$TOKEN`` stays those six characters. :mod:`shlex` does not
know ``$'…'``, which browsers write, nor the line that a command starts in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from nbincoming.errors import NbIncomingError

_ESCAPES: Final = {
    "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_NUMBERED: Final = re.compile(
    r"(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3}))"
)


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
    word: str | None = None  # None between words; "" is a word, too, where it is quoted
    line = start = 1
    position, end = 0, len(text)
    while position < end:
        char = text[position]
        if char in "\n;|&" or (char == "#" and word is None):
            if char == "#":
                position = (text.find("\n", position) + 1 or end + 1) - 1
            if word is not None:
                words.append(word)
            if words:
                yield start, words
            words, word = [], None
            if char in "\n#":
                line += 1
            position, start = position + 1, line
            continue
        if char in " \t\r":
            if word is not None:
                words.append(word)
                word = None
            position += 1
            continue
        if char == "\\" and text[position + 1 : position + 3].lstrip("\r")[:1] == "\n":
            position = text.index("\n", position) + 1
            line += 1
            continue
        if word is None and not words:
            start = line
        piece, after = _read_piece(text, position, start)
        word = (word or "") + piece
        line += text.count("\n", position, after)
        position = after
    if word is not None:
        words.append(word)
    if words:
        yield start, words


def _read_piece(text: str, position: int, start: int) -> tuple[str, int]:
    """Read a quoted text, or one character; return it and where it ends."""
    char = text[position]
    if char == "'":
        return _read_quoted(text, position + 1, "'", start)
    if text.startswith("$'", position):
        return _read_ansi(text, position + 2, start)
    if char == '"':
        return _read_double(text, position + 1, start)
    if char == "\\" and position + 1 < len(text):
        return text[position + 1], position + 2
    if char == "^" and text[position + 1 : position + 2] in ("\n", "\r", '"', "^", "{"):
        raise CommandError(
            start,
            "This command is written for the Windows command line. In the browser, copy it as "
            "cURL (bash).",
        )
    return char, position + 1


def _read_quoted(text: str, position: int, mark: str, start: int) -> tuple[str, int]:
    end = text.find(mark, position)
    if end < 0:
        raise CommandError(start, f"A quote {mark} that opens here is never closed.")
    return text[position:end], end + 1


def _read_double(text: str, position: int, start: int) -> tuple[str, int]:
    found: list[str] = []
    while position < len(text):
        char = text[position]
        if char == '"':
            return "".join(found), position + 1
        follower = text[position + 1 : position + 2]
        if char == "\\" and follower in ("$", "`", '"', "\\", "\n"):
            found.append("" if follower == "\n" else follower)
            position += 2
        else:
            found.append(char)
            position += 1
    raise CommandError(start, 'A quote " that opens here is never closed.')


def _read_ansi(text: str, position: int, start: int) -> tuple[str, int]:
    found: list[str] = []
    while position < len(text):
        char = text[position]
        if char == "'":
            # Browsers write a character beyond the basic plane as two escapes.
            pairs = "".join(found).encode("utf-16", "surrogatepass")
            return pairs.decode("utf-16", "surrogatepass"), position + 1
        if char != "\\":
            found.append(char)
            position += 1
            continue
        numbered = _NUMBERED.match(text, position + 1)
        if numbered:
            digits = next(group for group in numbered.groups() if group is not None)
            code = int(digits, 8 if numbered[4] else 16)
            found.append(chr(code) if code <= 0x10FFFF else "\ufffd")
            position = numbered.end()
        else:
            follower = text[position + 1 : position + 2]
            found.append(_ESCAPES.get(follower, "\\" + follower))
            position += 2
    raise CommandError(start, "A quote $' that opens here is never closed.")
