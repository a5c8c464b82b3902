"""A curl command that sends a request to an endpoint.

It names secrets as shell variables, such as ``TOKEN`` and ``SECRET``.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from nbincoming.core.auth.proofs.header_token import TokenInHeader
from nbincoming.core.auth.proofs.public_url import FORWARDED, public_url
from nbincoming.core.auth.proofs.signature_format import SignatureFormat
from nbincoming.core.auth.proofs.template import Part, parts_of, placeholders_of
from nbincoming.core.auth.schemes import Authorization, Basic, Jwt, NoAuthorization
from nbincoming.core.auth.signature_schemes import StandardWebhooks
from nbincoming.core.request.message import Request
from nbincoming.core.request.values import Value, json_text
from nbincoming.export.example import EXAMPLE_BODY

#: Characters that a shell does not expand within double quotes.
_HARMLESS: Final = re.compile(r"[A-Za-z0-9 :;,.=_/+-]*")


#: How the shell writes the time.
_DATES: Final = {
    "s": "date +%s",
    "ms": "echo $(date +%s)000",
    "iso8601": "date -u +%Y-%m-%dT%H:%M:%SZ",
}


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
    credentials = _credentials(authorization, url, text)
    lines = [
        f"curl --include {shlex.quote(url)}",
        "--header 'Content-Type: application/json'",
        *(f"--header {_quoted(*each)}" for each in credentials.headers),
        f"--data-raw {shlex.quote(text)}",
    ]
    return credentials.before + " \\\n  ".join(lines)


def _credentials(authorization: Authorization, url: str, text: str) -> _Credentials:
    match authorization:
        case NoAuthorization():
            return _Credentials()
        case Jwt():
            return _Credentials("", [("Authorization: Bearer ", "TOKEN")])
        case Basic():
            before = 'CREDENTIALS=$(printf %s "$SECRET" | openssl base64 -A)\n'
            return _Credentials(before, [("Authorization: Basic ", "CREDENTIALS")])
        case StandardWebhooks():
            names = ("id", "timestamp", "signature")
            return _Credentials("", [(f"webhook-{name}: ", name.upper()) for name in names])
        case _:
            proof = authorization.proof()
    if isinstance(proof, SignatureFormat) and proof.is_symmetric:
        return _signature(proof, url, text)
    if isinstance(proof, TokenInHeader):
        return _Credentials("", [(f"{proof.header}: {proof.prefix}", "SECRET")])
    # A shell does not compute these. The caller sets the variables, or fills in the body.
    return _Credentials("", [(f"{name}: ", _variable(name)) for name in proof.headers()])


def _signature(proof: SignatureFormat, url: str, text: str) -> _Credentials:
    """Compute an HMAC by openssl."""
    used = placeholders_of(proof.signed)
    credentials = _Credentials()
    if "timestamp" in used:
        credentials.before += f"TIMESTAMP=$({_DATES[proof.timestamp_format]})\n"
    if "id" in used:
        credentials.before += "ID=$(openssl rand -hex 16)\n"
    variables = {proof.timestamp_header: "TIMESTAMP", proof.id_header: "ID"}
    for name in proof.signed_headers():
        credentials.headers.append((f"{name}: ", variables.get(name) or _variable(name)))
    content = "".join(_shell_part(part, proof, url, text) for part in parts_of(proof.signed))
    credentials.before += _signing(content, proof)
    start = f"{proof.header}: {proof.start}"
    if proof.timestamp_member is not None:
        # The shell expands $TIMESTAMP within the value of the variable, not within the header.
        separator = proof.separator or ","
        member = shlex.quote(f"{separator}{proof.start}")
        name = shlex.quote(f"{proof.timestamp_member}=")
        credentials.before += f'SIGNATURE={name}"$TIMESTAMP"{member}"$SIGNATURE"\n'
        start = f"{proof.header}: "
    credentials.headers.append((start, "SIGNATURE"))
    return credentials


def _shell_part(part: Part, proof: SignatureFormat, url: str, text: str) -> str:
    """Write a part of what is signed as a word of the shell."""
    match part.placeholder:
        case "timestamp" | "id":
            return f'"${part.placeholder.upper()}"'
        case "header":
            known = {proof.timestamp_header: "TIMESTAMP", proof.id_header: "ID"}
            return f'"${known.get(part.text) or _variable(part.text)}"'
        case "":
            return shlex.quote(part.text)
        case "body":
            return shlex.quote(text)
        case "method":
            return "POST"
        case "path":
            return shlex.quote(urlsplit(url).path)
        case _:
            here = urlsplit(url)
            request = Request("POST", here.path, ((b"host", here.netloc.encode()),), b"", 0)
            known_url = None if proof.url == FORWARDED else proof.url
            return shlex.quote(public_url(request, known_url).decode())


def _variable(header: str) -> str:
    """Return the shell variable for a header that the caller sets."""
    return "HEADER_" + re.sub(r"[^A-Z0-9]", "_", header.upper())


def _quoted(text: str, variable: str) -> str:
    """Write a header that ends with a shell variable.

    A spec may come from a stranger, so the shell must not run its text.
    """
    if _HARMLESS.fullmatch(text):
        return f'"{text}${variable}"'
    return f'{shlex.quote(text)}"${variable}"'


def _signing(content: str, proof: SignatureFormat) -> str:
    written = {
        "hex": "-r | cut -d' ' -f1",
        "base64": "-binary | openssl base64 -A",
        "base64url": "-binary | openssl base64 -A | tr '+/' '-_' | tr -d '='",
    }[proof.encoding]
    key = '-hmac "$SECRET"'
    if proof.secret_encoding == "hex":
        key = '-mac HMAC -macopt "hexkey:$SECRET"'
    elif proof.secret_encoding != "text":
        start = "${SECRET#whsec_}" if proof.secret_encoding == "standard" else "$SECRET"
        as_hex = f"printf %s \"{start}\" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \\n'"
        key = f'-mac HMAC -macopt "hexkey:$({as_hex})"'
    return f"SIGNATURE=$(printf %s {content} | openssl dgst -{proof.algorithm} {key} {written})\n"
