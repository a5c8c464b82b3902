"""Golden examples for a spec: chosen from samples, redacted, with what must become of them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from nbincoming.core.gateway import Rules
from nbincoming.core.labels import ELEMENTS, Path, parse
from nbincoming.core.message import Request
from nbincoming.core.parameters import decode, is_secret_header
from nbincoming.core.spec import Example, Spec
from nbincoming.core.values import Value, json_text
from nbincoming.errors import Refusal
from nbincoming.history.replay import expectation
from nbincoming.history.samples import Sample

#: Examples are for people, too: more than these say no more.
MAX_EXAMPLES: Final = 10

#: What stands for a text that decides nothing.
REDACTED: Final = "redacted"

#: Headers that make no difference and tell about the sender's network.
_DROPPED: Final = frozenset({"host", "connection", "content-length", "accept-encoding"})


def choose_examples(samples: Sequence[Sample], spec: Spec) -> tuple[Example, ...]:
    """Choose one sample for each outcome and set of triggers, redacted.

    Texts and numbers that neither a key nor a condition reads are replaced; where that
    would change the outcome, the sample is left out.
    """
    rules = Rules(spec)
    chosen: dict[tuple[object, ...], Example] = {}
    for sample in samples:
        redacted = redact(sample.request, spec)
        if redacted is None:
            continue
        found = expectation(redacted, rules)
        place = (found["outcome"], found["triggers"])
        if place in chosen or found != expectation(sample.request, rules):
            continue
        name = "-".join([str(found["outcome"]), *found["triggers"]])  # type: ignore[misc]
        chosen[place] = Example.model_validate(
            {
                "name": name,
                "headers": [(n.decode(), v.decode()) for n, v in redacted.headers],
                "body": redacted.body.decode(),
                "received_at_ms": redacted.received_at_ms,
                **found,
            }
        )
        if len(chosen) == MAX_EXAMPLES:
            break
    return tuple(chosen.values())


def redact(request: Request, spec: Spec) -> Request | None:
    """Replace what decides nothing and drop credentials; None where the body is not JSON.

    The names and kinds of all parameters stay, and so do the values that a key or a
    condition of the spec reads.
    """
    try:
        body = decode(request.body, limits=spec.limits)
    except Refusal:
        return None
    kept = [parse(label) for label in spec.labels()]
    headers = []
    for raw_name, raw_value in request.headers:
        name = raw_name.decode("latin-1").lower()
        if name in _DROPPED or is_secret_header(name):
            continue
        if name != "content-type" and not _is_kept(("headers", name), kept):
            raw_value = REDACTED.encode()
        try:
            raw_value.decode()
        except UnicodeDecodeError:
            return None
        headers.append((name.encode(), raw_value))
    text = json_text(_redacted(body, ("body",), kept))
    return Request(
        request.method, request.target, tuple(headers), text.encode(), request.received_at_ms
    )


def _redacted(value: Value, path: Path, kept: Sequence[Path]) -> Value:
    if _is_kept(path, kept):
        return value
    match value:
        case dict():
            return {name: _redacted(child, (*path, name), kept) for name, child in value.items()}
        case list():
            return [_redacted(child, (*path, index), kept) for index, child in enumerate(value)]
        case str():
            return REDACTED
        case bool() | None:
            return value
        case int() | Decimal():
            return 0
    raise AssertionError(type(value))


def _is_kept(path: Path, kept: Sequence[Path]) -> bool:
    """Tell whether a parameter is one of these, or lies within one."""
    return any(
        len(path) >= len(wanted)
        and all(
            want == have or (want is ELEMENTS and isinstance(have, int))
            for want, have in zip(wanted, path, strict=False)
        )
        for wanted in kept
    )
