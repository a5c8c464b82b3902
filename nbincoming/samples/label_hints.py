"""Guesses from a label: whether the value is volatile, personal or a credential."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from nbincoming.core.request.labels import parse
from nbincoming.core.request.masking import is_secret
from nbincoming.core.request.values import Value

#: Headers whose value is new in each request.
_VOLATILE_HEADERS: Final = frozenset(
    {
        "age", "cf-ray", "content-length", "date", "if-modified-since", "traceparent",
        "tracestate", "webhook-timestamp", "x-amzn-trace-id", "x-b3-spanid", "x-b3-traceid",
        "x-correlation-id", "x-forwarded-for", "x-request-id",
    }
)  # fmt: skip
_VOLATILE_NAME: Final = re.compile(
    r"(?:^|[._-])(?:nonce|timestamp|sent_?at|received_?at|trace_?id|span_?id|request_?id)$", re.I
)
_PERSONAL_NAME: Final = re.compile(
    r"(?:e-?mail|phone|mobile|first_?name|last_?name|full_?name|surname|address|street|birth|"
    r"ssn|passport|iban|ip_?addr)",
    re.I,
)
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[a-z]{2,}", re.I)
_PHONE: Final = re.compile(r"\+[0-9][0-9 ()-]{6,18}[0-9]")

#: With fewer values, a name alone decides whether a parameter is volatile.
_MIN_VALUES: Final = 3


class LabelHints:
    """What a label suggests.

    Attributes
    ----------
    personal : bool
        Whether it looks like the name of personal data.
    secret : bool
        Whether it is a header that carries credentials.
    """

    __slots__ = ("_volatile_header", "_volatile_name", "personal", "secret")

    def __init__(self, label: str) -> None:
        path = parse(label)
        header = str(path[1]) if path[0] == "headers" and len(path) > 1 else ""
        self._volatile_header = header in _VOLATILE_HEADERS
        self._volatile_name = _VOLATILE_NAME.search(label) is not None
        self.personal = _PERSONAL_NAME.search(label) is not None
        self.secret = is_secret(path)

    def is_volatile(self, distinct: int, count: int) -> bool:
        """Guess whether the value changes even when a request is sent again.

        Parameters
        ----------
        distinct, count
            How many different values there were, and how many values.
        """
        never_twice = count < _MIN_VALUES or distinct == count
        return self._volatile_header or (never_twice and self._volatile_name)


def is_personal(label: str, values: Iterable[Value] = ()) -> bool:
    """Guess whether a parameter is about a person, by its label and values."""
    return LabelHints(label).personal or any(map(looks_personal, values))


def looks_personal(value: Value) -> bool:
    """Guess whether a value is an e-mail address or a phone number."""
    return isinstance(value, str) and bool(_EMAIL.fullmatch(value) or _PHONE.fullmatch(value))
