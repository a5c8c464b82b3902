"""Requests from a text or a file: JSON lines, HAR, curl commands, exports of other systems.

The text of a body is kept, so that long integers and signatures survive. The query of a URL is
not kept, because it may contain a token and no parameter is read from it.
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

#: Most problems reported for one text: in a wrong format, each line is a problem.
MOST_PROBLEMS: Final = 20

#: Largest text that is read, in bytes.
MAX_BYTES: Final = 64 * 1_048_576

_GZIP: Final = b"\x1f\x8b"

_Reader = Callable[[str, int], Imported]
_NO_LINE: Final = "It has no request. Write one JSON body in each line."

#: By format: its reader, its name in messages, and the message if the text has no request.
_FORMATS: Final[dict[ImportFormat | None, tuple[_Reader, str, str]]] = {
    None: (read_json_lines, "JSON lines", _NO_LINE),
    "bodies": (read_bodies, "JSON bodies", _NO_LINE),
    "requests": (
        read_json_requests, "JSON requests",
        "It has no request. Write one object with the members headers and body in each line.",
    ),
    "har": (
        read_har, "HAR",
        "No entry has a body. Record the HAR in the program that sends the webhook, and save it "
        "with content.",
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
        The time of receipt for requests that have none, in milliseconds since the epoch.
    format
        ``bodies``: a JSON body in each line. ``requests``: in each line a request in a form of
        :mod:`nbincoming.samples.json_requests`, or an array of requests. ``har``: each entry
        of a HAR file that has a body. ``curl``: curl commands.

        By default, the format is detected. An object is a request if it has a ``body`` and HTTP
        headers, a method or ``received_at_ms``, and only members that a request can have.
        Otherwise it is a body. A JSON value over several lines counts as one line.

    Raises
    ------
    SamplesError
        If a part cannot be read; the message lists each with its line or entry.
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
    """Read a file of requests; those without a time count as received at the epoch.

    Raises
    ------
    SamplesError
        If a part cannot be read; the message lists each with its line or entry.
    OSError
        If the file cannot be read.
    """
    # Not the current time, so that a comparison has the same result on any day.
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
    """Detect HAR and curl; return None for JSON lines."""
    if COMMAND.search(text):
        return "curl"
    return "har" if is_har(text) else None
