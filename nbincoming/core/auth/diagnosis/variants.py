"""Forms of the secret and of the body that senders use by mistake."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from nbincoming.core.auth.proofs.public_url import FORWARDED, public_url
from nbincoming.core.auth.signatures import Encoding
from nbincoming.core.request.message import Request
from nbincoming.core.request.reading import decode
from nbincoming.errors import Refusal

#: Largest body that is tried in other forms, in bytes. Each form takes time.
_MAX_REWRITTEN_BYTES: Final = 1_048_576

_EPOCH_TIME: Final = re.compile(rb"[0-9]{10}(?:[0-9]{3})?")


@dataclass(frozen=True, slots=True)
class Variant:
    """A secret or a signed content that a sender may have used.

    Attributes
    ----------
    value : bytes
        The secret or the content.
    mistake : str
        What the sender did wrong, as a clause after "The sender". Empty for the right value.
    """

    value: bytes
    mistake: str = ""


def secret_variants(secret: bytes) -> list[Variant]:
    """List the forms of a secret that senders use, the right one first."""
    text = secret.strip()
    plain = _unquoted(text)
    found = [Variant(secret)]
    if text != secret:
        found.append(Variant(text, "used the secret without the white space around it"))
    if plain != text:
        found.append(Variant(plain, "used the secret without the quotes around it"))
    found += [
        Variant(plain + end, "used the secret with a line break at its end")
        for end in (b"\n", b"\r\n")
    ]
    bare = plain.removeprefix(b"whsec_")
    if bare != plain:
        found.append(Variant(bare, "used the secret without its prefix whsec_"))
    found += [
        Variant(decoded, f"decoded the secret from {name}")
        for name, decoded in (
            *(("base64", value) for value in decoded(bare, "base64")),
            *(("hexadecimal", value) for value in decoded(bare, "hex")),
        )
    ]
    return _distinct(found)


def body_variants(body: bytes) -> list[Variant]:
    """List the forms of a body that senders sign, the received one first."""
    if len(body) > _MAX_REWRITTEN_BYTES:
        return [Variant(body)]
    found = [Variant(body)]
    for text, how in (
        (body.strip(), "without white space around it"),
        (body + b"\n", "with a line break at its end"),
        (body + b"\r\n", "with a line break at its end"),
        *_serialized(body),
    ):
        found.append(Variant(text, f"signed the body {how}, not as it was sent"))
    return _distinct(found)


def timed_variants(request: Request, body: Iterable[Variant], time: bytes | None) -> list[Variant]:
    """List the contents that senders sign, with and without a time.

    Parameters
    ----------
    request
        The request, whose headers may contain a time.
    body
        The forms of the body.
    time
        The time that must be signed with the body; None if only the body must be signed.
    """
    bodies = list(body)
    if time is not None:
        return [
            *(Variant(time + b"." + each.value, each.mistake) for each in bodies),
            Variant(request.body, "signed the body without the time; sign <time>.<body>"),
        ]
    times = {value for _, value in request.headers if _EPOCH_TIME.fullmatch(value.strip())}
    return [
        *bodies,
        *(
            Variant(
                each.strip() + b"." + request.body,
                "signed the time with the body; sign only the body",
            )
            for each in sorted(times)
        ),
    ]


def url_variants(request: Request, url: str | None) -> list[tuple[str, str]]:
    """List the URLs that senders sign, without the query, each with its mistake.

    The right one is the first.
    """
    request = request._replace(target=request.path)
    found: dict[str, str] = {}
    for option, words in (
        (url, ""),
        (None, "signed the URL with the Host that arrived here; leave out the option url"),
        (FORWARDED, "signed the URL that the proxy received; set the option url"),
    ):
        try:
            text = public_url(request, option).decode("utf-8", "surrogateescape")
        except Refusal:
            continue
        for variant, how in (
            (text, ""),
            (_with_scheme(text, "http"), "with http; set the option url"),
            (_with_scheme(text, "https"), "with https; set the option url"),
            (text.rstrip("/"), "without the slash at its end"),
            (text + "/", "with a slash at its end"),
        ):
            found.setdefault(variant, words or (how and f"signed the URL {how}"))
    return list(found.items())


def _with_scheme(url: str, scheme: str) -> str:
    return f"{scheme}://{url.partition('://')[2]}"


def decoded(text: bytes, encoding: Encoding) -> list[bytes]:
    """Decode a text; return an empty list if it is not valid in this encoding."""
    try:
        if encoding == "hex":
            return [binascii.unhexlify(text)]
        standard = text.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        return [base64.b64decode(standard + b"=" * (-len(standard) % 4), validate=True)]
    except ValueError:
        return []


def _serialized(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Write a JSON body as common libraries do."""
    try:
        decode(body)  # checks the limits, so that json.loads cannot fail
    except Refusal:
        return
    value = json.loads(body)
    for how, indent, separators in (
        ("as compact JSON", None, (",", ":")),
        ("as JSON with spaces after commas and colons", None, (", ", ": ")),
        ("as JSON indented by 2", 2, (",", ": ")),
        ("as JSON indented by 4", 4, (",", ": ")),
    ):
        for escaped in (False, True):
            for ordered in (False, True):
                text = json.dumps(
                    value,
                    indent=indent,
                    separators=separators,
                    ensure_ascii=escaped,
                    sort_keys=ordered,
                )
                words = how + (", escaped to ASCII" if escaped else "")
                yield text.encode(), words + (", members sorted" if ordered else "")


def _unquoted(text: bytes) -> bytes:
    quoted = len(text) > 1 and text[:1] == text[-1:] and text[:1] in (b'"', b"'")
    return text[1:-1].strip() if quoted else text


def _distinct(variants: Iterable[Variant]) -> list[Variant]:
    """Keep the first of the variants with the same value."""
    found: dict[bytes, Variant] = {}
    for variant in variants:
        found.setdefault(variant.value, variant)
    return list(found.values())
