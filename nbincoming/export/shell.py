"""A curl command that sends a request to an endpoint.

It names secrets as shell variables, such as ``TOKEN`` and ``SECRET``.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import Final, assert_never

from nbincoming.core.auth.schemes import (
    Authorization,
    Hmac,
    Jwt,
    Meta,
    NoAuthorization,
    StandardWebhooks,
)
from nbincoming.core.request.values import Value, json_text
from nbincoming.export.example import EXAMPLE_BODY

#: Characters that a shell does not expand within double quotes.
_HARMLESS: Final = re.compile(r"[A-Za-z0-9 :;,.=_/+-]*")


@dataclass
class _Credentials:
    """The headers that authorize a request, and how the shell computes them.

    Attributes
    ----------
    before : str
        Lines that set shell variables, such as the signature.
    headers : list of (str, str)
        Each header: its text, and the shell variable that ends it.
    """

    before: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)


def curl(url: str, authorization: Authorization, body: Value = None) -> str:
    """Write a curl command that posts a body, by default :data:`EXAMPLE_BODY`."""
    text = json_text(EXAMPLE_BODY if body is None else body)
    credentials = _credentials(authorization, text)
    lines = [
        f"curl --include {shlex.quote(url)}",
        "--header 'Content-Type: application/json'",
        *(f"--header {_quoted(*each)}" for each in credentials.headers),
        f"--data-raw {shlex.quote(text)}",
    ]
    return credentials.before + " \\\n  ".join(lines)


def _credentials(authorization: Authorization, text: str) -> _Credentials:
    match authorization:
        case NoAuthorization():
            return _Credentials()
        case Jwt():
            return _Credentials("", [("Authorization: Bearer ", "TOKEN")])
        case Meta():
            before = _signing(shlex.quote(text), "sha256", "hex")
            return _Credentials(before, [("X-Hub-Signature-256: sha256=", "SIGNATURE")])
        case Hmac() as scheme:
            credentials, content = _Credentials(), shlex.quote(text)
            if scheme.timestamp_header is not None:
                credentials.before = "TIMESTAMP=$(date +%s)\n"
                content = f'"$TIMESTAMP".{content}'
                credentials.headers.append((f"{scheme.timestamp_header}: ", "TIMESTAMP"))
            credentials.before += _signing(content, scheme.algorithm, scheme.encoding)
            credentials.headers.append((f"{scheme.header}: {scheme.prefix}", "SIGNATURE"))
            return credentials
        case StandardWebhooks():
            names = ("id", "timestamp", "signature")
            return _Credentials("", [(f"webhook-{name}: ", name.upper()) for name in names])
        case _:
            assert_never(authorization)


def _quoted(text: str, variable: str) -> str:
    """Write a header that ends with a shell variable.

    A spec may come from a stranger, so the shell must not run its text.
    """
    if _HARMLESS.fullmatch(text):
        return f'"{text}${variable}"'
    return f'{shlex.quote(text)}"${variable}"'


def _signing(content: str, digest: str, encoding: str) -> str:
    written = "-r | cut -d' ' -f1" if encoding == "hex" else "-binary | openssl base64 -A"
    return f'SIGNATURE=$(printf %s {content} | openssl dgst -{digest} -hmac "$SECRET" {written})\n'
