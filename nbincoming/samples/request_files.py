"""Requests from a text or a file: JSON lines, HAR, curl commands, exports of other systems.

Bodies are kept as they are written, so that long integers and signatures survive. The
query of a URL is not kept: it may hold a token, and no parameter comes from there.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, get_args

from nbincoming.core.request.message import Request
from nbincoming.core.request.reading import Limits, decode
from nbincoming.core.request.values import Value
from nbincoming.errors import Problem, Refusal, SamplesError, quote
from nbincoming.samples.curl import COMMAND, read_curl
from nbincoming.samples.har import is_har, read_har
from nbincoming.samples.imported_request import Imported
from nbincoming.samples.json_lines import read_bodies, read_json_lines, read_json_requests

ImportFormat = Literal["bodies", "requests", "har", "curl"]

#: Most problems reported for one text: a file of another kind has one in each line.
MOST_PROBLEMS: Final = 20

#: Largest text that is read: a few times what the samples of a session hold.
MAX_BYTES: Final = 64 * 1_048_576

_GZIP: Final = b"\x1f\x8b"

_Reader = Callable[[str, int], Imported]
_NO_LINE: Final = "It has no request. Write one JSON body in each line."

#: For each format its reader, its name in messages, and what to say where nothing is found.
_FORMATS: Final[dict[ImportFormat | None, tuple[_Reader, str, str]]] = {
    None: (read_json_lines, "JSON lines", _NO_LINE),
    "bodies": (read_bodies, "JSON bodies", _NO_LINE),
    "requests": (
        read_json_requests, "JSON requests",
        "It has no request. Write one object with the members headers and body in each line.",
    ),
    "har": (
        read_har, "HAR",
        "No entry of it posts a body. Save the HAR with its content, and from the page or "
        "program that sends the webhook.",
    ),
    "curl": (read_curl, "curl commands", "It has no curl command."),
}  # fmt: skip


def read_requests(
    source: str | bytes, *, now_ms: int, format: ImportFormat | None = None
) -> list[Request]:
    """Read requests from a text.

    Parameters
    ----------
    source
        The text, or a file's bytes: UTF-8, perhaps compressed with gzip.
    now_ms
        When requests without a time of their own are taken to be received.
    format
        ``bodies``: a JSON body in each line. ``requests``: a whole request in each line, as
        :mod:`nbincoming.samples.json_requests` lists them, or an array of them. ``har``: each
        entry of a HAR file that posts a body. ``curl``: curl commands.

        By default the text decides. An object is a request if it has a ``body`` and HTTP
        headers, a method or ``received_at_ms``, and only members that a request can have.
        Otherwise it is a body. A JSON value over several lines counts as one line.

    Raises
    ------
    SamplesError
        With everything that cannot be read, and in which line or entry.
    """
    if format is not None and format not in get_args(ImportFormat):
        known = ", ".join(map(repr, get_args(ImportFormat)))
        message = f"{quote(format)} is not a format. Choose one of {known}."
        raise SamplesError([Problem("format", message)])
    text = _checked(source) if isinstance(source, str) else _decoded(source)
    text = text.removeprefix("\ufeff")
    read, name, nothing = _FORMATS[format or _format_of(text)]
    requests: list[Request] = []
    problems: list[Problem] = []
    for each in read(text, now_ms):
        if isinstance(each, Problem):
            problems.append(each)
        else:
            requests.append(each)
    if len(problems) > MOST_PROBLEMS:
        more = len(problems) - MOST_PROBLEMS
        problems[MOST_PROBLEMS:] = [Problem("", f"And {more:,} more.")]
    if not requests and not problems:
        problems = [Problem("", nothing)]
    if problems:
        raise SamplesError(problems, source=f"The text, read as {name},")
    return requests


def read_request_file(path: str | Path) -> list[Request]:
    """Read a file of requests; those without a time are taken to be received at the epoch.

    Raises
    ------
    SamplesError
        With everything that cannot be read, and where.
    OSError
        If the file cannot be read.
    """
    # Not the current time, so that a comparison over the file has the same result on any day.
    return read_requests(Path(path).read_bytes(), now_ms=0)


def json_bodies(requests: Iterable[Request], limits: Limits) -> list[Value]:
    """Decode the bodies of requests; leave out those that would be refused."""
    bodies = []
    for request in requests:
        with suppress(Refusal):
            bodies.append(decode(request.body, limits=limits))
    return bodies


def _checked(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line = text[: error.start].count("\n") + 1
        raise SamplesError([Problem(f"line {line}", "This has a lone surrogate.")]) from None
    return text


def _decoded(content: bytes) -> str:
    if content.startswith(_GZIP):
        try:
            with gzip.open(BytesIO(content)) as file:
                content = file.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise SamplesError([Problem("", "Its gzip compression is damaged.")]) from None
    if len(content) > MAX_BYTES:
        raise SamplesError([Problem("", f"It has more than {MAX_BYTES:,} bytes. Split it.")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SamplesError([Problem(f"line {line}", "This is not UTF-8.")]) from None


def _format_of(text: str) -> ImportFormat | None:
    """Tell HAR and curl from JSON lines, for which it returns None."""
    if COMMAND.search(text):
        return "curl"
    return "har" if is_har(text) else None
