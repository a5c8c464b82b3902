"""Turn raw headers into a dict by name in lower case."""

from __future__ import annotations

from typing import Final

from nbincoming.core.request.message import WHITE_SPACE, RawHeaders

#: Values of headers by name: a string, or a list of strings if the header is repeated.
Headers = dict[str, str | list[str]]

#: Limits of the cache of names, because senders choose the names.
_MAX_NAMES: Final = 1_024
_MAX_NAME_BYTES: Final = 64


def header_parameters(raw: RawHeaders) -> Headers:
    """Return headers by name in lower case; the values of a repeated header are a list.

    A value is decoded as UTF-8, or as Latin-1 if it is not UTF-8. White space around it is removed.
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
    raw = raw.strip(WHITE_SPACE)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _name(raw: bytes) -> str:
    """Return a header's name in lower case; cache it if it is short and the cache is not full."""
    name = raw.decode("latin-1").lower()
    if len(raw) <= _MAX_NAME_BYTES and len(_names) < _MAX_NAMES:
        _names[raw] = name
    return name


#: The cache of names in lower case, because requests repeat the same few names.
_names: dict[bytes, str] = {}
