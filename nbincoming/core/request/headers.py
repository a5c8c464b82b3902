"""Headers as parameters: named in lower case, a list where one is repeated."""

from __future__ import annotations

from typing import Final

from nbincoming.core.request.message import RawHeaders

#: Names beyond it are not worth remembering, and senders choose them.
_LONG_NAME: Final = 64

#: Headers as parameters: a string, or a list of strings where the header is repeated.
Headers = dict[str, str | list[str]]

#: So many names are remembered at the most.
_MOST_NAMES: Final = 1_024


def header_parameters(raw: RawHeaders) -> Headers:
    """Name headers in lower case and gather the repeated ones into lists.

    Values are UTF-8 where they can be read so, else Latin-1: every byte has a character.
    """
    headers: Headers = {}
    for raw_name, raw_value in raw:
        name = _names.get(raw_name) or _name(raw_name)
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        if name not in headers:
            headers[name] = value
            continue
        before = headers[name]
        if isinstance(before, list):
            before.append(value)
        else:
            headers[name] = [before, value]
    return headers


def _name(raw: bytes) -> str:
    """Write a header's name in lower case, and remember it if it is short and there is room."""
    name = raw.decode("latin-1").lower()
    if len(raw) <= _LONG_NAME and len(_names) < _MOST_NAMES:
        _names[raw] = name
    return name


#: A memo of a pure function: the same few names come with each request.
_names: dict[bytes, str] = {}
