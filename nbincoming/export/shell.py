"""Commands that send a request, to be pasted into a shell.

Secrets stand in them as variables: ``TOKEN``, ``SECRET`` and the like.
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

#: Text that means nothing to a shell within double quotes.
_HARMLESS: Final = re.compile(r"[A-Za-z0-9 :;,.=_/+-]*")


@dataclass
class _Credentials:
    """What a shell must do so that a request is accepted.

    Attributes
    ----------
    before : str
        Lines that compute what the headers carry.
    headers : list of (str, str)
        The text of a header up to what varies, and the variable that has the rest.
    """

    before: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)


def curl(url: str, authorization: Authorization, body: Value = None) -> str:
    """Write a curl command for an endpoint; secrets stand in it as shell variables."""
    start = f"curl --include {shlex.quote(url)}"
    return _command(start, authorization, body, header="--header ", data="--data-raw")


def httpie(url: str, authorization: Authorization, body: Value = None) -> str:
    """Write an HTTPie command for an endpoint; secrets stand in it as shell variables."""
    # without --ignore-stdin, a script's own input would be the body
    start = f"http --ignore-stdin --print=hb POST {shlex.quote(url)}"
    return _command(start, authorization, body, header="", data="--raw")


def _command(
    start: str, authorization: Authorization, body: Value, *, header: str, data: str
) -> str:
    text = json_text(EXAMPLE_BODY if body is None else body)
    needed = _credentials(authorization, text)
    lines = [
        start,
        f"{header}'Content-Type: application/json'",
        *(header + _quoted(*each) for each in needed.headers),
        f"{data} {shlex.quote(text)}",
    ]
    return needed.before + " \\\n  ".join(lines)


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
            needed, content = _Credentials(), shlex.quote(text)
            if scheme.timestamp_header is not None:
                needed.before = "TIMESTAMP=$(date +%s)\n"
                content = f'"$TIMESTAMP".{content}'
                needed.headers.append((f"{scheme.timestamp_header}: ", "TIMESTAMP"))
            needed.before += _signing(content, scheme.algorithm, scheme.encoding)
            needed.headers.append((f"{scheme.header}: {scheme.prefix}", "SIGNATURE"))
            return needed
        case StandardWebhooks():
            names = ("id", "timestamp", "signature")
            return _Credentials("", [(f"webhook-{name}: ", name.upper()) for name in names])
        case _:
            assert_never(authorization)


def _quoted(text: str, variable: str) -> str:
    """Write a header that ends with a shell variable.

    Whatever a spec from elsewhere names its headers, the shell must not run any of it.
    """
    if _HARMLESS.fullmatch(text):
        return f'"{text}${variable}"'
    return f'{shlex.quote(text)}"${variable}"'


def _signing(content: str, digest: str, encoding: str) -> str:
    written = "-r | cut -d' ' -f1" if encoding == "hex" else "-binary | openssl base64 -A"
    return f'SIGNATURE=$(printf %s {content} | openssl dgst -{digest} -hmac "$SECRET" {written})\n'
