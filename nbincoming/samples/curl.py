"""Reading curl commands, as people paste them: from documentation, and from browsers.

The shell's quoting is read by hand, since :mod:`shlex` knows neither ``$'…'``, which
browsers write, nor the line that a command stands in. Nothing is run or expanded: a
``$TOKEN`` stays those six characters.
"""

from __future__ import annotations

import re
from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import quote as percent_encoded

from nbincoming.core.request.message import RawHeaders
from nbincoming.errors import NbIncomingError, quote

#: What a text that holds curl commands has at the start of some line.
COMMAND: Final = re.compile(r"^[ \t]*(?:[$>#%][ \t]+)?curl(?:\.exe)?(?=[ \t])", re.MULTILINE)

FORM: Final = "application/x-www-form-urlencoded"

_ESCAPES: Final = {
    "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_NUMBERED: Final = re.compile(
    r"(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3}))"
)


class CurlError(NbIncomingError, ValueError):
    """A command that cannot be read.

    Attributes
    ----------
    line : int
        Where it starts, from 1.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Command:
    """What a curl command sends.

    Attributes
    ----------
    line : int
        Where it starts, from 1.
    """

    line: int
    method: str
    headers: RawHeaders
    body: bytes


def commands(text: str) -> Iterator[Command | CurlError]:
    """Read each curl command of a text; other commands are passed over."""
    try:
        for line, words in _commands(text):
            while words and words[0] in _PROMPTS:
                words.pop(0)
            if words and words[0].removesuffix(".exe") == "curl":
                try:
                    yield _command(line, words[1:])
                except CurlError as error:
                    yield error
    except CurlError as error:
        yield error


#: What stands before a command in documentation.
_PROMPTS: Final = frozenset("$>%")


def _command(line: int, words: list[str]) -> Command:
    try:
        options, rest = _parser().parse_known_args(words)
    except ArgumentError as error:
        raise CurlError(line, f"curl's options cannot be read: {error}.") from None
    unknown = [word for word in rest if word.startswith("-")]
    if unknown:
        raise CurlError(line, f"The option {quote(unknown[0])} is not known here. Leave it out.")
    if options.form:
        raise CurlError(line, "--form sends a form with files; the endpoint takes JSON.")
    headers = _headers(line, options)
    parts = [_data(line, kind, value) for kind, value in options.data or ()]
    names = {name.lower() for name, _ in headers}
    as_json = any(kind == "json" for kind, _ in options.data or ())
    if parts and b"content-type" not in names:
        headers.append((b"Content-Type", b"application/json" if as_json else FORM.encode()))
    method = options.request or ("POST" if parts else "GET")
    return Command(line, method, tuple(headers), (b"" if as_json else b"&").join(parts))


def _headers(line: int, options: Namespace) -> list[tuple[bytes, bytes]]:
    headers = []
    for header in options.header or ():
        name, colon, value = header.partition(":")
        if header.startswith("@"):
            raise CurlError(line, f"{quote(header)} reads headers from a file. Paste them instead.")
        if not colon:
            raise CurlError(line, "A header has no colon. Write it as 'Name: value'.")
        if value.strip():  # curl leaves out a header without a value
            headers.append((name.strip().encode(), value.strip().encode()))
    for name, value in (("User-Agent", options.user_agent), ("Referer", options.referer)):
        if value:
            headers.append((name.encode(), value.encode()))
    if options.cookie and "=" in options.cookie:
        headers.append((b"Cookie", options.cookie.encode()))
    return headers


def _data(line: int, kind: str, value: str) -> bytes:
    if value.startswith("@") and kind != "raw":
        raise CurlError(line, f"{quote(value)} reads the body from a file. Paste the body instead.")
    if kind == "urlencode":
        name, equals, rest = value.partition("=")
        encoded = percent_encoded(rest if equals else name, safe="")
        return (f"{name}={encoded}" if equals and name else encoded).encode()
    # A lone surrogate of an escape has no bytes; it becomes what JSON readers refuse.
    return value.encode("utf-8", "surrogatepass")


class _Parser(ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # argparse would exit
        raise ArgumentError(None, message)


#: curl's options that take a value and change nothing about what is sent here.
_IGNORED: Final = (
    "-o --output", "-w --write-out", "-m --max-time", "--connect-timeout", "-x --proxy", "--cacert",
    "--capath", "-E --cert", "--key", "--resolve", "--connect-to", "--retry", "--retry-delay",
    "-c --cookie-jar", "-u --user", "--oauth2-bearer", "--ciphers", "--interface", "--limit-rate",
    "-K --config", "-D --dump-header", "--max-redirs", "--url", "--tls-max", "-r --range",
)  # fmt: skip
_FLAGS: Final = (
    "-s --silent", "-S --show-error", "-v --verbose", "-i --include --show-headers",
    "-k --insecure", "-L --location", "-f --fail", "--fail-with-body", "--compressed",
    "-g --globoff", "-N --no-buffer", "-# --progress-bar", "--http1.0", "--http1.1", "--http2",
    "--http3", "-4 --ipv4", "-6 --ipv6", "-I --head", "-G --get", "-O --remote-name",
    "-q --disable", "-1 --tlsv1", "--tlsv1.2", "--tlsv1.3", "--no-progress-meter",
    "--path-as-is", "--ssl-no-revoke", "-Z --parallel",
)  # fmt: skip


def _tagged(kind: str, value: str) -> tuple[str, str]:
    return kind, value


def _parser() -> ArgumentParser:
    parser = _Parser(prog="curl", add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("urls", nargs="*")
    parser.add_argument("-X", "--request")
    parser.add_argument("-H", "--header", action="append")
    parser.add_argument("-A", "--user-agent")
    parser.add_argument("-e", "--referer")
    parser.add_argument("-b", "--cookie")
    parser.add_argument("-F", "--form", "--form-string", action="append")
    for kind, names in {
        "ascii": ("-d", "--data", "--data-ascii"),
        "raw": ("--data-raw",),
        "binary": ("--data-binary",),
        "urlencode": ("--data-urlencode",),
        "json": ("--json",),
    }.items():
        parser.add_argument(*names, action="append", dest="data", type=partial(_tagged, kind))
    for option in _IGNORED:
        parser.add_argument(*option.split(), dest="_", action="append")
    for flag in _FLAGS:
        parser.add_argument(*flag.split(), dest="__", action="store_true")
    return parser


def _commands(text: str) -> Iterator[tuple[int, list[str]]]:
    """Split a text into commands of words, by the rules of the shell."""
    words: list[str] = []
    word: str | None = None  # None between words, where "" is a word in quotes
    line = start = 1
    place, end = 0, len(text)
    while place < end:
        char = text[place]
        if char in "\n;|&" or (char == "#" and word is None):
            if char == "#":
                place = (text.find("\n", place) + 1 or end + 1) - 1
            if word is not None:
                words.append(word)
            if words:
                yield start, words
            words, word = [], None
            if char in "\n#":
                line += 1
            place, start = place + 1, line
            continue
        if char in " \t\r":
            if word is not None:
                words.append(word)
                word = None
            place += 1
            continue
        if char == "\\" and text[place + 1 : place + 3].lstrip("\r")[:1] == "\n":
            place = text.index("\n", place) + 1
            line += 1
            continue
        if word is None and not words:
            start = line
        piece, after = _piece(text, place, start)
        word = (word or "") + piece
        line += text.count("\n", place, after)
        place = after
    if word is not None:
        words.append(word)
    if words:
        yield start, words


def _piece(text: str, place: int, start: int) -> tuple[str, int]:
    """Read a quoted stretch, or one character; return it and where it ends."""
    char = text[place]
    if char == "'":
        return _until(text, place + 1, "'", start)
    if text.startswith("$'", place):
        return _ansi(text, place + 2, start)
    if char == '"':
        return _double(text, place + 1, start)
    if char == "\\" and place + 1 < len(text):
        return text[place + 1], place + 2
    if char == "^" and text[place + 1 : place + 2] in ("\n", "\r", '"', "^", "{"):
        raise CurlError(
            start,
            "This command is written for the Windows command line. In the browser, copy it as "
            "cURL (bash).",
        )
    return char, place + 1


def _until(text: str, place: int, mark: str, start: int) -> tuple[str, int]:
    end = text.find(mark, place)
    if end < 0:
        raise CurlError(start, f"A quote {mark} that opens here is never closed.")
    return text[place:end], end + 1


def _double(text: str, place: int, start: int) -> tuple[str, int]:
    found: list[str] = []
    while place < len(text):
        char = text[place]
        if char == '"':
            return "".join(found), place + 1
        follower = text[place + 1 : place + 2]
        if char == "\\" and follower in ("$", "`", '"', "\\", "\n"):
            found.append("" if follower == "\n" else follower)
            place += 2
        else:
            found.append(char)
            place += 1
    raise CurlError(start, 'A quote " that opens here is never closed.')


def _ansi(text: str, place: int, start: int) -> tuple[str, int]:
    found: list[str] = []
    while place < len(text):
        char = text[place]
        if char == "'":
            # Browsers write what is beyond the basic plane as two escapes.
            pairs = "".join(found).encode("utf-16", "surrogatepass")
            return pairs.decode("utf-16", "surrogatepass"), place + 1
        if char != "\\":
            found.append(char)
            place += 1
            continue
        numbered = _NUMBERED.match(text, place + 1)
        if numbered:
            digits = next(group for group in numbered.groups() if group is not None)
            code = int(digits, 8 if numbered[4] else 16)
            found.append(chr(code) if code <= 0x10FFFF else "\ufffd")
            place = numbered.end()
        else:
            follower = text[place + 1 : place + 2]
            found.append(_ESCAPES.get(follower, "\\" + follower))
            place += 2
    raise CurlError(start, "A quote $' that opens here is never closed.")
