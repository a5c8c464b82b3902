"""Golden examples for a spec: chosen from samples, redacted, with what must become of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from itertools import chain, count
from typing import Any, Final

from nbincoming.core.conditions import Leaf, Reference, leaves, referenced
from nbincoming.core.examples import expectation
from nbincoming.core.gateway import Rules
from nbincoming.core.labels import ELEMENTS, Path, parse
from nbincoming.core.leaves import placed_leaves
from nbincoming.core.message import Request
from nbincoming.core.operators import OPERATORS
from nbincoming.core.parameters import decode, is_secret_header
from nbincoming.core.spec import Example, Spec
from nbincoming.core.values import Value, json_text
from nbincoming.errors import Refusal
from nbincoming.history.coverage import branches
from nbincoming.history.samples import Sample

#: Examples are for people, too: more than these say no more.
MAX_EXAMPLES: Final = 10

#: What stands for a text that decides nothing.
REDACTED: Final = "redacted"

#: Headers that make no difference and tell about the sender's network.
_DROPPED: Final = frozenset({"host", "connection", "content-length", "accept-encoding"})

#: Headers that decide, whatever the spec says.
_CHECKED: Final = frozenset({"content-type", "content-encoding"})

#: Operators that ask whether there is a value and how large an array is, not what it is.
_SHAPE: Final = frozenset(
    row.name for row in OPERATORS if row.type == "any" or row.operand == "count"
)


def choose_examples(samples: Sequence[Sample], spec: Spec) -> tuple[Example, ...]:
    """Choose a sample for each outcome, set of triggers and branch of a condition, redacted.

    First the outcomes; then what shows a leaf of a trigger to hold, or not to, that none
    before it shows. Texts and numbers that neither a key nor a condition reads are replaced;
    where that would change the outcome, the sample is left out.
    """
    rules, placed = Rules(spec), placed_leaves(spec)
    firsts: dict[tuple[object, ...], tuple[Request, dict[str, object]]] = {}
    others: list[tuple[Request, dict[str, object]]] = []
    for sample in samples:
        redacted = redact(sample.request, spec)
        if redacted is None:
            continue
        found = expectation(redacted, rules)
        if found != expectation(sample.request, rules):
            continue
        place = (found["outcome"], found["triggers"])
        if place in firsts:
            others.append((redacted, found))
        else:
            firsts[place] = redacted, found
    chosen = list(firsts.values())[:MAX_EXAMPLES]
    shown = {branch for each, _ in chosen for branch in branches(each, spec, rules, placed)}
    for redacted, found in others:
        if len(chosen) == MAX_EXAMPLES or len(shown) == 2 * len(placed):
            break
        reached = branches(redacted, spec, rules, placed)
        if reached - shown:
            chosen.append((redacted, found))
            shown |= reached
    return _named(chosen)


def _named(chosen: Sequence[tuple[Request, dict[str, object]]]) -> tuple[Example, ...]:
    examples: list[Example] = []
    for request, found in chosen:
        data = {
            "name": _name(found, {example.name for example in examples}),
            "headers": [(name.decode(), value.decode()) for name, value in request.headers],
            "body": request.body.decode(),
            "received_at_ms": request.received_at_ms,
        }
        examples.append(Example.model_validate({**data, **found}))
    return tuple(examples)


def redact(request: Request, spec: Spec) -> Request | None:
    """Replace what decides nothing and drop credentials; None where the body is not JSON.

    The names and kinds of all parameters stay, and so do the values that a key or a
    condition of the spec reads.
    """
    try:
        body = decode(request.body, limits=spec.limits)
    except Refusal:
        return None
    kept = [parse(label) for label in _decisive(spec)]
    headers = []
    for raw_name, raw_value in request.headers:
        name = raw_name.decode("latin-1").lower()
        if is_secret_header(name):
            continue
        # A repeated header may be read in part: its values are kept together.
        if ("headers", name) not in [path[:2] for path in kept]:
            if name in _DROPPED:
                continue
            if name not in _CHECKED and raw_value:
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


def _decisive(spec: Spec) -> set[str]:
    """Gather the parameters whose values decide anything."""
    labels = set(spec.deduplication.parameters) if spec.deduplication else set()
    for trigger in spec.triggers:
        for leaf in leaves(trigger.when):
            # A condition on elements names by itself what it reads of each.
            if isinstance(leaf, Leaf) and leaf.operator not in _SHAPE:
                labels |= referenced(leaf)
            elif isinstance(leaf, Leaf) and isinstance(leaf.value, Reference):
                labels.add(leaf.value.parameter)
    return labels


def _name(found: Mapping[str, Any], taken: Set[str]) -> str:
    """Name an example by what becomes of it; names of triggers may read the same joined."""
    name = "-".join([found["outcome"], *found["triggers"]])
    numbers = (f"{name}-{number}" for number in count(2))
    return next(each for each in chain([name], numbers) if each not in taken)


def _redacted(value: Value, path: Path, kept: Sequence[Path]) -> Value:
    if _is_kept(path, kept):
        return value
    match value:
        case dict():
            return {name: _redacted(child, (*path, name), kept) for name, child in value.items()}
        case list():
            return [_redacted(child, (*path, index), kept) for index, child in enumerate(value)]
        case str():
            return REDACTED if value else value
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
