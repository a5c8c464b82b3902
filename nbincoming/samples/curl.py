"""Requests from curl commands, as documentation shows and browsers copy them."""

from __future__ import annotations

import re
from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import quote as percent_encoded

from nbincoming.core.request.message import RawHeaders
from nbincoming.errors import Problem, quote
from nbincoming.samples.imported_request import Imported, imported_request, raw_bytes
from nbincoming.samples.shell_words import CommandError, command_words

#: Finds a curl command at the start of a line.
COMMAND: Final = re.compile(r"^[ \t]*(?:[$>#%][ \t]+)?curl(?:\.exe)?(?=[ \t])", re.MULTILINE)

FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class CurlCommand:
    """What a curl command sends.

    Attributes
    ----------
    line : int
        The line that it starts in, from 1.
    """

    line: int
    method: str
    headers: RawHeaders
    body: bytes


def read_curl(text: str, now_ms: int) -> Imported:
    """Read each curl command that sends a body."""
    for each in curl_commands(text):
        if isinstance(each, CommandError):
            yield Problem(f"line {each.line}", str(each))
        elif not each.body:
            yield Problem(
                f"line {each.line}", "This command sends no body. Give it one with --data-raw."
            )
        else:
            yield imported_request(each.body, each.headers, now_ms, method=each.method)


def curl_commands(text: str) -> Iterator[CurlCommand | CommandError]:
    """Read each curl command of a text; skip other commands."""
    try:
        for line, words in command_words(text):
            while words and words[0] in _PROMPTS:
                words.pop(0)
            if words and words[0].removesuffix(".exe") == "curl":
                try:
                    yield _command(line, words[1:])
                except CommandError as error:
                    yield error
    except CommandError as error:
        yield error


#: Prompts that documentation writes before a command.
_PROMPTS: Final = frozenset("$>%")


def _command(line: int, words: list[str]) -> CurlCommand:
    try:
        options, rest = _parser().parse_known_args(words)
    except ArgumentError as error:
        raise CommandError(line, f"curl's options cannot be read: {error}.") from None
    unknown = [word for word in rest if word.startswith("-")]
    if unknown:
        raise CommandError(line, f"The option {quote(unknown[0])} is not supported. Remove it.")
    if options.form:
        raise CommandError(line, "--form sends a form with files; the endpoint takes JSON.")
    headers = _headers(line, options)
    parts = [_data(line, kind, value) for kind, value in options.data or ()]
    names = {name.lower() for name, _ in headers}
    as_json = any(kind == "json" for kind, _ in options.data or ())
    if parts and b"content-type" not in names:
        headers.append((b"Content-Type", b"application/json" if as_json else FORM.encode()))
    method = options.request or ("POST" if parts else "GET")
    return CurlCommand(line, method, tuple(headers), (b"" if as_json else b"&").join(parts))


def _headers(line: int, options: Namespace) -> list[tuple[bytes, bytes]]:
    headers = []
    for header in options.header or ():
        name, colon, value = header.partition(":")
        if header.startswith("@"):
            raise CommandError(
                line, f"{quote(header)} reads headers from a file. Paste them instead."
            )
        if not colon:
            raise CommandError(line, "A header has no colon. Write it as 'Name: value'.")
        if value.strip():  # curl does not send a header without a value
            headers.append((name.strip().encode(), value.strip().encode()))
    for name, value in (("User-Agent", options.user_agent), ("Referer", options.referer)):
        if value:
            headers.append((name.encode(), value.encode()))
    if options.cookie and "=" in options.cookie:
        headers.append((b"Cookie", options.cookie.encode()))
    return headers


def _data(line: int, kind: str, value: str) -> bytes:
    if value.startswith("@") and kind != "raw":
        raise CommandError(
            line, f"{quote(value)} reads the body from a file. Paste the body instead."
        )
    if kind == "urlencode":
        name, equals, rest = value.partition("=")
        encoded = percent_encoded(rest if equals else name, safe="")
        return (f"{name}={encoded}" if equals and name else encoded).encode()
    return raw_bytes(value)  # an escape may be a lone surrogate


class _Parser(ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # argparse would exit
        raise ArgumentError(None, message)


#: curl's options that take a value and are ignored.
_IGNORED: Final = (
    "-o --output", "-w --write-out", "-m --max-time", "--connect-timeout", "-x --proxy", "--cacert",
    "--capath", "-E --cert", "--key", "--resolve", "--connect-to", "--retry", "--retry-delay",
    "-c --cookie-jar", "-u --user", "--oauth2-bearer", "--ciphers", "--interface", "--limit-rate",
    "-K --config", "-D --dump-header", "--max-redirs", "--url", "--tls-max", "-r --range",
)  # fmt: skip
#: curl's options that take no value and are ignored.
_FLAGS: Final = (
    "-s --silent", "-S --show-error", "-v --verbose", "-i --include --show-headers",
    "-k --insecure", "-L --location", "-f --fail", "--fail-with-body", "--compressed",
    "-g --globoff", "-N --no-buffer", "-# --progress-bar", "--http1.0", "--http1.1", "--http2",
    "--http3", "-4 --ipv4", "-6 --ipv6", "-O --remote-name",
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
