"""Requests from elsewhere: JSON lines, HAR files, curl commands. Pure: text in, requests out.

Bodies are kept as they are written, so that long integers and signatures survive. The
query of a URL is not kept: it may hold a token, and no parameter comes from there.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC
from io import BytesIO
from typing import Any, Final, Literal, TypeAlias, get_args

import jiter

from nbincoming.core.events import EVENT_TYPE
from nbincoming.core.moments import epoch_us, moment
from nbincoming.core.request.message import RawHeaders, Request
from nbincoming.core.request.values import Value, json_text
from nbincoming.errors import Problem, SamplesError, quote
from nbincoming.samples.curl import COMMAND, CurlError, commands

Format = Literal["jsonl", "har", "curl"]

#: How they are called in messages.
NAMES: Final = {"jsonl": "JSON lines", "har": "HAR", "curl": "curl commands"}

#: Most problems that are told at once: a file of another kind has one in each line.
MOST_PROBLEMS: Final = 20

#: Largest text that is read: a few times what the samples of a session hold.
MAX_BYTES: Final = 64 * 1_048_576

_GZIP: Final = b"\x1f\x8b"

#: What an object of a line may have, beside its body, to be a request and not a body.
_MEMBERS: Final = frozenset({"body", "headers", "method", "received_at", "received_at_ms"})

_JSON: Final[RawHeaders] = ((b"Content-Type", b"application/json"),)

_Found: TypeAlias = Iterator[Request | Problem]


def read_requests(
    source: str | bytes, *, now_ms: int, format: Format | None = None
) -> list[Request]:
    """Read requests from a text.

    Parameters
    ----------
    source
        The text, or a file's bytes: UTF-8, perhaps compressed with gzip. JSON lines have a
        body in each line, or an object with ``body`` and perhaps ``headers``, ``method``,
        ``received_at`` or ``received_at_ms``, or an event as a sink writes it; a text that is
        one JSON value over several lines is one body. Of a HAR every entry counts that posts
        something. Or it is curl commands.
    now_ms
        When requests without a time of their own are taken to be received.
    format
        Which of them it is; by default it is told from the text.

    Raises
    ------
    SamplesError
        With all that cannot be read, and in which line or entry.
    """
    if format is not None and format not in get_args(Format):
        known = ", ".join(repr(each) for each in get_args(Format))
        raise SamplesError([Problem("format", f"{quote(format)} is none of {known}.")])
    text = (_checked(source) if isinstance(source, str) else _decoded(source)).removeprefix(
        "\ufeff"
    )
    kind = format or _format_of(text)
    requests: list[Request] = []
    problems: list[Problem] = []
    for each in _READERS[kind](text, now_ms):
        if isinstance(each, Problem):
            problems.append(each)
        else:
            requests.append(each)
    if len(problems) > MOST_PROBLEMS:
        more = len(problems) - MOST_PROBLEMS
        problems[MOST_PROBLEMS:] = [Problem("", f"And {more:,} more.")]
    if not requests and not problems:
        problems = [Problem("", _NOTHING[kind])]
    if problems:
        raise SamplesError(problems, source=f"The text, read as {NAMES[kind]},")
    return requests


_NOTHING: Final = {
    "jsonl": "There is no request in it. Write one JSON body in each line.",
    "har": "No entry of it posts a body. Save the HAR with its content, and from the page or "
    "program that sends the webhook.",
    "curl": "There is no curl command in it.",
}


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


def _format_of(text: str) -> Format:
    if COMMAND.search(text):
        return "curl"
    start = text.lstrip()[:1]
    if start == "{" and '"log"' in text and '"entries"' in text:
        try:
            value = jiter.from_json(text.encode())
        except ValueError:
            return "jsonl"
        if isinstance(value.get("log"), dict) and "entries" in value["log"]:
            return "har"
    return "jsonl"


# --- JSON lines ------------------------------------------------------------------------


def _read_jsonl(text: str, now_ms: int) -> _Found:
    lines = text.split("\n")  # not splitlines(): a JSON text may hold other line separators
    if len(lines) > 1 and _is_json(text) and not _is_json(lines[0]):
        lines = [text]  # one value over several lines
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _line_request(line.strip(), now_ms)
        except ValueError as error:
            yield Problem(f"line {number}", str(error))


def _line_request(line: str, now_ms: int) -> Request:
    try:
        value = _json(line)
    except ValueError as error:
        raise ValueError(f"This is not JSON: {error}.") from None
    if isinstance(value, dict) and value.get("type") == EVENT_TYPE:
        value = _delivered(value)
    if not isinstance(value, dict) or "body" not in value or not set(value) <= _MEMBERS:
        return _request(line.encode("utf-8", "surrogatepass"), _JSON, now_ms)
    body = value["body"]
    raw = body if isinstance(body, str) else json_text(body)
    return _request(
        raw.encode("utf-8", "surrogatepass"),
        _headers_of(value.get("headers", {})) or _JSON,
        _received(value, now_ms),
        method=_text_of(value.get("method", "POST"), "method"),
    )


def _delivered(event: dict[str, Value]) -> Value:
    """Read the request out of an event, as a sink writes it."""
    data = event.get("data")
    if not isinstance(data, dict) or set(data) != {"body", "headers"}:
        return event  # a body that is called so
    return {**data, "received_at": event.get("time")}


def _headers_of(value: Value) -> RawHeaders:
    pairs: list[tuple[Value, Value]] = []
    if isinstance(value, dict):
        for name, content in value.items():
            pairs += [
                (name, each) for each in (content if isinstance(content, list) else [content])
            ]
    elif isinstance(value, list) and all(isinstance(p, list) and len(p) == 2 for p in value):
        pairs = [(pair[0], pair[1]) for pair in value if isinstance(pair, list)]
    else:
        raise ValueError("headers are an object, or a list of pairs of name and value.")
    return tuple(
        (_text_of(name, "a header's name").encode(), _text_of(content, "a header").encode())
        for name, content in pairs
    )


def _received(value: dict[str, Value], now_ms: int) -> int:
    exact = value.get("received_at_ms")
    if isinstance(exact, int) and not isinstance(exact, bool) and exact >= 0:
        return exact
    if exact is not None:
        raise ValueError("received_at_ms is a whole number of milliseconds since 1970.")
    return _moment_ms(value.get("received_at"), now_ms, "received_at")


# --- HAR -------------------------------------------------------------------------------


def _read_har(text: str, now_ms: int) -> _Found:
    try:
        value = _json(text)
    except ValueError as error:
        yield Problem("", f"This is not JSON: {error}.")
        return
    log = value.get("log") if isinstance(value, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        yield Problem("log.entries", "A HAR file has a list of entries here, and this has none.")
        return
    for index, entry in enumerate(entries):
        try:
            request = _entry_request(entry, now_ms)
        except ValueError as error:
            yield Problem(f"log.entries[{index}]", str(error))
            continue
        if request is not None:
            yield request


def _entry_request(entry: Any, now_ms: int) -> Request | None:
    """Read an entry; None where it sends no body."""
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        raise ValueError("An entry has an object named request, and this has none.")
    posted = request.get("postData")
    if not isinstance(posted, dict) or not isinstance(posted.get("text"), str):
        return None
    body = posted["text"].encode("utf-8", "surrogatepass")
    if posted.get("encoding") == "base64":  # as some proxies write what is not text
        try:
            body = base64.b64decode(body, validate=True)
        except binascii.Error:
            raise ValueError("postData.text is not in base64, which its encoding says.") from None
    headers = request.get("headers", [])
    if not isinstance(headers, list) or not all(isinstance(each, dict) for each in headers):
        raise ValueError("request.headers is a list of objects with name and value.")
    pairs = [
        (_text_of(each.get("name"), "a header's name"), _text_of(each.get("value"), "a header"))
        for each in headers
    ]
    # HTTP/2 has its method and path among them, with a colon before the name.
    kept = [(name, content) for name, content in pairs if not name.startswith(":")]
    media_type = posted.get("mimeType")
    if isinstance(media_type, str) and "content-type" not in {name.lower() for name, _ in kept}:
        kept.append(("Content-Type", media_type))
    return _request(
        body,
        tuple((name.encode(), content.encode()) for name, content in kept),
        _moment_ms(entry.get("startedDateTime"), now_ms, "startedDateTime"),
        method=_text_of(request.get("method", "POST"), "request.method"),
    )


# --- curl ------------------------------------------------------------------------------


def _read_curl(text: str, now_ms: int) -> _Found:
    for each in commands(text):
        if isinstance(each, CurlError):
            yield Problem(f"line {each.line}", str(each))
        elif not each.body:
            yield Problem(
                f"line {each.line}", "This command sends no body. Give it one with --data-raw."
            )
        else:
            yield _request(each.body, each.headers, now_ms, method=each.method)


_READERS: Final[dict[str, Callable[[str, int], _Found]]] = {
    "jsonl": _read_jsonl,
    "har": _read_har,
    "curl": _read_curl,
}


# --- all of them -----------------------------------------------------------------------


def _request(body: bytes, headers: RawHeaders, at_ms: int, *, method: str = "POST") -> Request:
    return Request(method=method, target="/", headers=headers, body=body, received_at_ms=at_ms)


def _moment_ms(value: Value, now_ms: int, name: str) -> int:
    if value is None:
        return now_ms
    read = moment(value, UTC) if isinstance(value, str) else None
    if read is None:
        raise ValueError(f"{name} is a date and time, such as 2024-06-10T09:15:30Z.")
    return max(epoch_us(read) // 1000, 0)


def _text_of(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is a text, and this is {json.dumps(value, default=str)[:40]}.")
    value.encode()  # a lone surrogate: a ValueError of its own
    return value


def _json(text: str) -> Value:
    return jiter.from_json(text.encode("utf-8", "surrogatepass"), float_mode="decimal")


def _is_json(text: str) -> bool:
    try:
        _json(text)
    except ValueError:
        return False
    return True
