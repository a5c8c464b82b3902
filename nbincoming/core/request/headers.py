"""Headers as parameters: named in lower case, a list where one is repeated."""

from __future__ import annotations

from typing import Final

from nbincoming.core.request.message import WHITE_SPACE, RawHeaders

#: Headers as parameters: a string, or a list of strings where the header is repeated.
Headers = dict[str, str | list[str]]

#: The most names that are remembered, and the longest: senders choose them.
_MAX_NAMES: Final = 1_024
_MAX_NAME_BYTES: Final = 64


def header_parameters(raw: RawHeaders) -> Headers:
    """Name headers in lower case and gather repeated ones into lists.

    A value is UTF-8 if it can be decoded so, otherwise Latin-1, which has a character for every
    byte. White space around it is dropped.
    """
    headers: Headers = {}
    for raw_name, raw_value in raw:
        name = _names.get(raw_name) or _name(raw_name)
        value = header_text(raw_value)
        if name not in headers:
            headers[name] = value
            continue
        before = headers[name]
        if isinstance(before, list):
            before.append(value)
        else:
            headers[name] = [before, value]
    return headers


def header_text(raw: bytes) -> str:
    """Decode a header's value; see :func:`header_parameters`."""
    value = raw.strip(WHITE_SPACE)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _name(raw: bytes) -> str:
    """Lower a header's name, and remember it if it is short and there is room."""
    name = raw.decode("latin-1").lower()
    if len(raw) <= _MAX_NAME_BYTES and len(_names) < _MAX_NAMES:
        _names[raw] = name
    return name


#: A memo of a pure function: the same few names come with each request.
_names: dict[bytes, str] = {}
